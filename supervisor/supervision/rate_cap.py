"""How many agents a service bears: less when it complains, one more for each quiet minute (AIMD)."""

from __future__ import annotations

import math
from typing import Final

CUT: Final = 0.7
HOLD_S: Final = 60.0
STEP_S: Final = 60.0

STORM_S: Final = 5.0
"""Complaints within this time of a cut are of the same storm: fifty agents that hear it at once are one."""


class RateCap:
    """One pool's cap: None while nobody complained, or once it has grown back to all that there may be."""

    def __init__(self, most: int) -> None:
        """Begin without a cap for a pool of at most `most` agents."""
        self._most = most
        self._cap: int | None = None
        self._cut_at = -math.inf
        self._grows_at = math.inf

    def limited(self, now: float, *, live: int, retry_after_s: float = 0.0) -> None:
        """Hear at `now` that the service refused one of `live` agents, perhaps with a time to wait."""
        if now - self._cut_at >= STORM_S:
            before = live if self._cap is None else min(self._cap, live)
            self._cap = max(1, math.floor(before * CUT))
            self._cut_at = now
        quiet_from = now + max(HOLD_S, retry_after_s)
        held_until = self._grows_at - STEP_S if self._grows_at < math.inf else now
        self._grows_at = max(quiet_from, held_until) + STEP_S

    def at(self, now: float) -> int | None:
        """Return the cap that holds at `now`."""
        while self._cap is not None and now >= self._grows_at:
            self._cap += 1
            self._grows_at += STEP_S
            if self._cap >= self._most:
                self._cap, self._grows_at = None, math.inf
        return self._cap
