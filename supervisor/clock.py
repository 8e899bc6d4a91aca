"""Time as an argument: the protocol, and the clock of the real world."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Where every room gets the time from, so that tests can move it."""

    def now(self) -> float:
        """Return wall-clock seconds since the epoch: for display and for stored times."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never jump: for deadlines, windows and durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock have passed."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return the monotonic clock's seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the event loop."""
        await asyncio.sleep(seconds)
