"""Reading a pipe in chunks, with a budget, and holding back who writes too much."""

from __future__ import annotations

import asyncio
import fcntl
import os

from supervisor.clock import SystemClock
from supervisor.runtime import output as output_module
from supervisor.runtime.output import CHUNK_BYTES, CHUNKS_PER_TURN, OutputPipe


def pipe() -> tuple[int, int]:
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    return read_end, write_end


async def test_no_turn_of_the_loop_reads_more_than_its_budget() -> None:
    read_end, write_end = pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 1_048_576)
    got = bytearray()
    output = OutputPipe(read_end, got.extend, SystemClock())
    total = os.write(write_end, b"x" * 1_048_576)
    assert total > CHUNKS_PER_TURN * CHUNK_BYTES, "the canary: there is more than a turn's worth"
    per_turn = []
    while len(got) < total:
        before = len(got)
        await asyncio.sleep(0)
        per_turn.append(len(got) - before)
    assert max(per_turn) == CHUNKS_PER_TURN * CHUNK_BYTES
    output.close()
    os.close(write_end)


async def test_who_answers_false_is_given_a_moment_and_loses_nothing() -> None:
    read_end, write_end = pipe()
    got = bytearray()
    answers = iter([False, False])
    whole = asyncio.Event()

    def take(chunk: bytes) -> bool:
        got.extend(chunk)
        if got.endswith(b"end"):
            whole.set()
        return next(answers, True)

    output = OutputPipe(read_end, take, SystemClock())
    loop = asyncio.get_running_loop()
    began = loop.time()
    os.write(write_end, b"one")
    while not got:
        await asyncio.sleep(0)
    os.write(write_end, b"two")
    await asyncio.sleep(0.001)
    assert got == b"one", "held back"
    async with asyncio.timeout(5):
        while got != b"onetwo":
            await asyncio.sleep(0.001)
        os.write(write_end, b"end")
        await whole.wait()
    assert loop.time() - began >= 0.03
    output.close()
    os.close(write_end)


async def test_closing_while_held_back_reads_no_more() -> None:
    read_end, write_end = pipe()
    got = bytearray()

    def take(chunk: bytes) -> bool:
        got.extend(chunk)
        return False

    output = OutputPipe(read_end, take, SystemClock())
    os.write(write_end, b"one")
    while not got:
        await asyncio.sleep(0)
    output.close()
    output.close()
    output.drain()
    await asyncio.sleep(0.03)
    assert got == b"one"
    os.close(write_end)


async def test_end_of_file_ends_the_reading() -> None:
    read_end, write_end = pipe()
    got = bytearray()
    output = OutputPipe(read_end, got.extend, SystemClock())
    os.write(write_end, b"last words")
    os.close(write_end)
    output.drain()
    assert got == b"last words"
    output.close()


async def test_draining_a_pipe_that_others_fill_comes_to_an_end() -> None:
    read_end, write_end = pipe()
    read = 0

    def refill(chunk: bytes) -> None:
        nonlocal read
        read += len(chunk)
        os.write(write_end, chunk)

    output = OutputPipe(read_end, refill, SystemClock())
    os.write(write_end, b"x" * CHUNK_BYTES)
    output.drain()
    assert read <= 1_048_576
    output.close()
    os.close(write_end)


class Steady:
    """A child that writes little and often, and the pipe that reads it; counts how often it is read."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.reads = 0
        read_end, self.write_end = pipe()
        self.output = OutputPipe(read_end, self.take, SystemClock())

    def take(self, chunk: bytes) -> bool:
        self.reads += 1
        self.got.extend(chunk)
        return True

    async def until_in_rounds(self) -> None:
        async with asyncio.timeout(5):
            while self.output not in output_module._rounds_of(asyncio.get_running_loop()):
                os.write(self.write_end, b"line\n")
                await asyncio.sleep(0.001)

    async def until_got(self, size: int) -> None:
        async with asyncio.timeout(5):
            while len(self.got) < size:
                await asyncio.sleep(0.001)

    def close(self) -> None:
        self.output.close()
        os.close(self.write_end)


async def test_who_writes_little_and_often_is_read_in_rounds_and_loses_nothing() -> None:
    child = Steady()
    await child.until_in_rounds()
    before = child.reads
    written = len(child.got)
    begun = asyncio.get_running_loop().time()
    for number in range(100):
        written += os.write(child.write_end, b"line %d\n" % number)
        await asyncio.sleep(0.001)
    await child.until_got(written)
    rounds = (asyncio.get_running_loop().time() - begun) / output_module._ROUND_S
    assert child.reads - before <= rounds + 2, "not once for each line"
    assert child.got.endswith(b"line 99\n")
    child.close()


async def test_who_falls_silent_leaves_the_rounds_and_is_heard_again() -> None:
    child = Steady()
    await child.until_in_rounds()
    rounds = output_module._rounds_of(asyncio.get_running_loop())
    async with asyncio.timeout(5):
        while child.output in rounds:
            await asyncio.sleep(0.001)
    os.write(child.write_end, b"again\n")
    async with asyncio.timeout(5):
        while not child.got.endswith(b"again\n"):
            await asyncio.sleep(0)
    child.close()


async def test_who_begins_to_flood_leaves_the_rounds() -> None:
    child = Steady()
    await child.until_in_rounds()
    flood = b"x" * 60_000
    os.write(child.write_end, flood)
    rounds = output_module._rounds_of(asyncio.get_running_loop())
    async with asyncio.timeout(5):
        while child.output in rounds:
            await asyncio.sleep(0.001)
    assert child.got.endswith(flood)
    child.close()


async def test_a_pipe_that_is_closed_or_ends_in_a_round_is_read_no_more() -> None:
    closed, ended = Steady(), Steady()
    await closed.until_in_rounds()
    await ended.until_in_rounds()
    os.close(ended.write_end)
    closed.close()
    rounds = output_module._rounds_of(asyncio.get_running_loop())
    async with asyncio.timeout(5):
        while ended.output in rounds:
            await asyncio.sleep(0.001)
    assert closed.output not in rounds
    ended.output.close()
