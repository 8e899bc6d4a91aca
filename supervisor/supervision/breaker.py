"""The team's circuit breaker: a dead service must not make every agent restart in step."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from supervisor.clock import Clock
from supervisor.supervision.waiting import wait_at_most

PERIOD_S: Final = 60.0
HOLD_S: Final = 60.0


def limit_for(size: int) -> int:
    """Return how many restarts a team of `size` agents may have within the period."""
    return max(5, 2 * size)


class Breaker:
    """Closed: everyone may start. Open: nobody. Half open: one, the probe, whose success closes it.

    More than `limit` restarts within the period open it for the hold time; a probe that ends before
    it was ready opens it again.
    """

    def __init__(self, *, limit: int, clock: Clock) -> None:
        """Begin closed."""
        self._limit = limit
        self._clock = clock
        self._restarts: deque[float] = deque()
        self._open_until: float | None = None
        self._probe: str | None = None
        self._changed = asyncio.Event()
        self.why_open = ""

    @property
    def closed(self) -> bool:
        """Tell whether everyone may start."""
        return self._open_until is None

    @property
    def hold_s(self) -> float:
        """Return the seconds for which nobody at all may start."""
        return max(0.0, (self._open_until or 0.0) - self._clock.monotonic())

    def resize(self, size: int) -> None:
        """Hear how many agents the team has now."""
        self._limit = limit_for(size)

    def count_restart(self, why: str = "") -> None:
        """Count one restart of any agent, and why it was; too many open the breaker."""
        now = self._clock.monotonic()
        self._restarts.append(now)
        while self._restarts[0] <= now - PERIOD_S:
            self._restarts.popleft()
        if self.closed and len(self._restarts) > self._limit:
            often = f"more than {self._limit} restarts in {PERIOD_S:g} s in the whole team"
            self.why_open = f"{often}; the last: {why}"
            self._open()

    def enter(self, agent: str) -> bool:
        """Let `agent` start if it may now; in the half-open state it becomes the probe."""
        if self.closed:
            return True
        if self.hold_s > 0 or self._probe not in {None, agent}:
            return False
        self._probe = agent
        return True

    def force(self, agent: str) -> None:
        """Let `agent` start by a person's order: in place of the probe if not closed."""
        if not self.closed:
            self._probe = agent

    def succeeded(self, agent: str) -> None:
        """Hear that `agent` is ready: if it was the probe, the breaker closes."""
        if self._probe == agent:
            self._open_until = None
            self._probe = None
            self._restarts.clear()
            self._tell()

    def failed(self, agent: str) -> None:
        """Hear that `agent` ended before it was ready: if it was the probe, open again."""
        if self._probe == agent:
            self._open()

    def withdraw(self, agent: str) -> None:
        """Hear that `agent` does not start after all: another may be the probe."""
        if self._probe == agent:
            self._probe = None
            self._tell()

    async def moved(self) -> None:
        """Return when it is worth asking to enter again."""
        hold_s = self.hold_s
        if hold_s > 0:
            await wait_at_most(self._changed.wait(), self._clock, hold_s)
        else:
            await self._changed.wait()

    async def opened(self) -> None:
        """Return once it is not closed."""
        while self.closed:
            await self._changed.wait()

    async def closed_again(self) -> None:
        """Return once it is closed."""
        while not self.closed:
            await self._changed.wait()

    def _open(self) -> None:
        self._open_until = self._clock.monotonic() + HOLD_S
        self._probe = None
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
