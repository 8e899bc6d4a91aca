"""The team's circuit breaker of the plain model: who may start, and who is tried first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

PERIOD_S: Final = 60.0
HOLD_S: Final = 60.0


@dataclass
class PlainBreaker:
    """More than `limit` restarts in a minute: nobody starts for a minute, then one, then all."""

    limit: int
    restarts: list[float] = field(default_factory=list)
    open_until: float | None = None
    probe: str = ""

    @property
    def closed(self) -> bool:
        return self.open_until is None

    def lets_try(self, now: float) -> bool:
        """Tell whether the time is over in which nobody at all may start."""
        return self.open_until is None or now >= self.open_until

    def holds(self, name: str, now: float) -> bool:
        """Tell whether an agent must wait; one that need not is the one that is tried."""
        if self.open_until is None:
            return False
        if now < self.open_until or self.probe not in {"", name}:
            return True
        self.probe = name
        return False

    def count(self, now: float) -> bool:
        """Count a restart; tell whether that was one too many."""
        self.restarts = [each for each in self.restarts if each > now - PERIOD_S] + [now]
        if self.closed and len(self.restarts) > self.limit:
            self.open(now)
            return True
        return False

    def open(self, now: float) -> None:
        self.open_until, self.probe = now + HOLD_S, ""

    def close(self) -> None:
        self.open_until, self.probe, self.restarts = None, "", []
