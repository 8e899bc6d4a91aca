"""The team as its own members see it: who is there, what each holds, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from supervisor.coordinator import mailboxes
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import Forbidden, InvalidArgument
from supervisor.model.agent import Agent, AgentState, Role
from supervisor.model.permissions import Operation, check
from supervisor.model.task import Task

ACTIVITY_MAX: Final = 200


class Mood(StrEnum):
    """What an agent may say of itself; it shows and gives no right."""

    IDLE = "idle"
    WORKING = "working"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One agent of the team. `load` counts what it holds; `last_call_s` is the age of its last call."""

    name: str
    role: Role
    pool: str
    state: AgentState
    groups: tuple[str, ...]
    tags: tuple[str, ...]
    held: tuple[str, ...]
    load: int
    unread: int
    last_call_s: float | None
    activity: str


def assert_identity(actor: Actor, *, name: str | None, role: str | None) -> None:
    """Take a name and a role as said by their owner; raise Forbidden for any that its key does not prove."""
    for what, said, proved in (("name", name, actor.name), ("role", role, actor.role.value)):
        if said is not None and said != proved:
            raise Forbidden(f"your key is that of the {what} `{proved}`, not of `{said[:70]}`")


def report(scope: Scope, actor: Actor, mood: str, *, task: str | None, note: str) -> Agent:
    """Set the line that is shown beside an agent; what it may do depends on its role and tasks alone."""
    check(actor.role, Operation.TEAM_REPORT)
    if mood not in set(Mood):
        raise InvalidArgument(f"state `{mood[:40]}` is none of {', '.join(Mood)}")
    named = None if task is None else scope.task(task).id
    words = ": ".join(part for part in (mood, named, note.strip()) if part)
    line = "" if words == Mood.IDLE else sized(words, ACTIVITY_MAX, "the line of state, task and note")
    known = scope.agent(actor.name)
    if line == known.activity:
        return known
    return scope.tx.record("agent.reported", replace(known, activity=line), actor=actor.name)


def members(scope: Scope, actor: Actor, *, role: str | None, state: str | None, sort: str) -> list[Member]:
    """List the team by name, or by `load` with the freest first; `role` and `state` narrow it."""
    check(actor.role, Operation.TEAM_READ)
    _check_word("role", role, [each.value for each in Role])
    _check_word("state", state, [each.value for each in AgentState])
    order = _ORDERS.get(sort)
    if order is None:
        raise InvalidArgument(f"sort `{sort[:40]}` is none of {', '.join(_ORDERS)}")
    chosen = [
        agent
        for agent in scope.agents()
        if role in {None, agent.role.value} and state in {None, agent.state.value}
    ]
    return sorted((_member(scope, agent) for agent in chosen), key=order)


def _member(scope: Scope, agent: Agent) -> Member:
    held = tuple(task.id for task in scope.tx.values(Task, "task.held_by", agent=agent.name))
    reviewed = scope.tx.values(Task, "task.reviewed_by", agent=agent.name, run=scope.run)
    last = scope.last_calls.get(agent.name)
    return Member(
        name=agent.name,
        role=agent.role,
        pool=agent.pool,
        state=agent.state,
        groups=agent.groups,
        tags=agent.tags,
        held=held,
        load=len(held) + len(reviewed),
        unread=mailboxes.open_count(scope, agent.name),
        last_call_s=None if last is None else round(max(0.0, scope.now - last), 1),
        activity=agent.activity,
    )


_ORDERS: Final[dict[str, Callable[[Member], tuple[object, ...]]]] = {
    "name": lambda member: (member.name,),
    "load": lambda member: (member.state is not AgentState.IDLE, member.load, member.name),
}
"""How a list may be sorted; `load` begins with whoever is idle and holds least."""


def _check_word(what: str, word: str | None, words: list[str]) -> None:
    if word is not None and word not in words:
        raise InvalidArgument(f"{what} `{word[:40]}` is none of {', '.join(words)}")
