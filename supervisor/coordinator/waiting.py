"""Held calls: an agent waits for something to become true, without polling and without cost."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Final

from supervisor.coordinator import (
    approvals,
    choosing,
    dealing,
    mailboxes,
    messages,
    questions,
    reviews,
    votes,
)
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument
from supervisor.model.agent import AgentState, Role
from supervisor.model.approval import ApprovalState
from supervisor.model.event import Event
from supervisor.model.ids import HUMAN, number_of
from supervisor.model.milestone import MilestoneState
from supervisor.model.permissions import Operation, check
from supervisor.model.question import QuestionState
from supervisor.model.task import TaskState
from supervisor.model.vote import VoteState

WAIT_MAX_S: Final = 45.0
CONDITIONS_MAX: Final = 100
PLAIN: Final = frozenset({"mail", "task", "review", "ballot", "idle"})
"""Conditions without an id; `idle` means all other agents."""

OF_ONE: Final = frozenset({"task", "vote", "approval", "question", "milestone", "idle"})
"""Conditions about one thing, with its id; `idle` takes an agent's name, `role:R` or `group:G`."""

FOR_PEOPLE: Final = frozenset({"task", "vote", "milestone", "idle"})
"""Kinds of condition about one thing that a person can wait for; all idle is one, too."""

AT_REST: Final = frozenset({AgentState.IDLE, AgentState.EXITED, AgentState.PARKED, AgentState.PENDING})
"""States of an agent that does nothing now."""

WORDS: Final = (
    "mail, task, review, ballot, idle, task:ID, milestone:ID, vote:ID, approval:ID, question:ID, "
    "idle:NAME, idle:role:R, idle:group:G"
)


def person(run: int) -> Actor:
    """Return who stands for the person in a held call. No agent can have that name, nor this any right."""
    return Actor(name=HUMAN, role=Role.MONITOR, incarnation=0, run=run)


def checked_for_person(conditions: tuple[str, ...]) -> tuple[str, ...]:
    """Return the conditions if a person can wait for each; raise InvalidArgument else."""
    for condition in conditions:
        kind, _, subject = condition.partition(":")
        if condition != "idle" and (kind not in FOR_PEOPLE or not subject):
            raise InvalidArgument(
                f"cannot wait for `{condition[:60]}`; there are idle, task:ID, milestone:ID, vote:ID, "
                "idle:NAME, idle:role:R, idle:group:G"
            )
    return conditions


def checked_conditions(actor: Actor, conditions: tuple[str, ...]) -> tuple[str, ...]:
    """Return the conditions if each can be waited for by this role; raise InvalidArgument else."""
    check(actor.role, Operation.WAIT)
    if not conditions:
        raise InvalidArgument('say what to wait `for`, e.g. ["mail", "task"]')
    if len(conditions) > CONDITIONS_MAX:
        raise InvalidArgument(f"at most {CONDITIONS_MAX} conditions can be waited for, not {len(conditions)}")
    for condition in conditions:
        kind, _, subject = condition.partition(":")
        if condition not in PLAIN and (kind not in OF_ONE or not subject):
            raise InvalidArgument(f"cannot wait for `{condition[:60]}`; there are {WORDS}")
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
        case ("mail", _):
            return mailboxes.unread_count(scope, actor) > 0
        case ("task", False):
            return choosing.recommended(scope, actor) is not None
        case ("review", _):
            return reviews.next_review(scope, actor) is not None
        case ("ballot", _):
            return votes.awaiting_ballot(scope, actor.name)
        case ("idle", _):
            return _is_idle(scope, actor, subject or "all")
        case _:
            return _has_ended(scope, actor, kind, subject)


def _is_idle(scope: Scope, actor: Actor, address: str) -> bool:
    names = messages.resolve(scope, address, sender=actor.name)
    return all(scope.agent(name).state in AT_REST for name in names if name != HUMAN)


