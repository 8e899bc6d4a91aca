"""What reaches a slot's mailbox.

Each says what it is about, the start (`attempt`, the slot's own count) or the incarnation, so
that one which is no longer true when it is read can be dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from supervisor.model.agent import ExitClass
from supervisor.supervision.dependencies import Lack
from supervisor.supervision.incarnation import Incarnation
from supervisor.supervision.ports import ProcessExit, SpawnFailure, TreeEnd


class Order(Enum):
    """What a person or the team asks of a slot.

    LEAVE and QUIT let it be forgotten once it has ended, after it finished its work or not. BEGIN: its
    branch begins afresh.
    """

    RESTART = auto()
    PAUSE = auto()
    RESUME = auto()
    DRAIN = auto()
    DRAINED = auto()
    STOP = auto()
    KILL = auto()
    RETIRE = auto()
    LEAVE = auto()
    QUIT = auto()
    BEGIN = auto()
    END = auto()
    END_NOW = auto()


FOR_GOOD = frozenset({Order.RETIRE, Order.LEAVE, Order.QUIT, Order.END, Order.END_NOW})
"""Orders after which the slot never starts anything again."""

NO_MORE_STARTS = FOR_GOOD | {Order.DRAIN, Order.STOP, Order.KILL}
"""Orders that forbid a start from the moment they are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeDown:
    """The branch ends this agent: with `again` it starts in its turn, else when the branch begins."""

    why: str
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The agent of this incarnation has reported for work."""

    incarnation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreTime:
    """The agent of this incarnation asks for so many seconds from now to become ready."""

    incarnation: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Condemned:
    """This incarnation must end, and not by anybody's wish: `cause` is how its end will be judged.

    `abort`: it is to leave a core dump, and is given a moment for it. `retry_after_s` is when its service
    will have it again, for `rate_limited`.
    """

    incarnation: int
    cause: ExitClass
    detail: str
    abort: bool = False
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """The time to start has come, but not the agent's turn, or what it depends on."""

    attempt: int
    lack: Lack


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The time to start has come, but the circuit breaker holds the agent."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The time to start has come."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The incarnation has its number and its kit, and can be spawned."""

    attempt: int
    incarnation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPrepared:
    """The incarnation could not be prepared."""

    attempt: int
    failure: SpawnFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """A limit of the incarnation has passed: `limit` says which."""

    attempt: int
    limit: ExitClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Exited:
    """The leader of the process tree has ended."""

    of: Incarnation
    exit: ProcessExit


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEnded:
    """The process tree was ended, or as much of it as could be."""

    of: Incarnation
    tree: TreeEnd


StartNotice = Waits | Held | Due | Prepared | NotPrepared
"""What is told of a start."""

Notice = Order | TakeDown | Ready | MoreTime | Condemned | StartNotice | Overdue | Exited | TreeEnded
"""All that can reach a slot."""
