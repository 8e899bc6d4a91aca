"""The supervision tree as a profile defines it: nested branches, and what starts after what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ROOT_BRANCH: Final = ""
"""The name of the team's own node, above all branches."""


class Restart(StrEnum):
    """OTP's restart types: always, only after an abnormal end, never."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


class Strategy(StrEnum):
    """OTP's strategies: who is restarted with a child that ended and is to be restarted."""

    ONE_FOR_ONE = "one_for_one"
    REST_FOR_ONE = "rest_for_one"
    ONE_FOR_ALL = "one_for_all"


class AutoShutdown(StrEnum):
    """When a branch ends by itself because significant children have ended."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


class OnFailed(StrEnum):
    """What a branch does when a child gave up.

    `continue`: the others go on. `rest`: those that start after it are stopped. `shutdown`, as OTP
    does: the whole branch is stopped and has itself failed, which its own branch judges.
    """

    CONTINUE = "continue"
    REST = "rest"
    SHUTDOWN = "shutdown"


class Condition(StrEnum):
    """What of another pool a start waits for; all agents of that pool must meet it."""

    STARTED = "started"
    READY = "ready"
    COMPLETED_OK = "completed_ok"
    LOG_LINE = "log_line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """One thing a pool's agents wait for before each start; `pattern` is the regex of a `log_line`."""

    pool: str
    condition: Condition = Condition.READY
    pattern: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchSpec:
    """One node of the tree. Children are pools and branches, in the order of the profile.

    More than `intensity` restarts of its children within `period_s` make it give up; None counts
    nothing here. `restart` says when the branch itself is started again by the one above it.
    """

    name: str = ROOT_BRANCH
    under: str = ROOT_BRANCH
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int | None = None
    period_s: float = 60.0
    on_failed: OnFailed = OnFailed.CONTINUE
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    restart: Restart = Restart.PERMANENT
    significant: bool = False
