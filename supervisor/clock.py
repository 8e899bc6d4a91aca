"""Time as an argument: the protocol, and the clock of the real world."""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

# Linux counts the time it was suspended in BOOTTIME; on macOS only the raw clock does.
_SINCE_BOOT: Final[int] = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC_RAW", -1))


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


class MachineTime(Clock, Protocol):
    """The clocks of a machine: one more than rooms are given, for whoever looks for gaps in time."""

    def boottime(self) -> float:
        """Return seconds since the machine was started, those included for which it was suspended."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return the monotonic clock's seconds."""
        return time.monotonic()

    def boottime(self) -> float:
        """Return the seconds since the boot, suspends included where the system counts them."""
        return time.monotonic() if _SINCE_BOOT < 0 else time.clock_gettime(_SINCE_BOOT)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the event loop."""
        await asyncio.sleep(seconds)
