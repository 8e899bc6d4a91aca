"""Which trees use more than they may, where the kernel does not hold them to it: pure, from samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from supervisor.model.health import ProcessLimits

MIB: Final = 1 << 20


class Limit(StrEnum):
    """A limit of a profile, by its key."""

    MEM_HIGH = "mem_high_mib"
    MEM_MAX = "mem_max_mib"
    PIDS = "pids"


ENDS: Final = frozenset({Limit.MEM_MAX, Limit.PIDS})
"""Limits beyond which a tree is ended; beyond the others people are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one tree was seen to use."""

    memory_bytes: int
    processes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One tree that uses more than it may; `used` and `allowed` are MiB or processes."""

    agent: str
    limit: Limit
    used: int
    allowed: int

    @property
    def words(self) -> str:
        """Say it for people."""
        unit = "processes" if self.limit is Limit.PIDS else "MiB of memory"
        return f"it uses {self.used} {unit}; {self.limit.value} allows {self.allowed}"


def breaches(uses: Mapping[str, Used], limits: Mapping[str, ProcessLimits]) -> tuple[Breach, ...]:
    """List who uses more than allowed, at most one breach for each agent: the worst.

    An agent without limits uses what it likes.
    """
    found = []
    for agent, use in uses.items():
        if agent in limits and (breach := _worst(agent, use, limits[agent])) is not None:
            found.append(breach)
    return tuple(found)


def _worst(agent: str, use: Used, limits: ProcessLimits) -> Breach | None:
    mib = -(-use.memory_bytes // MIB)
    rules = (
        (Limit.MEM_MAX, mib, limits.mem_max_mib),
        (Limit.PIDS, use.processes, limits.pids),
        (Limit.MEM_HIGH, mib, limits.mem_high_mib),
    )
    for limit, used, allowed in rules:
        if allowed is not None and used > allowed:
            return Breach(agent=agent, limit=limit, used=used, allowed=allowed)
    return None
