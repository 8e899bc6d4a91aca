"""Shared memory: versioned values under a scope and a key, some of which end by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KEY_MAX: Final = 200
VALUE_MAX: Final = 64 * 1024
SCOPE_ENTRIES_MAX: Final = 10_000
AUTHOR_BYTES_MAX: Final = 16 * 1024 * 1024
TTL_MAX_S: Final = 366 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEntry:
    """One remembered value. `scope` is `team`, `task:T12` or `agent:worker-1`; `version` starts at 1.

    A deleted entry stays as an empty one that no reader is shown, so that its version never
    comes again; `expires_at` is when it ends by itself, epoch seconds.
    """

    scope: str
    key: str
    value: str
    version: int
    author: str
    at: float
    expires_at: float | None = None
    deleted: bool = False

    @property
    def id(self) -> str:
        """Name this entry: `team/languages`."""
        return f"{self.scope}/{self.key}"

    def is_live(self, now: float) -> bool:
        """Tell whether readers see it."""
        return not self.deleted and (self.expires_at is None or now < self.expires_at)
