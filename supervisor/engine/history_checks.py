"""What must hold of every single event: asked of one after the other while fsck folds the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from supervisor.model.approval import APPROVAL_MOVES
from supervisor.model.deeds import DEEDS
from supervisor.model.event import Event
from supervisor.model.evidence import evidence_key
from supervisor.model.ids import HUMAN, SUPERVISOR
from supervisor.model.message import DELIVERY_MOVES, DeliveryState
from supervisor.model.permissions import may
from supervisor.model.question import QUESTION_MOVES
from supervisor.model.task import TaskState
from supervisor.model.transitions import TASK_MOVES
from supervisor.model.turn import TURN_MOVES
from supervisor.model.vote import VOTE_MOVES
from supervisor.model.world import World

POLICY: Final = "profile"
"""The actor of approvals that a profile's rule answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One event, the value before and after it, and the world with the event in it."""

    event: Event
    before: Any
    after: Any
    world: World


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryCheck:
    """A check by name: `judge` says what is wrong with a change of one of the nouns (of any, if empty)."""

    name: str
    nouns: frozenset[str]
    judge: Callable[[Change], str]


def task_moves(change: Change) -> str:
    """Hold that tasks move by the table, and that only a claim raises the token, by one, or a restore."""
    before, after = change.before, change.after
    if before is None:
        return "" if after.state in {TaskState.PENDING, TaskState.BLOCKED} else f"it began {after.state}"
    if wrong := _moved(before.state, after.state, TASK_MOVES):
        return wrong
    if change.event.kind == "task.fenced":
        return "" if after.token > before.token else "a restore did not raise its token"
    if after.token != before.token + (change.event.kind == "task.claimed"):
        return f"its token went from {before.token} to {after.token} by {change.event.kind}"
    return ""


def verified(change: Change) -> str:
    """Hold that a task with checks became done only after each of them had passed for that hand-in."""
    task = change.after
    if task.state is not TaskState.DONE or change.before is None or change.before.state is TaskState.DONE:
        return ""
    told = change.world.tables["evidence"]
    for check in task.checks:
        seen = told.get(evidence_key(task.id, task.token, check.name))
        if seen is None or not seen.passed or seen.argv != check.argv:
            return f"it is done, and its check `{check.name}` did not pass"
    return ""


def approval_moves(change: Change) -> str:
    """Hold that approvals are answered once and used once."""
    return "" if change.before is None else _moved(change.before.state, change.after.state, APPROVAL_MOVES)


def vote_moves(change: Change) -> str:
    """Hold that votes close once."""
    return "" if change.before is None else _moved(change.before.state, change.after.state, VOTE_MOVES)


def question_moves(change: Change) -> str:
    """Hold that questions are answered once."""
    return "" if change.before is None else _moved(change.before.state, change.after.state, QUESTION_MOVES)


def turn_moves(change: Change) -> str:
    """Hold that turns end once."""
    return "" if change.before is None else _moved(change.before.state, change.after.state, TURN_MOVES)


def delivery_moves(change: Change) -> str:
    """Hold that copies begin in the queue and move by the table: what was acked is never unread again."""
    if change.before is None:
        return "" if change.after.state is DeliveryState.QUEUED else f"it began {change.after.state}"
    return _moved(change.before.state, change.after.state, DELIVERY_MOVES)


def rights(change: Change) -> str:
    """Hold that whoever an event names had the right by its role, and was not an ended incarnation."""
    event, agent = change.event, change.world.agents.get(change.event.actor)
    if agent is None:
        return _no_agent(event)
    if 0 < event.incarnation < agent.incarnation:
        return f"it is by incarnation {event.incarnation} of {agent.name}, after {agent.incarnation} began"
    operations = DEEDS.get(event.kind)
    if operations is None:
        return f"no agent may cause it, yet it is by {agent.name}"
    if not any(may(agent.role, operation) for operation in operations):
        return f"it is by {agent.name}, and a {agent.role.value} may not do that"
    if event.noun == "agent" and event.subject != agent.name:
        return f"it is by {agent.name}, about another agent"
    return ""


def _no_agent(event: Event) -> str:
    if event.actor in {HUMAN, SUPERVISOR} or (event.actor == POLICY and event.noun == "approval"):
        return ""
    return f"it is by `{event.actor[:70]}`, and nobody of that name was in the team"


def _moved(before: Any, after: Any, moves: dict[Any, frozenset[Any]]) -> str:
    return "" if after is before or after in moves[before] else f"it went from {before} to {after}"


HISTORY_CHECKS: Final = (
    HistoryCheck(name="tokens rise, moves by the table (I2)", nouns=frozenset({"task"}), judge=task_moves),
    HistoryCheck(name="done only by evidence (I11)", nouns=frozenset({"task"}), judge=verified),
    HistoryCheck(
        name="deliveries move by the table (I3)", nouns=frozenset({"delivery"}), judge=delivery_moves
    ),
    HistoryCheck(name="votes close once (I4)", nouns=frozenset({"vote"}), judge=vote_moves),
    HistoryCheck(name="approvals answered once (I5)", nouns=frozenset({"approval"}), judge=approval_moves),
    HistoryCheck(name="questions answered once (I5)", nouns=frozenset({"question"}), judge=question_moves),
    HistoryCheck(name="turns end once", nouns=frozenset({"turn"}), judge=turn_moves),
    HistoryCheck(name="nobody did what it may not (I10)", nouns=frozenset(), judge=rights),
)
