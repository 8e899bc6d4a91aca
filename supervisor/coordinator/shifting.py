"""Moving deadlines: the engine did not run for a while, and nobody may lose by it what is theirs.

What bounds somebody's work or answer is moved: leases, the pause before a retry, votes, approvals,
questions, mail in hands. What a calendar means stays: when keys end, when memories are forgotten, when
mail is too old, when a cycle of a milestone begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from supervisor.coordinator.scope import Scope
from supervisor.model.approval import Approval
from supervisor.model.ids import SUPERVISOR
from supervisor.model.message import Delivery
from supervisor.model.question import Question
from supervisor.model.task import Task
from supervisor.model.vote import Vote

TIME_GAP: Final = "engine.time_gap"


def pass_over_gap(scope: Scope, *, seconds: float, asleep_s: float) -> int:
    """Take in time that nobody could use: move deadlines by it, and this transaction's own time.

    For `asleep_s` of it the machine was suspended. Returns how many things had a deadline.
    """
    later = _moved(scope, seconds)
    scope.tx.now += seconds
    _record(scope, later, reason=f"the engine did not run for {seconds:.0f} s")
    how = "the machine was suspended" if asleep_s > seconds / 2 else "the engine was stopped or held up"
    scope.tx.tell(
        TIME_GAP,
        "engine",
        actor=SUPERVISOR,
        reason=f"{how} for {seconds:.0f} s; {len(later)} deadlines were moved",
        seconds=seconds,
        asleep_s=asleep_s,
        moved=len(later),
    )
    return len(later)


def follow_wall_clock(scope: Scope, seconds: float) -> int:
    """Move what an earlier engine left: the wall clock was set by so much since, back if negative.

    Returns how many things had a deadline.
    """
    later = _moved(scope, seconds)
    _record(scope, later, reason=f"the wall clock was set by {seconds:+.0f} s")
    return len(later)


def _moved(scope: Scope, seconds: float) -> list[Any]:
    """Return everything that has an open deadline, with the deadline moved."""
    tx = scope.tx
    in_hands = [
        copy
        for agent in scope.agents()
        for copy in tx.values(Delivery, "delivery.in_hands", recipient=agent.name, now=scope.now)
    ]
    open_ones: list[tuple[Iterable[Any], tuple[str, ...]]] = [
        (tx.values(Task, "task.held"), ("lease_until", "lease_ceiling")),
        (tx.values(Task, "task.under_review", run=scope.run), ("review_until",)),
        (tx.values(Task, "task.delayed"), ("not_before",)),
        (tx.values(Vote, "vote.open", run=scope.run), ("deadline",)),
        (tx.values(Approval, "approval.open"), ("expires_at",)),
        (tx.values(Question, "question.open"), ("expires_at",)),
        (in_hands, ("visible_at",)),
        ((agent for agent in scope.agents() if agent.next_start_at is not None), ("next_start_at",)),
    ]
    return [_later(value, seconds, names) for values, names in open_ones for value in values]


def _later(value: Any, seconds: float, names: tuple[str, ...]) -> Any:
    known = {name: at for name in names if (at := getattr(value, name)) is not None}
    return replace(value, **{name: at + seconds for name, at in known.items()})


def _record(scope: Scope, values: Iterable[Any], *, reason: str) -> None:
    for value in values:
        scope.tx.record(f"{type(value).__name__.lower()}.shifted", value, actor=SUPERVISOR, reason=reason)
