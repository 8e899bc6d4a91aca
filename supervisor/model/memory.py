"""Shared memory: versioned values under a scope and a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KEY_MAX: Final = 200
VALUE_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEntry:
    """One remembered value. `scope` is `team`, `task:T12` or `agent:worker-1`; `version` starts at 1."""

    scope: str
    key: str
    value: str
    version: int
    author: str
    at: float

    @property
    def id(self) -> str:
        """Name this entry: `team/languages`."""
        return f"{self.scope}/{self.key}"
