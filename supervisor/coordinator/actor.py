"""Who asks: always the owner of a key, never a name in an argument."""

from __future__ import annotations

from dataclasses import dataclass

from supervisor.model.agent import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One incarnation of an agent, as its key proves it."""

    name: str
    role: Role
    incarnation: int
    run: int
    groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
