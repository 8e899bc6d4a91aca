"""Keys for outside agents: members of the team that a person starts, not the engine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from supervisor.model.agent import Role
from supervisor.model.team import ToolSet

OUTSIDE: Final = "outside"
"""The pool of all agents that join with a key; no profile can have one of this name."""

OUTSIDE_ROLES: Final = (Role.WORKER, Role.PLANNER, Role.JUDGE, Role.MONITOR, Role.ORCHESTRATOR)
"""What a key may be for: `solo` plans, works and judges itself, which nobody outside may."""

KEYS_MAX: Final = 100
"""How many keys may be active at once."""

NAMES_MAX: Final = 20
"""How many groups, and how many tags, one key may have."""

LABEL_MAX: Final = 200
LIFETIME_MIN_S: Final = 60.0
LIFETIME_MAX_S: Final = 3650 * 86400.0
GRACE_MAX_S: Final = 86400.0


class KeyState(StrEnum):
    """Whether a key still opens anything."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


KEY_MOVES: Final = {
    KeyState.ACTIVE: frozenset({KeyState.EXPIRED, KeyState.REVOKED}),
    KeyState.EXPIRED: frozenset({KeyState.ACTIVE, KeyState.REVOKED}),
    KeyState.REVOKED: frozenset({KeyState.ACTIVE}),
}
"""An expired key lives again when it is rotated, a revoked one only when it is created anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideKey:
    """What is known of one outside agent's key; the key itself and its hash are not part of it.

    `serial` counts the plaintexts that were given out under this name. `lifetime_s` is how long each of
    them lives. Times are epoch seconds.
    """

    name: str
    role: Role
    groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    label: str = ""
    tools: ToolSet = ToolSet.CORE
    state: KeyState = KeyState.ACTIVE
    serial: int = 1
    created_at: float = 0.0
    rotated_at: float | None = None
    expires_at: float | None = None
    lifetime_s: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What is asked for when a key is created."""

    name: str
    role: Role
    groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    label: str = ""
    tools: ToolSet = ToolSet.CORE
    lifetime_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """One key as it is listed."""

    key: OutsideKey
    last_used_at: float | None = None
