"""What a child is told by its stdin, whether it reads or not."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

from supervisor.model.team import StopLadder
from supervisor.runtime.input import QUEUE_BYTES, InputPipe
from supervisor.testing.chaos import ChaosChild, ChaosTeam


async def test_what_is_sent_arrives_in_order_however_slowly_it_is_read() -> None:
    async with ChaosTeam() as team:
        child = ChaosChild(replace(team.launch("cat"), takes_input=True), None)
        blocks = [bytes([number]) * 65_536 for number in range(10)]
        for block in blocks:
            assert child.process.tell(block)
        child.process.close_input()
        assert (await child.process.wait()).code == 0
        assert bytes(child.output) == b"".join(blocks)
        await child.process.clean_up()


async def test_a_child_without_input_cannot_be_told_anything() -> None:
    async with ChaosTeam() as team:
        child = team.start("idle")
        await child.ready()
        assert not child.process.tell(b"x")
        child.process.close_input()
        await child.process.stop(StopLadder(), now=True)


async def test_a_child_that_reads_nothing_fills_its_own_queue_only() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    pipe = InputPipe(writer)
    sent = 0
    while pipe.write(b"x" * 65_536):
        sent += 65_536
    assert QUEUE_BYTES <= sent <= QUEUE_BYTES + 2 * 65_536 + 65_536
    assert not pipe.write(b"y" * 65_536)
    pipe.finish()
    assert not pipe.write(b"z"), "nothing comes after the end"
    taken = bytearray()
    async with asyncio.timeout(10):
        while chunk := await asyncio.to_thread(os.read, reader, 1 << 20):
            taken += chunk
    assert len(taken) == sent
    os.close(reader)


async def test_a_closed_end_is_told_once_and_costs_nothing() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    pipe = InputPipe(writer)
    os.close(reader)
    assert pipe.write(b"lost"), "that nobody reads is learned by trying"
    assert not pipe.write(b"more")
    pipe.finish()
    pipe.close()


async def test_closing_now_forgets_what_waits() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    pipe = InputPipe(writer)
    while pipe.write(b"x" * 65_536):
        pass
    pipe.close()
    assert not pipe.write(b"x")
    os.close(reader)
