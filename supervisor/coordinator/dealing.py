"""Who gets what: lanes that match an agent to a task, and the strategies that deal tasks out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Protocol

from supervisor.coordinator.scope import Scope
from supervisor.model.agent import Agent, AgentState, Role
from supervisor.model.outside_key import OUTSIDE
from supervisor.model.permissions import Operation, may
from supervisor.model.task import Task
from supervisor.model.team import Distribution

OUT_OF_REACH: Final = frozenset({AgentState.PARKED, AgentState.PAUSED, AgentState.DRAINING})
"""States in which an agent gets nothing until a person acts."""


def in_reach(agent: Agent) -> bool:
    """Tell whether an agent can get work without a person's help; one from outside only while it calls."""
    is_away = agent.pool == OUTSIDE and agent.state in {AgentState.PENDING, AgentState.EXITED}
    return agent.state not in OUT_OF_REACH and not is_away


def is_asleep(scope: Scope, agent: Agent) -> bool:
    """Tell whether an agent does not run because its scaled pool does not want it now."""
    spec = scope.pool_of(agent.name)
    return spec is not None and spec.scale is not None and agent.state is AgentState.EXITED


def takes_part(scope: Scope, agent: Agent) -> bool:
    """Tell whether work may be dealt to an agent: not while it sleeps, or has lost its readiness."""
    is_unwell = agent.name in scope.held_back and agent.state is not AgentState.STARTING
    return not is_unwell and not is_asleep(scope, agent)


class Claimer(Protocol):
    """Whoever may be matched with a task: an actor or an agent's row."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def role(self) -> Role: ...  # noqa: D102
    @property
    def groups(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def tags(self) -> tuple[str, ...]: ...  # noqa: D102


def lane_suits(lane: str, who: Claimer) -> bool:
    """Tell whether an agent may claim from a lane: `assignee|role|group|["tag"]`, empty parts ask nothing."""
    assignee, role, group, tags = lane.split("|", 3)
    return (
        assignee in {"", who.name}
        and (role in {"", who.role.value} or who.role is Role.SOLO)
        and (group == "" or group in who.groups)
        and (tags == "[]" or set(json.loads(tags)) <= set(who.tags))
    )


def lane_of(task: Task) -> str:
    """Spell the lane of a task, as the database does."""
    tags = json.dumps(list(task.required_tags), separators=(",", ":"), ensure_ascii=False)
    return f"{task.assignee or ''}|{task.required_role or ''}|{task.required_group or ''}|{tags}"


def suits(task: Task, who: Claimer) -> bool:
    """Tell whether an agent is what a task asks for."""
    return lane_suits(lane_of(task), who)


def candidates(task: Task, agents: Iterable[Agent]) -> list[Agent]:
    """List the agents that could ever claim a task without a person's help, by name."""
    return [
        agent
        for agent in agents
        if may(agent.role, Operation.TASK_CLAIM)
        and in_reach(agent)
        and not agent.quarantined
        and suits(task, agent)
    ]


def dealt(scope: Scope, task: Task) -> Task:
    """Reserve a task that becomes claimable for the agent whose turn it is, if the team deals tasks out."""
    if scope.team.distribution is Distribution.PULL or task.assignee is not None:
        return task
    free = [agent for agent in candidates(task, scope.agents()) if takes_part(scope, agent)]
    if not free:
        return task
    turns = {row["agent"]: row["n"] for row in scope.tx.all("dealt.of_run", run=scope.run)}
    if scope.team.distribution is Distribution.ROUND_ROBIN:
        chosen = min(free, key=lambda agent: (turns.get(agent.name, 0), agent.name))
    else:
        chosen = min(
            free, key=lambda agent: (load_of(scope, agent.name), turns.get(agent.name, 0), agent.name)
        )
    scope.tx.execute("dealt.count", run=scope.run, agent=chosen.name)
    return replace(task, assignee=chosen.name)


def load_of(scope: Scope, name: str) -> int:
    """Return how many tasks an agent holds or has reserved for it."""
    held: int = scope.tx.scalar("task.held_count", agent=name)
    return held + len(scope.tx.values(Task, "task.reserved_for", agent=name, run=scope.run))


def idle_names(scope: Scope) -> list[str]:
    """List who holds nothing and could work, by name: what a busy agent is told."""
    return [
        agent.name
        for agent in scope.agents()
        if agent.state is AgentState.IDLE and may(agent.role, Operation.TASK_CLAIM) and not agent.quarantined
    ]
