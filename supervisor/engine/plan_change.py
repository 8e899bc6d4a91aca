"""What differs between the plan that a team runs by and the one its profile holds now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Final

from supervisor.model.team import PoolSpec, TeamSpec

FIXED: Final = ("name", "deadline_s", "lease_s", "keep_events_days", "keep_runs", "log_cap_mib", "notify")
"""What of a team is read once, when its engine starts."""

FIXED_OF_POOL: Final = ("role", "scale")
"""What of a pool cannot become another while its agents hold work, or its number follows the work."""

LIVE: Final = frozenset({"wip", "stall", "tools", "size", "branch"})
"""What of a pool holds for an agent that runs from the next moment on."""

_NAMES_OF: Final = {"keep_events_days": "run.keep_events_days", "keep_runs": "run.keep_runs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChange:
    """Two plans: `old` is the one that runs."""

    old: TeamSpec
    new: TeamSpec

    @property
    def is_none(self) -> bool:
        """Tell whether both are the same text."""
        return self.old.digest == self.new.digest

    def refused(self) -> tuple[str, ...]:
        """Say what cannot change while the team runs, and does; empty if all can."""
        team = [
            f"{_NAMES_OF.get(name, name)} is another"
            for name in FIXED
            if getattr(self.old, name) != getattr(self.new, name)
        ]
        pools = [
            f"pools.{new.name}.{name} is another"
            for old, new in self._kept()
            for name in FIXED_OF_POOL
            if getattr(old, name) != getattr(new, name)
        ]
        known = {pool.name for pool in self.old.pools}
        scaled = [
            f"pools.{pool.name} is new and scaled"
            for pool in self.new.pools
            if pool.scale is not None and pool.name not in known
        ]
        gone = {pool.name for pool in self.new.pools}
        scaled += [
            f"pools.{pool.name} is gone, and was scaled"
            for pool in self.old.pools
            if pool.scale is not None and pool.name not in gone
        ]
        return (*team, *pools, *scaled)

    def restarted(self, names: Collection[str]) -> tuple[str, ...]:
        """Name those of the agents that are of both plans and have to be started anew for the new one."""
        return tuple(
            name
            for old, new in self._kept()
            if _asks_for_a_start(old, new)
            for name in names
            if old.holds(name) and new.holds(name)
        )

    def leaving(self, names: Collection[str]) -> dict[str, PoolSpec]:
        """Give the former pool of each of the agents that the new plan has no more."""
        return {
            name: pool
            for pool in self.old.pools
            for name in names
            if pool.holds(name) and not any(each.holds(name) for each in self.new.pools)
        }

    def _kept(self) -> list[tuple[PoolSpec, PoolSpec]]:
        new = {pool.name: pool for pool in self.new.pools}
        return [(old, new[old.name]) for old in self.old.pools if old.name in new]


def _asks_for_a_start(old: PoolSpec, new: PoolSpec) -> bool:
    """Tell whether anything differs that an agent is given at its start."""
    same = {field.name: getattr(old, field.name) for field in fields(PoolSpec) if field.name in LIVE}
    return replace(new, **same) != old
