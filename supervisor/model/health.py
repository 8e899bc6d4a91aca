"""How a live agent is judged: ready, alive, getting on; and by which limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Liveness(StrEnum):
    """What the overseer thinks of a live incarnation; only `stalled` and `overdue` lead to actions.

    `ok` it works or may rest; `quiet` it says nothing for a while; `waiting` for a person; `limited` by
    its service; `frozen` by a stop signal; `stalled` nothing at all moves; `spinning` it burns CPU
    and says nothing; `overdue` one tool call takes longer than any may.
    """

    OK = "ok"
    QUIET = "quiet"
    WAITING = "waiting"
    LIMITED = "limited"
    FROZEN = "frozen"
    SPINNING = "spinning"
    OVERDUE = "overdue"
    STALLED = "stalled"


UNWELL: Final = frozenset({Liveness.FROZEN, Liveness.STALLED, Liveness.SPINNING, Liveness.OVERDUE})
"""What a person is told of; that an agent is quiet for a while is only shown."""


class ReadyBy(StrEnum):
    """What tells that an agent is ready for work.

    `call`: its first call to the coordinator. `notify`: READY=1 on NOTIFY_SOCKET (sd_notify(3)).
    `fd`: a newline on the descriptor in NOTIFY_FD (s6). `log`: a line that matches. `exec`, `http`: a
    probe. `settle`: it is still alive after a while.
    """

    CALL = "call"
    NOTIFY = "notify"
    FD = "fd"
    LOG = "log"
    EXEC = "exec"
    HTTP = "http"
    SETTLE = "settle"


class StallAction(StrEnum):
    """How far the ladder against a stall goes: only tell, or up to a restart. `auto`: by the mode."""

    AUTO = "auto"
    NOTIFY = "notify"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question put to an agent again and again: it passes if a program exits 0, or a URL answers 2xx.

    As Kubernetes defines them: first after `initial_delay_s`, then every `period_s`, each given
    `timeout_s`; so many successes or failures in a row turn the answer.
    """

    command: tuple[str, ...] = ()
    url: str = ""
    initial_delay_s: float = 0.0
    period_s: float = 10.0
    timeout_s: float = 1.0
    successes: int = 1
    failures: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """How readiness is told; `pattern` for `log`, `settle_s` for `settle`, `probe` for `exec` and `http`."""

    by: ReadyBy = ReadyBy.CALL
    pattern: str = ""
    settle_s: float = 2.0
    probe: Probe | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StallLimits:
    """When a silent agent is called quiet or stalled, and the rungs after that, in seconds.

    The rungs count from the moment it was found stalled.
    """

    quiet_s: float = 120.0
    stalled_s: float = 600.0
    tool_s: float = 1800.0
    cpu_percent: float = 0.5
    window_s: float = 60.0
    nudge_after_s: float = 300.0
    interrupt_after_s: float = 600.0
    restart_after_s: float = 1200.0
    action: StallAction = StallAction.AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """What an agent's tree may use; None is no limit. Memory in MiB.

    Over `mem_high_mib` it is slowed down where the machine can, and people are told; over `mem_max_mib`
    the tree is ended as `oom`. `nice` and `oom_score_adj` are the kernel's own numbers.
    """

    mem_high_mib: int | None = None
    mem_max_mib: int | None = None
    pids: int | None = None
    nofile: int | None = None
    nice: int = 0
    oom_score_adj: int = 300


class Containment(StrEnum):
    """How a process tree is held together, best first; `auto` is the best that needs no new namespace."""

    AUTO = "auto"
    CGROUP = "cgroup"
    PIDNS = "pidns"
    GROUP_MARKER = "group+marker"
    GROUP = "group"
