"""Held calls: an agent waits for something to become true, without polling and without cost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from supervisor.coordinator import approvals, choosing, mailboxes, questions, reviews, votes
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument
from supervisor.model.approval import ApprovalState
from supervisor.model.event import Event
from supervisor.model.permissions import Operation, check
from supervisor.model.question import QuestionState
from supervisor.model.vote import VoteState

WAIT_MAX_S: Final = 45.0
PLAIN: Final = frozenset({"mail", "task", "review", "ballot"})
"""Conditions without an id."""

OF_ONE: Final = frozenset({"task", "vote", "approval", "question"})
"""Conditions about one thing, with its id."""

WAKING: Final[dict[str, frozenset[str]]] = {
    "mail": frozenset({"delivery"}),
    "task": frozenset({"task"}),
    "review": frozenset({"task"}),
    "ballot": frozenset({"vote"}),
    "vote": frozenset({"vote"}),
    "approval": frozenset({"approval"}),
    "question": frozenset({"question"}),
}
"""Which nouns' events can make a condition of this kind true."""


def checked_conditions(actor: Actor, conditions: tuple[str, ...]) -> tuple[str, ...]:
    """Return the conditions if each can be waited for by this role; raise InvalidArgument else."""
    check(actor.role, Operation.WAIT)
    if not conditions:
        raise InvalidArgument('say what to wait `for`, e.g. ["mail", "task"]')
    for condition in conditions:
        kind, _, subject = condition.partition(":")
        if condition not in PLAIN and (kind not in OF_ONE or not subject):
            raise InvalidArgument(
                f"cannot wait for `{condition[:60]}`; "
                "there are mail, task, review, ballot, task:ID, vote:ID, approval:ID, question:ID"
            )
    if "task" in conditions:
        check(actor.role, Operation.TASK_CLAIM)
    if "review" in conditions:
        check(actor.role, Operation.TASK_REVIEW)
    return conditions


def true_now(scope: Scope, actor: Actor, conditions: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the conditions that hold in the committed state."""
    return tuple(condition for condition in conditions if _holds(scope, actor, condition))


def _holds(scope: Scope, actor: Actor, condition: str) -> bool:
    kind, _, subject = condition.partition(":")
    match (kind, bool(subject)):
        case ("mail", False):
            return mailboxes.unread_count(scope, actor) > 0
        case ("task", False):
            return choosing.recommended(scope, actor) is not None
        case ("review", False):
            return reviews.next_review(scope, actor) is not None
        case ("ballot", False):
            return votes.awaiting_ballot(scope, actor.name)
        case ("task", True):
            return scope.task(subject).is_terminal
        case ("vote", True):
            return votes.the_vote(scope, subject).state is VoteState.CLOSED
        case ("question", True):
            return questions.own_question(scope, actor, subject).state is not QuestionState.ASKED
        case _:
            return approvals.own_approval(scope, actor, subject).state is not ApprovalState.PENDING


@dataclass(slots=True, eq=False)
class Waiter:
    """One held call: woken when an event of one of its nouns was committed."""

    nouns: frozenset[str]
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class WaitingRoom:
    """All held calls; listens to commits."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._waiters: set[Waiter] = set()

    def enter(self, conditions: tuple[str, ...]) -> Waiter:
        """Add one waiter for these conditions; give it back with `leave`."""
        nouns = frozenset(noun for condition in conditions for noun in WAKING[condition.partition(":")[0]])
        waiter = Waiter(nouns)
        self._waiters.add(waiter)
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Remove a waiter."""
        self._waiters.discard(waiter)

    def committed(self, events: list[Event]) -> None:
        """Wake everybody whom one of these events may concern."""
        nouns = {event.noun for event in events}
        for waiter in self._waiters:
            if nouns & waiter.nouns:
                waiter.woken.set()

    def wake_all(self) -> None:
        """Wake everybody, so that held calls end: the engine stops."""
        for waiter in self._waiters:
            waiter.woken.set()

    def __len__(self) -> int:
        """Return how many calls are held."""
        return len(self._waiters)