def _has_ended(scope: Scope, actor: Actor, kind: str, subject: str) -> bool:
    match kind:
        case "task":
            return scope.task(subject).is_terminal
        case "milestone":
            return scope.milestone(subject).state is not MilestoneState.OPEN
        case "vote":
            return votes.the_vote(scope, subject).state is VoteState.CLOSED
        case "question":
            return questions.own_question(scope, actor, subject).state is not QuestionState.ASKED
        case _:
            return approvals.own_approval(scope, actor, subject).state is not ApprovalState.PENDING


@dataclass(slots=True, eq=False)
class Waiter:
    """One held call of an actor: `woken` when something it may wait for was committed."""

    actor: Actor
    conditions: tuple[str, ...]
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    for_work: bool = False

    def concerns(self, event: Event) -> bool:
        """Tell whether an event can have made one of the conditions true, work to claim left out."""
        return any(_can_make_true(condition, self.actor, event) for condition in self.conditions)

    def could_claim(self, lane: str) -> bool:
        """Tell whether the waiter waits for work and a task of this lane is for it."""
        return "task" in self.conditions and dealing.lane_suits(lane, self.actor)


def _can_make_true(condition: str, actor: Actor, event: Event) -> bool:
    kind, _, subject = condition.partition(":")
    match (kind, event.noun):
        case ("mail", "delivery"):
            return bool(event.after["recipient"] == actor.name)
        case ("review", "task"):
            return bool(event.after["state"] == TaskState.IN_REVIEW.value)
        case ("ballot", "vote") | ("idle", "agent"):
            return True
        case ("task", "task"):
            return bool(subject) and number_of(subject, "T") == number_of(event.subject, "T")
        case ("milestone" | "vote" | "approval" | "question", noun) if noun == kind:
            return subject.upper().lstrip("PVAQ") == event.subject[1:]
        case _:
            return False


class WaitingRoom:
    """All held calls, first come first; listens to commits.

    Work wakes as many as there are new tasks to claim, whoever waits longest first; one that
    cannot claim after all passes its turn on. Everything else wakes whom it concerns.
    """

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._waiters: dict[Waiter, None] = {}

    def enter(self, actor: Actor, conditions: tuple[str, ...]) -> Waiter:
        """Add one waiter for these conditions; give it back with `leave`."""
        waiter = Waiter(actor, conditions)
        self._waiters[waiter] = None
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Remove a waiter; what it was woken for and did not look at is another's to look at."""
        self._waiters.pop(waiter, None)
        self.pass_on(waiter)

    def committed(self, events: list[Event]) -> None:
        """Wake everybody whom one of these events may concern."""
        for waiter in self._waiters:
            if not waiter.woken.is_set() and any(waiter.concerns(event) for event in events):
                waiter.woken.set()
        for event in events:
            if event.noun == "task" and event.after["state"] == TaskState.PENDING.value:
                self._wake_for_work(_lane_in(event))

    def pass_on(self, waiter: Waiter) -> None:
        """Let the next one look for work in place of a waiter who was woken for it in vain."""
        if waiter.for_work:
            waiter.for_work = False
            for other in self._waiters:
                if other is not waiter and "task" in other.conditions and not other.woken.is_set():
                    other.for_work = True
                    other.woken.set()
                    return

    def _wake_for_work(self, lane: str) -> None:
        for waiter in self._waiters:
            if not waiter.woken.is_set() and waiter.could_claim(lane):
                waiter.for_work = True
                waiter.woken.set()
                return

    def wake_agent(self, name: str) -> None:
        """Let an agent's held calls look: it has changed, perhaps it is no more."""
        for waiter in self._waiters:
            if waiter.actor.name == name:
                waiter.woken.set()

    def wake_all(self) -> None:
        """Wake everybody, so that held calls end: the engine stops."""
        for waiter in self._waiters:
            waiter.woken.set()

    def __len__(self) -> int:
        """Return how many calls are held."""
        return len(self._waiters)


def _lane_in(event: Event) -> str:
    tags = json.dumps(event.after["required_tags"], separators=(",", ":"), ensure_ascii=False)
    return "|".join(
        (
            event.after["assignee"] or "",
            event.after["required_role"] or "",
            event.after["required_group"] or "",
            tags,
        )
    )
