"""The task state machine: every move with its operation and who may make it, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from supervisor.errors import WrongState
from supervisor.model.task import OPEN, TERMINAL, Task, TaskState

S = TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row of the table. `before` is empty where a task comes into being.

    `who` names roles, `holder`, `operator` (the person) and `supervisor` (the engine itself).
    """

    number: int
    before: frozenset[TaskState]
    after: frozenset[TaskState]
    operation: str
    who: tuple[str, ...]
    rule: str = ""


def _row(
    number: int,
    before: frozenset[TaskState] | set[TaskState],
    after: set[TaskState],
    operation: str,
    who: str,
    *rule: str,
) -> Transition:
    return Transition(
        number=number,
        before=frozenset(before),
        after=frozenset(after),
        operation=operation,
        who=tuple(who.split(", ")),
        rule=" ".join(rule),
    )


_CREATORS: Final = "planner, orchestrator, solo, operator, supervisor"

TRANSITIONS: Final = (
    _row(
        1,
        set(),
        {S.BLOCKED, S.PENDING},
        "create, import, loop cycle",
        _CREATORS,
        "a worker only as a subtask of a task that it holds",
    ),
    _row(
        2,
        {S.BLOCKED},
        {S.PENDING},
        "last reason cleared",
        "supervisor, operator",
        "who held a task may lift the hold; the operator may force it",
    ),
    _row(3, {S.PENDING}, {S.BLOCKED}, "add dependency, hold, backoff, dependency reopened", _CREATORS),
    _row(
        4,
        {S.PENDING},
        {S.IN_PROGRESS},
        "claim",
        "worker, solo",
        "one transaction: state, assignee, role, tags, group, caps, quarantine; the token rises by one",
    ),
    _row(
        5,
        {S.IN_PROGRESS},
        {S.IN_PROGRESS},
        "progress, board, note, checkpoint, renew",
        "holder, supervisor",
        "with the current token; the supervisor renews",
    ),
    _row(
        6,
        {S.IN_PROGRESS},
        {S.PENDING},
        "release, lease expiry, holder died, reassign",
        "holder, supervisor, planner, orchestrator, solo, operator",
    ),
    _row(
        7,
        {S.IN_PROGRESS},
        {S.BLOCKED},
        "help, hold, release with open children",
        "holder, operator, planner, orchestrator, solo, supervisor",
        "the lease ends, the assignee stays",
    ),
    _row(8, {S.IN_PROGRESS}, {S.IN_REVIEW}, "complete, if it has checks or needs a review", "holder"),
    _row(9, {S.IN_PROGRESS}, {S.DONE}, "complete, if it has no checks and needs no review", "holder"),
    _row(
        10,
        {S.IN_REVIEW},
        {S.DONE},
        "approve",
        "judge, solo, operator",
        "never the author nor its lineage, but in solo; a human gate is the operator's;",
        "nobody before all its checks have passed",
    ),
    _row(
        11,
        {S.IN_REVIEW},
        {S.PENDING, S.BLOCKED},
        "reject with feedback",
        "judge, solo, operator",
        "after three rounds a person decides: blocked, needs_human",
    ),
    _row(
        12,
        {S.IN_PROGRESS},
        {S.FAILED},
        "fail for good, or failure budget spent",
        "holder, supervisor",
    ),
    _row(
        13,
        {S.FAILED, S.IN_PROGRESS},
        {S.BLOCKED, S.PENDING},
        "retry",
        "supervisor, planner, orchestrator, solo, operator",
        "by itself for errors that may pass, after a delay, up to three failures",
    ),
    _row(
        14,
        OPEN,
        {S.CANCELLED, S.SKIPPED},
        "cancel, skip",
        "planner, orchestrator, solo, operator, supervisor, holder",
        "a holder only its own unclaimed subtasks; a claim is void from then on",
    ),
    _row(
        15,
        TERMINAL,
        {S.PENDING, S.BLOCKED},
        "reopen",
        "planner, orchestrator, solo, operator",
        "what depends on it is judged anew; what runs or is done is flagged",
    ),
    _row(16, TERMINAL, set(TERMINAL), "archive", "operator, supervisor", "the state stays"),
    _row(
        17,
        {S.IN_REVIEW},
        {S.IN_REVIEW, S.DONE},
        "checks passed",
        "supervisor",
        "done if no review is required, else judges may look from now on",
    ),
    _row(
        18,
        {S.IN_REVIEW},
        {S.PENDING, S.BLOCKED},
        "a check failed",
        "supervisor",
        "no review round is counted; after three failures a person decides: blocked, needs_human",
    ),
)
"""All moves; quarantine and pause (16) concern agents and leave every task's state alone."""


def _moves() -> dict[TaskState, frozenset[TaskState]]:
    """Return which states a task can go to from each; staying is no move."""
    return {
        state: frozenset(
            to
            for row in TRANSITIONS
            if row.number != 16 and state in row.before
            for to in row.after - {state}
        )
        for state in TaskState
    }


TASK_MOVES: Final = _moves()


def checked_move(task: Task, to: TaskState) -> None:
    """Raise WrongState unless the table lets the task go to state `to`.

    Nothing becomes done before what was handed in has passed the task's checks, whoever wants it.
    """
    if to not in TASK_MOVES[task.state]:
        raise WrongState(f"task {task.id} is {task.state.value}; it cannot become {to.value}")
    if to is TaskState.DONE and not task.is_verified:
        names = ", ".join(check.name for check in task.checks)
        raise WrongState(f"task {task.id} is done only when its checks have passed: {names}")
