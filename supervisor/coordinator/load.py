"""The load of a team: who has how much, what waits, and how many workers the seeds' rule would add."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from supervisor.coordinator import dealing
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.model.agent import AgentState
from supervisor.model.permissions import Operation, check, may
from supervisor.model.scale import wanted_workers

COUNTED_MAX: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLoad:
    """One pool of claimers: its workers that can work, how many are idle, and what waits for such as they.

    `wanted` is how many workers to add now: above two waiting tasks a worker as many as there
    are more tasks than workers, at most three.
    """

    pool: str
    workers: int
    idle: int
    held: int
    waiting: int
    wanted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamLoad:
    """The load of every pool that claims, by name; `least_loaded` is who should get the next task."""

    pools: tuple[PoolLoad, ...]
    least_loaded: str | None


def team_load(scope: Scope, actor: Actor) -> TeamLoad:
    """Measure the load of all pools that claim. A task counts for each pool whose agents it suits."""
    check(actor.role, Operation.TEAM_READ)
    able = [
        agent
        for agent in scope.agents()
        if may(agent.role, Operation.TASK_CLAIM)
        and agent.state not in dealing.OUT_OF_REACH
        and not dealing.is_asleep(scope, agent)
        and not agent.quarantined
    ]
    lanes = {
        row["lane"]: scope.tx.scalar(
            "task.pending_in_lane", run=scope.run, lane=row["lane"], most=COUNTED_MAX
        )
        for row in scope.tx.all("task.lanes", run=scope.run)
    }
    held = {agent.name: scope.tx.scalar("task.held_count", agent=agent.name) for agent in able}
    pools = []
    for name in sorted({agent.pool for agent in able}):
        members = [agent for agent in able if agent.pool == name]
        waiting = sum(
            count
            for lane, count in lanes.items()
            if any(dealing.lane_suits(lane, member) for member in members)
        )
        pools.append(
            PoolLoad(
                pool=name,
                workers=len(members),
                idle=sum(member.state is AgentState.IDLE for member in members),
                held=sum(held[member.name] for member in members),
                waiting=waiting,
                wanted=wanted_workers(waiting, len(members)),
            )
        )
    least = min(able, key=lambda agent: (dealing.load_of(scope, agent.name), agent.name), default=None)
    return TeamLoad(pools=tuple(pools), least_loaded=None if least is None else least.name)
