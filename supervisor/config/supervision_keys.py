"""The keys of a profile that say how agents are kept: tree, stopping, health, limits, scaling."""

from __future__ import annotations

from typing import Any, Final

from supervisor.config.kinds import Choice, Flag, Key, Number, Table, Text, Texts
from supervisor.config.spelling import DAY_S, NAME, default_of
from supervisor.model.branch import (
    AutoShutdown,
    BranchSpec,
    Condition,
    Dependency,
    OnFailed,
    Restart,
    Strategy,
)
from supervisor.model.health import Probe, ProcessLimits, Readiness, ReadyBy, StallAction, StallLimits
from supervisor.model.scale import Scale, ScalePreset
from supervisor.model.team import StopLadder

STOP_SIGNALS: Final = ("TERM", "INT", "QUIT", "HUP", "USR1", "USR2")
POOL_MAX: Final = 100
REGEX: Final = Text(min_length=1, max_length=500)
LOOPBACK_URL: Final = Text(
    pattern=r"http://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?(?:/[!-~]*)?",
    rule="`http://127.0.0.1:PORT/PATH`, on this machine",
)


def _seconds(owner: type, name: str, meaning: str, *, low: float = 0, high: float = DAY_S) -> Key:
    return Key(name=name, kind=Number(low=low, high=high), meaning=meaning, default=default_of(owner, name))


def _whole(owner: type, name: str, meaning: str, *, low: int, high: int) -> Key:
    kind = Number(low=low, high=high, whole=True)
    return Key(name=name, kind=kind, meaning=meaning, default=default_of(owner, name))


def _choice(owner: type, name: str, words: Any, meaning: str) -> Key:
    return Key(name=name, kind=Choice(words=tuple(words)), meaning=meaning, default=default_of(owner, name))


STOP: Final = Table(
    keys=(
        _seconds(
            StopLadder, "polite_s", "Seconds for the adapter's own polite way, if it has one.", high=3600
        ),
        _choice(StopLadder, "signal", STOP_SIGNALS, "The signal that the program itself is sent first."),
        _seconds(
            StopLadder, "leader_s", "Seconds for the program itself to end after that signal.", high=3600
        ),
        _seconds(
            StopLadder,
            "group_s",
            "Seconds for its whole process group to end after SIGTERM, before SIGKILL.",
            high=3600,
        ),
        _seconds(StopLadder, "sweep_s", "Seconds to find and kill what left the group.", high=3600),
    )
)

_BRANCH_KEYS: Final = (
    _choice(
        BranchSpec,
        "strategy",
        Strategy,
        "Who is restarted with a child that must be: `one_for_one` it alone, `rest_for_one` it and those "
        "after it, `one_for_all` all.",
    ),
    Key(
        name="intensity",
        kind=Number(low=0, high=1000, whole=True),
        meaning="Restarts of its children within `period_s` after which it gives up. Without it: none.",
        default=default_of(BranchSpec, "intensity"),
    ),
    _seconds(BranchSpec, "period_s", "Seconds over which those restarts are counted.", low=1),
    _choice(
        BranchSpec,
        "on_failed",
        OnFailed,
        "When a child gave up: `continue` with the others, stop the `rest` that starts after it, or "
        "`shutdown` the branch, which then has failed itself.",
    ),
    _choice(
        BranchSpec,
        "auto_shutdown",
        AutoShutdown,
        "Whether the branch ends by itself once any, or all, of its significant children have ended.",
    ),
)

SUPERVISION: Final = Table(keys=_BRANCH_KEYS)

BRANCH: Final = Table(
    keys=(
        Key(name="name", kind=NAME, meaning="Name of the branch; no pool may have it."),
        Key(
            name="under",
            kind=NAME,
            meaning="The branch above it. Without it: the team itself.",
            default=None,
        ),
        *_BRANCH_KEYS,
        _choice(BranchSpec, "restart", Restart, "When the branch itself is started again, as for a pool."),
        Key(
            name="significant",
            kind=Flag(),
            meaning="Whether its own normal end counts for the `auto_shutdown` above it.",
            default=default_of(BranchSpec, "significant"),
        ),
    )
)

DEPENDENCY: Final = Table(
    keys=(
        Key(name="pool", kind=NAME, meaning="The pool that is waited for."),
        _choice(
            Dependency,
            "condition",
            Condition,
            "What all its agents must be: `started`, `ready`, `completed_ok` (ended well), or have written a "
            "`log_line`.",
        ),
        Key(
            name="pattern",
            kind=REGEX,
            meaning="Regular expression that the line must match, for `log_line`.",
            default=None,
        ),
    )
)

