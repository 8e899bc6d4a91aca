"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

_MAX_TURNS = 10_000


class VirtualClock:
    """Fill the Clock protocol with time that passes only in `advance`.

    Sleepers wake in the order of their deadlines, equal ones in the order in which they went to
    sleep, and everything that a wake-up sets off has run before the next sleeper wakes.
    `jump` moves the wall clock alone, as an administrator or NTP does; `suspend` what a laptop
    does with its lid closed, `stall` what a SIGSTOP does: time passes, and nobody wakes in it.
    """

    def __init__(self, *, now: float = 1_700_000_000.0, monotonic: float = 1_000.0) -> None:
        """Start at the given wall-clock and monotonic seconds."""
        self._now = now
        self._monotonic = monotonic
        self._asleep = 0.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Return the wall-clock seconds."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that never jump."""
        return self._monotonic

    def boottime(self) -> float:
        """Return the monotonic seconds and those of all suspends."""
        return self._monotonic + self._asleep

    @property
    def next_wake(self) -> float | None:
        """Return the seconds until the next sleeper wakes; None when nobody sleeps."""
        self._forget_cancelled()
        return self._sleepers[0][0] - self._monotonic if self._sleepers else None

    async def sleep(self, seconds: float) -> None:
        """Return once the clock was advanced by `seconds`; at once, after one turn, for none."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), wake))
        await wake

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, and everything happen that falls due in them."""
        end = self._monotonic + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, wake = heapq.heappop(self._sleepers)
            if wake.done():
                continue
            self._move_to(due)
            wake.set_result(None)
            await self.settle()
        self._move_to(end)

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward, or back for a negative number; nobody wakes."""
        self._now += seconds

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: the monotonic clock stands still, and nobody notices."""
        self._now += seconds
        self._asleep += seconds

    async def stall(self, seconds: float) -> None:
        """Let nobody run for so long; whoever was due meanwhile wakes late, all at once."""
        end = self._monotonic + seconds
        await self.settle()
        self._move_to(end)
        while self._sleepers and self._sleepers[0][0] <= end:
            _, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
        await self.settle()

    async def settle(self) -> None:
        """Run every task as far as it gets without time or the outside world."""
        # The loop's queue of runnable callbacks is private, but it alone tells when all are waiting;
        # a fixed number of turns would be too few for one test and slow in another.
        runnable = getattr(asyncio.get_running_loop(), "_ready", ())
        for _ in range(_MAX_TURNS):
            await asyncio.sleep(0)
            if not runnable:
                return
        raise RuntimeError(f"tasks still run after {_MAX_TURNS} turns of the loop: one of them spins")

    def _move_to(self, monotonic: float) -> None:
        self._now += monotonic - self._monotonic
        self._monotonic = monotonic

    def _forget_cancelled(self) -> None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
