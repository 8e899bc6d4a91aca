"""The child spec: what supervision needs to know about one agent."""

from __future__ import annotations

from dataclasses import dataclass, field

from supervisor.model.team import Backoff, Restart, StopLadder, TeamSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How one agent is restarted and stopped; agents with the same `pool` stop together.

    More than `intensity` restarts within `period_s` park the agent. An incarnation that is not
    ready within `start_timeout_s`, or lives for `max_runtime_s`, is stopped and counts as crashed.
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


def children_of(team: TeamSpec) -> tuple[ChildSpec, ...]:
    """List the child specs of a team's agents in start order."""
    return tuple(
        ChildSpec(
            name=agent,
            pool=pool.name,
            restart=pool.restart,
            intensity=pool.intensity,
            period_s=pool.period_s,
            backoff=pool.backoff,
            stop=pool.stop,
            start_timeout_s=pool.start_timeout_s,
            max_runtime_s=pool.max_runtime_s,
        )
        for pool in team.pools
        for agent in pool.agent_names
    )
