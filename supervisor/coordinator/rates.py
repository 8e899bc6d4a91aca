"""How fast one agent may write: a token bucket each, so that one cannot drown the others."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from supervisor.errors import TooMany

BURST: Final = 200.0
PER_SECOND: Final = 50.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimits:
    """The buckets of all agents, on the monotonic clock."""

    def __init__(self, *, burst: float = BURST, per_second: float = PER_SECOND) -> None:
        """Give every agent `burst` calls at once and `per_second` after that."""
        self._burst = burst
        self._per_second = per_second
        self._buckets: dict[str, _Bucket] = {}

    def spend(self, name: str, now: float) -> None:
        """Count one call; raise TooMany, with the seconds to wait, when the bucket is empty."""
        bucket = self._buckets.setdefault(name, _Bucket(self._burst, now))
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        if bucket.tokens < 1:
            wait_s = ceil((1 - bucket.tokens) / self._per_second * 1000) / 1000
            raise TooMany(f"{name} calls too often; try again in {wait_s} s", retry_after_s=wait_s)
        bucket.tokens -= 1
