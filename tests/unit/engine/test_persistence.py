"""What must be written is tried until the database takes it, ever more rarely, or until it is given up."""

from __future__ import annotations

import asyncio

from supervisor.engine.persistence import LONGEST_PAUSE_S, until_taken
from supervisor.errors import DatabaseUnavailable
from supervisor.testing.clock import VirtualClock


class Full:
    """A database that takes nothing until `free` attempts were made."""

    def __init__(self, clock: VirtualClock, free: int) -> None:
        self.clock = clock
        self.free = free
        self.at: list[float] = []

    async def write(self) -> str:
        self.at.append(self.clock.monotonic())
        if len(self.at) <= self.free:
            raise DatabaseUnavailable("the disk is full")
        return "written"


async def test_it_is_tried_again_with_longer_pauses_up_to_a_limit() -> None:
    clock = VirtualClock()
    full = Full(clock, free=7)
    attempt = asyncio.ensure_future(until_taken(full.write, clock, what="a line"))
    await clock.advance(60)
    assert await attempt == "written"
    pauses = [later - earlier for earlier, later in zip(full.at, full.at[1:], strict=False)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


async def test_what_is_given_up_is_tried_no_more() -> None:
    clock = VirtualClock()
    full = Full(clock, free=100)
    attempt = asyncio.ensure_future(
        until_taken(full.write, clock, what="a line", give_up=lambda attempts: attempts == 3)
    )
    await clock.advance(60)
    assert await attempt is None
    assert len(full.at) == 3
