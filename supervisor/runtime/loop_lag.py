"""How late the event loop is, without waking it to find out.

A probe that wakes a hundred times a second costs one percent of a core. The selector knows the same: how
long each turn kept the loop, and how far a wait ran over. Whatever falls due in a turn waits for its end.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WINDOW_S: Final = 10.0
_NOTED_S: Final = 0.001
_MOST_NOTED: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How late something due at any instant would have been: in 99 of 100 cases at most, and at worst."""

    p99_ms: float = 0.0
    max_ms: float = 0.0


class LagMeter:
    """Keeps how long the loop was held, turn by turn, over the last ten seconds."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        """Begin with a loop that was never late."""
        self._now: Final = now
        self._holds: Final[deque[tuple[float, float]]] = deque(maxlen=_MOST_NOTED)

    def note(self, held_s: float) -> None:
        """Hear that the loop was held for so long until now; what is under a millisecond is left out."""
        if held_s >= _NOTED_S:
            self._holds.append((self._now(), held_s))

    def read(self) -> Lag:
        """Return the lag over the last ten seconds."""
        since = self._now() - WINDOW_S
        while self._holds and self._holds[0][0] < since:
            self._holds.popleft()
        holds = sorted((held for _, held in self._holds), reverse=True)
        if not holds:
            return Lag()
        return Lag(p99_ms=1000 * _exceeded_for(0.01 * WINDOW_S, holds), max_ms=1000 * holds[0])


def _exceeded_for(seconds: float, holds: list[float]) -> float:
    """Return the lateness that is exceeded for so many seconds in all; `holds` are in falling order.

    At an instant within a hold the lateness is what is left of it, so a hold of length h is over x for h - x.
    """
    total = 0.0
    for count, held in enumerate(holds, start=1):
        total += held
        shorter = holds[count] if count < len(holds) else 0.0
        if total - count * shorter >= seconds:
            return (total - seconds) / count
    return 0.0


class TimedSelector(selectors.DefaultSelector):
    """A selector that tells a meter how long the loop was away, and how far a wait ran over."""

    def __init__(self, meter: LagMeter) -> None:
        """Tell `meter`."""
        super().__init__()
        self._meter: Final = meter
        self._left_at: float | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait as the platform's selector does."""
        begun = time.perf_counter()
        if self._left_at is not None:
            self._meter.note(begun - self._left_at)
        found = super().select(timeout)
        self._left_at = time.perf_counter()
        if timeout and not found:
            self._meter.note(self._left_at - begun - timeout)
        return found


class TimedLoop(asyncio.SelectorEventLoop):
    """An event loop that knows how late it is."""

    def __init__(self) -> None:
        """Begin with a meter of its own."""
        self.meter: Final = LagMeter()
        super().__init__(TimedSelector(self.meter))


def lag_of_running_loop() -> Lag:
    """Return how late the running loop is; nothing where it does not know."""
    loop = asyncio.get_running_loop()
    return loop.meter.read() if isinstance(loop, TimedLoop) else Lag()
