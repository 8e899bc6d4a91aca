"""The child spec: what supervision needs to know about one agent."""

from __future__ import annotations

from dataclasses import dataclass, field

from supervisor.model.branch import ROOT_BRANCH, Dependency, Restart
from supervisor.model.team import Backoff, PoolSpec, StopLadder, TeamSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How one agent is restarted and stopped; agents with the same `pool` stop together.

    More than `intensity` restarts within `period_s` park the agent. An incarnation that is not
    ready within `start_timeout_s`, or lives for `max_runtime_s`, is stopped and counts as crashed.
    `single`: it is the only one its pool can have, and so itself a child of its `branch`.
    """

    name: str
    pool: str
    restart: Restart = Restart.TRANSIENT
    intensity: int = 5
    period_s: float = 120.0
    backoff: Backoff = field(default_factory=Backoff)
    stop: StopLadder = field(default_factory=StopLadder)
    start_timeout_s: float = 60.0
    max_runtime_s: float = 7200.0
    drain_timeout_s: float = 600.0
    branch: str = ROOT_BRANCH
    single: bool = True
    significant: bool = False
    depends_on: tuple[Dependency, ...] = ()
    success_codes: tuple[int, ...] = (0,)
    no_restart_codes: tuple[int, ...] = ()
    force_restart_codes: tuple[int, ...] = ()


def children_of(team: TeamSpec) -> tuple[ChildSpec, ...]:
    """List the child specs of the agents that a team begins with, in start order."""
    return tuple(child_of(pool, agent) for pool in team.pools for agent in pool.first_names)


def pools_of(team: TeamSpec) -> dict[str, str]:
    """Name the branch of each pool, in start order."""
    return {pool.name: pool.branch for pool in team.pools}


def child_of(pool: PoolSpec, agent: str) -> ChildSpec:
    """Return the child spec of one agent of a pool."""
    return ChildSpec(
        name=agent,
        pool=pool.name,
        restart=pool.restart,
        intensity=pool.intensity,
        period_s=pool.period_s,
        backoff=pool.backoff,
        stop=pool.stop,
        start_timeout_s=pool.start_timeout_s,
        max_runtime_s=pool.max_runtime_s,
        drain_timeout_s=pool.drain_timeout_s,
        branch=pool.branch,
        single=pool.most == 1,
        significant=pool.significant,
        depends_on=pool.depends_on,
        success_codes=pool.success_codes,
        no_restart_codes=pool.no_restart_codes,
        force_restart_codes=pool.force_restart_codes,
    )
