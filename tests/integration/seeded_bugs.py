"""Broken variants of the product, each of which the random histories must find."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from supervisor.coordinator import (
    agents,
    approvals,
    choosing,
    coordinator,
    dealing,
    dependencies,
    ending,
    flow,
    handing,
    mailboxes,
    memory,
    messages,
    questions,
    reviews,
    steering,
    upkeep,
    votes,
    work,
)
from supervisor.model.approval import APPROVAL_MOVES, ApprovalState
from supervisor.model.memory import MemoryEntry
from supervisor.model.message import DeliveryState
from supervisor.model.question import QUESTION_MOVES, QuestionState
from supervisor.model.task import BlockReason, EdgePolicy, Task, TaskState
from supervisor.model.vote import VoteOutcome, decide
from supervisor.model.wire import to_wire
from supervisor.model.world import key_of
from supervisor.store.queries import QUERIES
from supervisor.store.transaction import Transaction


def without(name: str) -> Callable[..., Any]:
    """Answer a named query as if nothing were there."""
    found = Transaction.one

    def one(self: Transaction, query: str, **params: Any) -> Any:
        return None if query == name else found(self, query, **params)

    return one


def not_done(*names: str) -> Callable[..., Any]:
    """Leave some statements out."""
    done = Transaction.execute

    def execute(self: Transaction, query: str, **params: Any) -> Any:
        return 0 if query in names else done(self, query, **params)

    return execute


def finding(name: str, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Callable[..., Any]:
    """Answer one query for values otherwise."""
    asked = Transaction.values

    def values(self: Transaction, kind: Any, query: str, **params: Any) -> Any:
        rows = asked(self, kind, query, **params)
        return change(rows) if query == name else rows

    return values


def untold(*kinds: str) -> Callable[..., Any]:
    """Write a row without its event."""
    whole, appended = Transaction.record, Transaction._append

    def record(self: Transaction, kind: str, value: Any, **more: Any) -> Any:
        if kind not in kinds:
            return whole(self, kind, value, **more)
        self._append = lambda *_: None  # type: ignore[method-assign]
        try:
            return whole(self, kind, value, **more)
        finally:
            self._append = appended.__get__(self)  # type: ignore[method-assign]

    return record


def unwritten(*kinds: str) -> Callable[..., Any]:
    """Tell an event without its row."""
    whole = Transaction.record

    def record(self: Transaction, kind: str, value: Any, *, actor: str, reason: str = "") -> Any:
        if kind not in kinds:
            return whole(self, kind, value, actor=actor, reason=reason)
        self._append(kind, key_of(kind.partition(".")[0], value), actor, to_wire(value), reason)
        return value

    return record


def keeping(*names: str) -> Callable[..., Any]:
    """Stand in for `replace` but leave some fields as they were."""
    return lambda value, /, **changes: dataclasses.replace(
        value, **{name: each for name, each in changes.items() if name not in names}
    )


def always(answer: Any) -> Callable[..., Any]:
    return lambda *_, **__: answer


nothing: Final = always(None)
first: Final = lambda value, *_, **__: value  # noqa: E731
second: Final = lambda _, value, **__: value  # noqa: E731


def unfenced(scope: Any, _actor: Any, spelled: str, _token: int) -> Any:
    return scope.task(spelled)


def holders_only(scope: Any, actor: Any, spelled: str, _token: int) -> Any:
    """Look who holds the task, but not under which token."""
    return work_held(scope, actor, spelled, scope.task(spelled).token)


work_held: Final = work.held_task


def any_answer() -> dict[ApprovalState, frozenset[ApprovalState]]:
    answers = frozenset({ApprovalState.APPROVED, ApprovalState.DENIED, ApprovalState.EXPIRED})
    return {**APPROVAL_MOVES, ApprovalState.APPROVED: answers, ApprovalState.DENIED: answers}


def all_but_the_last(resolve: Any) -> Any:
    return lambda scope, to, *, sender: resolve(scope, to, sender=sender)[:-1] or (sender,)


def children_stay(scope: Any, actor: Any, spelled: str, to: Any, reason: str) -> Task:
    task: Task = scope.task(spelled)
    ended = flow.end(scope, task, to, actor=steering.who(actor), reason=reason)
    agents.refresh_activity(scope, task.holder, task.reviewer)
    return ended


def early(vote: Any, ballots: Any) -> bool:
    """Close as soon as there is a quorum and somebody leads."""
    return len(ballots) >= vote.quorum and decide(vote, ballots)[0] is VoteOutcome.DECIDED


def dealt_to_the_first(scope: Any, task: Task) -> Task:
    pulls = scope.team.distribution.value == "pull"
    free = () if pulls or task.assignee else dealing.candidates(task, scope.agents())
    return dataclasses.replace(task, assignee=free[0].name) if free else task


def stale_dependents(scope: Any, before: Any, after: Any) -> None:
    """Follow the dependents as they were when the first of them was looked at."""
    found = scope.tx.values(Task, "dependency.dependents", dep=int(after.id[1:]))
    kept = {task.id: task for task in found}
    flow_edges(dataclasses.replace(scope, tx=_Frozen(scope.tx, kept)), before, after)


class _Frozen:
    def __init__(self, tx: Any, kept: Any) -> None:
        self._tx, self._kept = tx, kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def value(self, kind: Any, query: str, **params: Any) -> Any:
        known = self._kept.get(f"T{params.get('n')}") if query == "task.get" else None
        return known or self._tx.value(kind, query, **params)


def robbing(task: Task, actor: Any) -> None:
    if task.state is not TaskState.IN_PROGRESS:
        claimable(task, actor)


def ignoring(reason: BlockReason) -> Callable[..., set[BlockReason]]:
    whole = flow._reason_ahead
    return lambda row, waiting: set() if waiting is reason else whole(row, waiting)


def only_ends(scope: Any, before: Task, after: Task) -> None:
    if after.is_terminal:
        flow_edges(scope, before, after)


def never_before_a_cycle(scope: Any, moved: Task) -> None:
    milestone = None if moved.milestone is None else scope.milestone(moved.milestone)
    if milestone is None or milestone.next_cycle_at is None:
        milestone_moved(scope, moved)


claimable: Final = work.check_claimable
milestone_moved: Final = flow._milestone_moved
flow_edges: Final = flow._edges_moved
agreeing: Final = SimpleNamespace(compare_digest=always(True))  # noqa: FBT003
consuming: Final = SimpleNamespace(**(vars(DeliveryState) | {"DELIVERED": DeliveryState.ACKED}))
reopened_answers: Final = {**QUESTION_MOVES, QuestionState.ANSWERED: frozenset({QuestionState.ANSWERED})}
Break = tuple[Any, str, Any]


def one(place: Any, name: str, broken: Any) -> tuple[Break, ...]:
    return ((place, name, broken),)


BUGS: Final[dict[str, tuple[Break, ...]]] = {
    # claims and fencing
    "writes are not fenced": ((work, "held_task", unfenced), (ending, "held_task", unfenced)),
    "old tokens are good as long as one holds the task": (
        (work, "held_task", holders_only),
        (ending, "held_task", holders_only),
    ),
    "a task can be taken from its holder": one(work, "check_claimable", robbing),
    "the lease's ceiling is ignored": one(
        work, "renewed_lease", lambda scope, _task: scope.now + scope.team.lease_s
    ),
    "leases are not kept": one(upkeep, "_keep_leases", nothing),
    "the dead keep what they held": one(ending, "holder_gone", nothing),
    "required tags are not looked at": one(dealing, "set", lambda _: frozenset()),
    "caps of milestones are not looked at": one(choosing, "_saturated", always([])),
    "caps of agents are not looked at": one(choosing, "over_wip", always(False)),  # noqa: FBT003
    "waiting does not raise a task": one(choosing, "urgency", lambda task: (task.priority, int(task.id[1:]))),
    "repeated calls are done again": one(Transaction, "one", without("answered_call.get")),
    "an ended incarnation may call": one(coordinator, "check_live", nothing),
    # tasks: what they wait for
    "tracks are ignored": one(flow, "_reason_ahead", ignoring(BlockReason.TRACK)),
    "waves are ignored": one(flow, "_reason_ahead", ignoring(BlockReason.WAVE)),
    "edge policies are ignored": one(Task, "policy_of", lambda _self, _dep: EdgePolicy.DONE),
    "what is lost is not counted": one(EdgePolicy, "is_lost_by", always(False)),  # noqa: FBT003
    "children are not waited for": one(flow, "children_wait", always(False)),  # noqa: FBT003
    "dependents are not promoted": one(flow, "_edges_moved", nothing),
    "dependents are looked at as they were": one(flow, "_edges_moved", stale_dependents),
    "peers in track and wave are not promoted": one(flow, "_peers_moved", nothing),
    "what a forced task leaves is not looked at": one(flow, "left_its_place", nothing),
    "a loss is not followed by what comes back": one(flow, "unless_lost", second),
    "running dependents of a reopened task are not told": one(flow, "_flag", nothing),
    "dependents of a reopened task are not judged anew": one(flow, "_edges_moved", only_ends),
    "links are not checked for cycles": one(dependencies, "check_no_cycle", nothing),
    "reopening is not checked for cycles": one(dependencies, "check_open_again", nothing),
    "children are not cancelled with their parent": one(steering, "_withdraw", children_stay),
    "loops archive what was opened again": one(flow, "_milestone_moved", never_before_a_cycle),
    # tasks: failures, reviews, hands
    "a failure is tried again at once": one(ending, "retry_delay", always(0.0)),
    "failures do not set an agent aside": one(ending, "count_failure", nothing),
    "a quarantined agent may claim": one(choosing, "check_free_hand", nothing),
    "releases are not counted": one(ending, "MAX_RELEASES", 99),
    "authors judge themselves": one(reviews, "_why_not", always("")),
    "lines are not followed": one(reviews, "lineage", second),
    "criteria are not checked": one(reviews, "_check_verified", nothing),
    "one approval is always enough": one(reviews, "len", lambda found: max(len(found), 2)),
    "review leases are not kept": one(upkeep, "_keep_reviews", nothing),
    "rejections never end": one(reviews, "MAX_REVIEW_ROUNDS", 99),
    "a handoff to judges skips the review": one(handing, "may", always(False)),  # noqa: FBT003
    "work is dealt to the first who can": one(dealing, "dealt", dealt_to_the_first),
    # mail
    "reading consumes": one(mailboxes, "DeliveryState", consuming),
    "fetched mail is not hidden": one(mailboxes, "VISIBILITY_S", 0.0),
    "mail to oneself is shown to the same incarnation": one(
        QUERIES, "delivery.unread", QUERIES["delivery.unread"].replace("AND d.own IS NOT :incarnation", "")
    ),
    "the mail of the dead stays hidden": one(mailboxes, "incarnation_over", nothing),
    "senders are not told": one(mailboxes, "_tell_sender", nothing),
    "one recipient is forgotten": one(messages, "resolve", all_but_the_last(messages.resolve)),
    "mail never expires": one(mailboxes, "keep_mail", nothing),
    "dead letters are not noticed": one(Transaction, "values", finding("delivery.spent", always(()))),
    # votes, approvals, questions
    "a ballot can be cast twice": one(Transaction, "one", without("ballot.get")),
    "votes outlive their deadline": one(votes, "close_overdue", nothing),
    "votes close as soon as somebody leads": one(votes, "is_settled", early),
    "one line has two seats": one(votes, "_seats", second),
    "any content may be used": one(approvals, "hmac", agreeing),
    "answers can be changed": one(approvals, "APPROVAL_MOVES", any_answer()),
    "leave outlives who asked": one(approvals, "withdraw", nothing),
    "requests never expire": one(approvals, "expire_overdue", nothing),
    "questions can be answered twice": one(questions, "QUESTION_MOVES", reopened_answers),
    # memory
    "what had its time is still read": one(MemoryEntry, "is_live", lambda self, _now: not self.deleted),
    "versions are not compared": one(memory, "_check_version", nothing),
    # the log
    "a row without its event": one(Transaction, "record", untold("task.progress")),
    "an event without its row": one(Transaction, "record", unwritten("task.progress")),
    "counters of edges are not kept": one(Transaction, "execute", not_done("task.edge_changed")),
}
