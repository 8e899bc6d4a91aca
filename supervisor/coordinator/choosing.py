"""Which task an agent should claim next, and why that one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from supervisor.coordinator import dealing
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.errors import Forbidden, TooMany, WrongState
from supervisor.model.agent import Agent, AgentState
from supervisor.model.permissions import Operation, check
from supervisor.model.task import AGING_S, Priority, Task
from supervisor.model.team import PoolSpec

COUNTED_MAX: Final = 1000
"""Up to how many waiting tasks the explanation counts."""

SHOWN: Final = 5
WIP_OF_STRANGERS: Final = 5
"""How many tasks an agent that no pool defines may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The task to claim next, why it is that one, and how many others could be claimed (at most 1,000)."""

    task: Task | None
    reason: str
    others: int = 0


def recommended(scope: Scope, actor: Actor) -> Task | None:
    """Return the task that this agent should claim next, or None. Reads one row per lane."""
    check(actor.role, Operation.TASK_CLAIM)
    if scope.quarantine_of(actor.name) or actor.name in scope.held_back or over_wip(scope, actor):
        return None
    full = json.dumps(_saturated(scope))
    best = [
        task
        for lane in _lanes(scope, actor)
        if (task := scope.tx.value(Task, "task.best_of_lane", run=scope.run, lane=lane, full=full))
        is not None
    ]
    return min(best, key=urgency, default=None)


def urgency(task: Task) -> tuple[bool, int, int]:
    """Return what tasks are claimed by, the least first, as the index `task_ready` has it."""
    return (task.priority > 0, int((task.created_at + task.priority * AGING_S) * 1000), int(task.id[1:]))


def _lanes(scope: Scope, actor: Actor) -> list[str]:
    lanes = (row["lane"] for row in scope.tx.all("task.lanes", run=scope.run))
    return [lane for lane in lanes if dealing.lane_suits(lane, actor)]


def _saturated(scope: Scope) -> list[str]:
    """List the milestones in which as many tasks are worked on as their cap allows."""
    capped = scope.tx.all("milestone.capped", run=scope.run)
    return [
        row["id"]
        for row in capped
        if scope.tx.scalar("task.in_progress_in_milestone", milestone=row["id"]) >= row["wip"]
    ]


def wip_of(scope: Scope, actor: Actor) -> int:
    """Return how many tasks an agent may hold at once."""
    pool: PoolSpec | None = scope.pool_of(actor.name)
    return WIP_OF_STRANGERS if pool is None else pool.wip


def over_wip(scope: Scope, actor: Actor) -> bool:
    """Tell whether an agent holds as many tasks as it may."""
    held: int = scope.tx.scalar("task.held_count", agent=actor.name)
    return held >= wip_of(scope, actor)


def is_draining(scope: Scope, name: str) -> bool:
    """Tell whether an agent is to end as soon as it holds nothing."""
    agent = scope.tx.value(Agent, "agent.get", name=name)
    return agent is not None and agent.state is AgentState.DRAINING


def check_free_hand(scope: Scope, actor: Actor) -> None:
    """Raise Forbidden for a quarantined agent, WrongState for a draining one, TooMany for a full one."""
    quarantine = scope.quarantine_of(actor.name)
    if quarantine:
        raise Forbidden(f"you may claim nothing: {quarantine}; a person has to release you")
    check_not_held_back(scope, actor)
    if is_draining(scope, actor.name):
        raise WrongState("you are being drained: finish what you hold, claim nothing more, then end")
    if over_wip(scope, actor):
        idle = ", ".join(dealing.idle_names(scope)[:SHOWN])
        raise TooMany(
            f"you hold {wip_of(scope, actor)} tasks already, as many as you may; end or release one first"
            + (f"; free now: {idle}" if idle else ""),
            retry_after_s=scope.team.lease_s,
        )


def check_not_held_back(scope: Scope, actor: Actor) -> None:
    """Raise WrongState for an agent that gets no new work until it is ready, or ready again."""
    why = scope.held_back.get(actor.name)
    if why:
        raise WrongState(f"you get no new work now: {why}; `wait` for it, finish what you hold")


def check_milestone_room(scope: Scope, task: Task) -> None:
    """Raise TooMany if the task's milestone has as much in progress as it may."""
    if task.milestone in _saturated(scope):
        milestone = scope.milestone(task.milestone)
        raise TooMany(
            f"milestone {milestone.id} allows {milestone.wip} tasks in progress; wait until one of them ends",
            retry_after_s=60,
        )


def next_choice(scope: Scope, actor: Actor) -> Choice:
    """Return what to claim next and the reasons, in words."""
    task = recommended(scope, actor)
    if task is None:
        return Choice(task=None, reason=_why_nothing(scope, actor))
    others = -1
    for lane in _lanes(scope, actor):
        others += scope.tx.scalar("task.pending_in_lane", run=scope.run, lane=lane, most=COUNTED_MAX)
    return Choice(task=task, reason=_why(scope, actor, task, others), others=min(others, COUNTED_MAX))


def _why(scope: Scope, actor: Actor, task: Task, others: int) -> str:
    parts = []
    if task.assignee == actor.name:
        parts.append("it is reserved for you")
    if task.required_role or task.required_tags or task.required_group:
        parts.append("it asks for what you are")
    waited = scope.now - task.created_at
    levels = int(waited // AGING_S) if task.priority is not Priority.CRITICAL else 0
    aged = f", raised {levels} by waiting {waited / AGING_S:.1f} h" if levels else ""
    parts.append(f"best priority ({task.priority.name.lower()}{aged}), oldest there")
    if task.track is not None:
        parts.append(f"its turn in track {task.track} (order {task.order})")
    if task.complexity is not None:
        parts.append(f"complexity {task.complexity} of 10")
    return "; ".join(parts) + _before(others)


def _why_nothing(scope: Scope, actor: Actor) -> str:
    quarantine = scope.quarantine_of(actor.name)
    if quarantine:
        return f"you may claim nothing: {quarantine}; a person has to release you"
    if held_back := scope.held_back.get(actor.name):
        return f"you get no new work now: {held_back}"
    if over_wip(scope, actor):
        return f"you hold {wip_of(scope, actor)} tasks, as many as you may; end or release one first"
    return "nothing is claimable for you now; `wait` for `task`"


def _before(others: int) -> str:
    if not others:
        return ""
    return f"; before {others} other{'' if others == 1 else 's'}"
