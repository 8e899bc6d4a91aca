"""Reading a pipe in chunks, with a budget, and holding back who writes too much."""

from __future__ import annotations

import asyncio
import fcntl
import os

from supervisor.clock import SystemClock
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
