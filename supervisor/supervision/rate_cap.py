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
        self.hold(now, max(HOLD_S, retry_after_s))

    def hold(self, now: float, seconds: float = HOLD_S) -> None:
        """Let a cap that there is stay for so long; a longer wait that was begun before still holds."""
        begun = 0.0 if math.isinf(self._grows_at) else self._grows_at
        self._grows_at = max(now + seconds + STEP_S, begun)

    def at(self, now: float) -> int | None:
        """Return the cap that holds at `now`."""
        while self._cap is not None and now >= self._grows_at:
            self._cap += 1
            self._grows_at += STEP_S
            if self._cap >= self._most:
                self._cap, self._grows_at = None, math.inf
        return self._cap
