"""Tasks: their states, what blocks them, and the value itself; the moves are in `transitions`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

from supervisor.model.evidence import Check
from supervisor.model.ids import MilestoneId, TaskId


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
ENDED: Final = TERMINAL - {TaskState.FAILED}
"""The ends that let a track or a wave go on: what failed still stands in the way."""

OPEN: Final = frozenset(TaskState) - TERMINAL


class BlockReason(StrEnum):
    """Why a blocked task cannot be claimed yet. The first four follow from other tasks, the rest was said."""

    DEPENDENCY = "dependency"
    DEPENDENCY_FAILED = "dependency_failed"
    TRACK = "track"
    WAVE = "wave"
    BACKOFF = "backoff"
    HOLD = "hold"
    NEEDS_HUMAN = "needs_human"
    QUARANTINE = "quarantine"


DERIVED: Final = frozenset(
    {BlockReason.DEPENDENCY, BlockReason.DEPENDENCY_FAILED, BlockReason.TRACK, BlockReason.WAVE}
)


class EdgePolicy(StrEnum):
    """When a dependency is met: done well; ended but not failed; ended in any way."""

    DONE = "done"
    ENDED = "ended"
    ANY = "any"

    def is_met_by(self, state: TaskState) -> bool:
        """Tell whether a dependency in this state lets the dependent go on."""
        return state in _MEETS[self]

    def is_lost_by(self, state: TaskState) -> bool:
        """Tell whether a dependency has ended in a way that does not meet this policy."""
        return state in TERMINAL and state not in _MEETS[self]


_MEETS: Final = {
    EdgePolicy.DONE: frozenset({TaskState.DONE}),
    EdgePolicy.ENDED: ENDED,
    EdgePolicy.ANY: TERMINAL,
}


class OnLost(StrEnum):
    """What becomes of a task whose dependency can no longer be met."""

    HOLD = "hold"
    CANCEL = "cancel"
    PROCEED = "proceed"


class Join(StrEnum):
    """When a parent may go on: all children ended, or one done."""

    ALL = "all"
    ANY = "any"


class Gate(StrEnum):
    """Whose approval ends a review: judges', or a person's alone."""

    JUDGE = "judge"
    HUMAN = "human"


class ErrorClass(StrEnum):
    """Why work failed; permanent and policy errors are not tried again."""

    TRANSIENT = "transient"
    TIMEOUT = "timeout"
    DEPENDENCY = "dependency"
    UNKNOWN = "unknown"
    PERMANENT = "permanent"
    POLICY = "policy"


FINAL_ERRORS: Final = frozenset({ErrorClass.PERMANENT, ErrorClass.POLICY})


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
DEPENDENCIES_MAX: Final = 1000
TAGS_MAX: Final = 50
CRITERIA_MAX: Final = 100
COMPLEXITY_MAX: Final = 10
AGING_S: Final = 3600.0
"""After how long a waiting task counts as one priority level higher; never as critical."""

LOCK_MAX_S: Final = 4 * 3600.0
"""How long one claim can last, however lively its holder is, unless it asked for another ceiling."""

RETRY_BASE_S: Final = 30.0
RETRY_CAP_S: Final = 600.0
QUARANTINE_FAILURES: Final = 3
QUARANTINE_WINDOW_S: Final = 3600.0


def retry_delay(failures: int) -> float:
    """Return for how many seconds a task waits after its n-th failure: 30 s, doubled, at most 10 min."""
    return min(RETRY_CAP_S, RETRY_BASE_S * 2.0 ** (failures - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One piece of work.

    `token` is the fencing token: it rises by one with each claim and must come with
    every later write of the holder. `failures` counts fails and crashes, `releases`
    counts voluntary give-backs; the three are never mixed. Times are epoch seconds.
    `edge_policies` names the dependencies whose policy is not `done`. A claim lasts until
    `lease_until`, which is renewed but never beyond `lease_ceiling`. `order` counts within
    `track`; `wave` 0 means none. `key` is the name that a plan's file gives the task.
    `verified` is the token of the hand-in that passed all `checks`; `check_failures` counts those
    that did not.
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
    milestone: MilestoneId | None = None
    key: str = ""
    track: str | None = None
    order: int = 0
    wave: int = 0
    cycle: int = 0
    edge_policies: dict[str, EdgePolicy] = field(default_factory=dict)
    on_lost: OnLost = OnLost.HOLD
    join: Join = Join.ALL
    required_tags: tuple[str, ...] = ()
    required_group: str | None = None
    complexity: int | None = None
    work_role: str = ""
    instructions: str = ""
    block_note: str = ""
    not_before: float | None = None
    lease_ceiling: float | None = None
    eta: float | None = None
    error_class: ErrorClass | None = None
    gate: Gate = Gate.JUDGE
    approvals_needed: int = 1
    approved_by: tuple[str, ...] = ()
    review_until: float | None = None
    issues: tuple[str, ...] = ()
    reopened_inputs: tuple[TaskId, ...] = ()
    archived_at: float | None = None
    checks: tuple[Check, ...] = ()
    verified: int = 0
    check_failures: int = 0

    @property
    def is_verified(self) -> bool:
        """Tell whether what was handed in last has passed its checks; without any it always has."""
        return not self.checks or self.verified == self.token

    @property
    def is_verifying(self) -> bool:
        """Tell whether its checks have to run, or run, before anybody may judge it."""
        return self.state is TaskState.IN_REVIEW and not self.is_verified

    @property
    def is_terminal(self) -> bool:
        """Tell whether the task has ended, well or not."""
        return self.state in TERMINAL

    @property
    def outcome(self) -> str:
        """Say in one word how the task ended; empty while it is open."""
        return _OUTCOMES.get(self.state, "")

    @property
    def duration_s(self) -> float | None:
        """Return how long the last attempt took, from its claim to its end; None before."""
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at

    def policy_of(self, dependency: str) -> EdgePolicy:
        """Return when this dependency is met."""
        return self.edge_policies.get(dependency, EdgePolicy.DONE)


_OUTCOMES: Final = {
    TaskState.DONE: "success",
    TaskState.FAILED: "failed",
    TaskState.SKIPPED: "skipped",
    TaskState.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One remark on a task; notes are only ever added."""

    id: int
    task: TaskId
    author: str
    body: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The one page about a task that its holder rewrites or adds to as the work goes on."""

    task: TaskId
    text: str
    author: str
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
