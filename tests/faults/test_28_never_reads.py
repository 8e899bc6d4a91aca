"""Fault 28: an agent never reads its stdin while it is sent more than a megabyte.

Nobody waits for it: what it does not take is queued up to a bound and then refused. It can still be stopped.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

import pytest

from supervisor.model.team import StopLadder
from supervisor.runtime.input import QUEUE_BYTES
from supervisor.testing.chaos import ChaosTeam, is_alive

BLOCK = b"x" * 65_536


async def test_nobody_waits_for_it_and_the_queue_is_bounded() -> None:
    async with ChaosTeam() as team:
        child = team.start("idle", takes_input=True)
        (pid,) = await child.ready()
        began, sent = time.monotonic(), 0
        while child.process.tell(BLOCK):
            sent += len(BLOCK)
            assert sent < 4 * QUEUE_BYTES
        assert time.monotonic() - began < 1.0
        assert sent >= QUEUE_BYTES
        assert (await child.process.stop(StopLadder())).empty
        assert not is_alive(pid)


def test_a_plain_write_would_wait_for_ever() -> None:
    """The canary: a pipe that nobody reads takes so much and no more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        for _ in range(100):
            os.write(writer, BLOCK)
    with pytest.raises(BlockingIOError):
        os.write(writer, BLOCK)
    os.close(reader)
    os.close(writer)
