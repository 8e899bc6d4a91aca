"""Tasks: states, the moves between them, and the value itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from supervisor.errors import WrongState
from supervisor.model.ids import TaskId


class TaskState(StrEnum):
    """Where a task stands."""

    BLOCKED = "blocked"
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    IN_REVIEW = "in_review"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


TERMINAL: Final = frozenset({TaskState.DONE, TaskState.FAILED, TaskState.CANCELLED, TaskState.SKIPPED})

TASK_MOVES: Final[dict[TaskState, frozenset[TaskState]]] = {
    TaskState.BLOCKED: frozenset({TaskState.PENDING, TaskState.CANCELLED, TaskState.SKIPPED}),
    TaskState.PENDING: frozenset(
        {TaskState.BLOCKED, TaskState.IN_PROGRESS, TaskState.CANCELLED, TaskState.SKIPPED}
    ),
    TaskState.IN_PROGRESS: frozenset(
        {
            TaskState.PENDING,
            TaskState.BLOCKED,
            TaskState.IN_REVIEW,
            TaskState.DONE,
            TaskState.FAILED,
            TaskState.CANCELLED,
            TaskState.SKIPPED,
        }
    ),
    TaskState.IN_REVIEW: frozenset(
        {TaskState.DONE, TaskState.PENDING, TaskState.BLOCKED, TaskState.CANCELLED, TaskState.SKIPPED}
    ),
    TaskState.DONE: frozenset({TaskState.PENDING}),
    TaskState.FAILED: frozenset({TaskState.BLOCKED, TaskState.PENDING}),
    TaskState.CANCELLED: frozenset({TaskState.PENDING}),
    TaskState.SKIPPED: frozenset({TaskState.PENDING}),
}


class BlockReason(StrEnum):
    """Why a blocked task cannot be claimed yet."""

    DEPENDENCY = "dependency"
    DEPENDENCY_FAILED = "dependency_failed"
    BACKOFF = "backoff"
    HOLD = "hold"
    NEEDS_HUMAN = "needs_human"


class Priority(IntEnum):
    """How soon; the smaller number is claimed first."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


PRIORITY_WORDS: Final = {
    "critical": Priority.CRITICAL,
    "urgent": Priority.CRITICAL,
    "high": Priority.HIGH,
    "normal": Priority.NORMAL,
    "medium": Priority.NORMAL,
    "low": Priority.LOW,
}

TITLE_MAX: Final = 200
BODY_MAX: Final = 64 * 1024
RESULT_MAX: Final = 16 * 1024
NOTE_MAX: Final = 8 * 1024
MAX_REVIEW_ROUNDS: Final = 3
MAX_FAILURES: Final = 3
MAX_RELEASES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One piece of work.

    `token` is the fencing token: it rises by one with each claim and must come with
    every later write of the holder. `failures` counts fails and crashes, `releases`
    counts voluntary give-backs; the three are never mixed. Times are epoch seconds.
    """

    id: TaskId
    run: int
    title: str
    description: str = ""
    state: TaskState = TaskState.PENDING
    blocked_by: tuple[BlockReason, ...] = ()
    priority: Priority = Priority.NORMAL
    tags: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    depends_on: tuple[TaskId, ...] = ()
    parent: TaskId | None = None
    review: bool = False
    assignee: str | None = None
    required_role: str | None = None
    creator: str = ""
    holder: str | None = None
    author: str | None = None
    reviewer: str | None = None
    token: int = 0
    lease_until: float | None = None
    percent: int = 0
    action: str = ""
    result: str = ""
    feedback: str = ""
    review_round: int = 0
    failures: int = 0
    releases: int = 0
    created_at: float = 0.0
    updated_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None

    @property
    def is_terminal(self) -> bool:
        """Tell whether the task has ended, well or not."""
        return self.state in TERMINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One remark on a task; notes are only ever added."""

    id: int
    task: TaskId
    author: str
    body: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far the holder had come, for whoever claims the task next. `state` is free JSON text."""

    task: TaskId
    author: str
    token: int
    percent: int
    completed: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    state: str = ""
    at: float = 0.0


def checked_move(task: Task, to: TaskState) -> None:
    """Raise WrongState unless the table lets the task go to state `to`."""
    if to not in TASK_MOVES[task.state]:
        raise WrongState(f"task {task.id} is {task.state.value}; it cannot become {to.value}")