PROBE: Final = Table(
    keys=(
        Key(
            name="command",
            kind=Texts(item=Text(max_length=32_768, placeholders=True), min_items=1, max_items=256),
            meaning="A program that must exit 0, as `command` of the pool is written.",
            default=None,
        ),
        Key(name="url", kind=LOOPBACK_URL, meaning="A URL that must answer 2xx, instead.", default=None),
        _seconds(Probe, "initial_delay_s", "Seconds before the first try."),
        _seconds(Probe, "period_s", "Seconds between tries.", low=0.1),
        _seconds(Probe, "timeout_s", "Seconds that one try is given.", low=0.1, high=3600),
        _whole(Probe, "successes", "Successes in a row that make it pass.", low=1, high=100),
        _whole(Probe, "failures", "Failures in a row that make it fail.", low=1, high=100),
    )
)

READY: Final = Table(
    keys=(
        _choice(
            Readiness,
            "by",
            ReadyBy,
            "`call`: its first call to the coordinator; `notify`: READY=1 on NOTIFY_SOCKET; `fd`: a newline "
            "on the descriptor in NOTIFY_FD; `log`: a line that matches; `exec`, `http`: a probe; `settle`: "
            "it lives on.",
        ),
        Key(name="pattern", kind=REGEX, meaning="Regular expression of the line, for `log`.", default=None),
        _seconds(Readiness, "settle_s", "Seconds that it must live on, for `settle`.", high=3600),
        Key(name="probe", kind=PROBE, meaning="The probe, for `exec` and `http`.", default=None),
    )
)

STALL: Final = Table(
    keys=(
        _seconds(StallLimits, "quiet_s", "Seconds without output after which it is shown as quiet.", low=1),
        _seconds(
            StallLimits,
            "stalled_s",
            "Seconds without output, calls, tools and work of its processes that are a stall.",
            low=1,
        ),
        _seconds(StallLimits, "tool_s", "Seconds that one tool call may take.", low=1),
        Key(
            name="cpu_percent",
            kind=Number(low=0, high=100),
            meaning="Percent of a core below which its processes count as doing nothing.",
            default=default_of(StallLimits, "cpu_percent"),
        ),
        _seconds(StallLimits, "window_s", "Seconds over which that is measured.", low=1, high=3600),
        _seconds(
            StallLimits, "nudge_after_s", "Seconds from the stall to a reminder, if the adapter has one."
        ),
        _seconds(StallLimits, "interrupt_after_s", "Seconds from the stall to an interrupt of its turn."),
        _seconds(StallLimits, "restart_after_s", "Seconds from the stall to a restart."),
        _choice(
            StallLimits,
            "action",
            StallAction,
            "How far that goes: `notify` only tells, `restart` goes to the end; `auto`: notify with a person "
            "in front, restart without.",
        ),
    )
)

LIMITS: Final = Table(
    keys=(
        *(
            Key(
                name=name,
                kind=Number(low=1, high=high, whole=True),
                meaning=meaning,
                default=default_of(ProcessLimits, name),
            )
            for name, high, meaning in (
                (
                    "mem_high_mib",
                    16_777_216,
                    "MiB above which people are told, and the kernel slows it down.",
                ),
                ("mem_max_mib", 16_777_216, "MiB above which its processes are ended, as out of memory."),
                ("pids", 1_000_000, "Processes that it may have; more are refused, or else all are ended."),
                ("nofile", 1_048_576, "Open files that each of its processes may have."),
            )
        ),
        _whole(ProcessLimits, "nice", "The kernel's priority, 19 is the least.", low=-20, high=19),
        _whole(
            ProcessLimits,
            "oom_score_adj",
            "How willingly the kernel ends it when memory is short.",
            low=-1000,
            high=1000,
        ),
    )
)

SCALE: Final = Table(
    keys=(
        _whole(Scale, "min", "Agents that there are at least; 0 lets the pool sleep.", low=0, high=POOL_MAX),
        _whole(Scale, "max", "Agents that there are at most.", low=1, high=POOL_MAX),
        _choice(
            Scale,
            "preset",
            ScalePreset,
            "How quickly it shrinks: `eager`, `balanced` or `warm`; `seed` is the plain rule of more than "
            "two pending tasks a worker.",
        ),
        Key(
            name="target_backlog",
            kind=Number(low=0.1, high=1000),
            meaning="Claimable tasks per further agent.",
            default=default_of(Scale, "target_backlog"),
        ),
        _seconds(Scale, "cooldown_s", "Seconds without work after which a pool with `min` 0 goes to sleep."),
    )
)
