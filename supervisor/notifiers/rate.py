"""How often a sink may be used: a bucket of tokens, and a pause after each notice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

HOUR_S: Final = 3600.0

SLACK_PAUSE_S: Final = 1.0
"""Slack takes one message a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A bucket of `burst` tokens that refills with `per_hour`; `at` is the epoch second it was counted.

    The wall clock counts, so that an engine started again goes on with the bucket of the one before;
    where that clock jumps back nothing is refilled, and it begins to count from there.
    """

    per_hour: float
    burst: int
    min_interval_s: float
    tokens: float
    at: float
    used_at: float = 0.0

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next notice may leave; 0 if it may now."""
        refilled = self._refilled(now)
        missing = max(0.0, 1.0 - refilled.tokens) * HOUR_S / self.per_hour
        since = now - self.used_at
        pause = self.min_interval_s - since if since >= 0 else 0.0
        return max(0.0, missing, pause)

    def spent(self, now: float) -> Allowance:
        """Return what is left after one notice left now."""
        refilled = self._refilled(now)
        return replace(refilled, tokens=max(0.0, refilled.tokens - 1.0), used_at=now)

    def _refilled(self, now: float) -> Allowance:
        gained = max(0.0, now - self.at) * self.per_hour / HOUR_S
        return replace(self, tokens=min(float(self.burst), self.tokens + gained), at=now)
