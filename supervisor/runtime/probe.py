"""Which ways of holding a process tree together this machine offers: each is tried, not guessed."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.model.health import Containment, ProcessLimits
from supervisor.runtime.cgroup import Cgroup, own_cgroup
from supervisor.runtime.exits import HAS_PIDFD
from supervisor.runtime.pid_namespace import UNSHARE
from supervisor.runtime.proc_table import HAS_PROC

_TRIAL_S: Final = 2.0
_NAMESPACE_TRIAL: Final = (*UNSHARE, "true")
_SLEEPER: Final = ("sleep", "60")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainmentLevel:
    """One level, whether the machine has it, and why or why not."""

    level: Containment
    available: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainmentReport:
    """All levels, best first, and the one that `auto` comes to."""

    used: Containment
    levels: tuple[ContainmentLevel, ...]

    def of(self, level: Containment) -> ContainmentLevel:
        """Return what was found of one level."""
        return next(each for each in self.levels if each.level is level)


def probe_containment(*, tries_namespaces: bool = True) -> ContainmentReport:
    """Try each level; runs two small programs, for at most two seconds each.

    Namespaces are never what `auto` comes to, so whoever needs no more may save their trial.
    """
    cgroup, marker = _cgroup(), _marker()
    pidns = _pidns() if tries_namespaces else _level(Containment.PIDNS, "it was not tried", "")
    levels = (cgroup, pidns, marker, _level(Containment.GROUP, "", "every POSIX system"))
    best = [each.level for each in (cgroup, marker) if each.available]
    return ContainmentReport(used=best[0] if best else Containment.GROUP, levels=levels)


def _level(level: Containment, obstacle: str, detail: str) -> ContainmentLevel:
    return ContainmentLevel(level=level, available=not obstacle, detail=obstacle or detail)


def _marker() -> ContainmentLevel:
    obstacle = "" if HAS_PROC else "no /proc: escaped daemons are not found"
    detail = "session, subreaper and a marker in the environment"
    return _level(Containment.GROUP_MARKER, obstacle, detail if HAS_PIDFD else f"{detail}; without pidfd")


def _cgroup() -> ContainmentLevel:
    own = own_cgroup()
    if own is None or not (own / "cgroup.procs").exists():
        return _level(Containment.CGROUP, "no cgroup v2 here", "")
    if not os.access(own, os.W_OK):
        return _level(Containment.CGROUP, f"{own} is not delegated to this user", "")
    return _level(Containment.CGROUP, _trial_of_cgroup(own), _words_for(own))


def _words_for(own: Path) -> str:
    with suppress(OSError):
        controllers = {"memory", "pids"} & set((own / "cgroup.controllers").read_text("ascii").split())
        if controllers:
            return f"below {own}, with limits of {' and '.join(sorted(controllers))}"
    return f"below {own}, without limits of memory or pids: those are watched by sampling"


def _trial_of_cgroup(own: Path) -> str:
    """Put a process into a group of its own and kill it there; return why that cannot be done, if so."""
    group = Cgroup(own / f"supervisor-trial-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with subprocess.Popen(
            _SLEEPER, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as sleeper:
            try:
                group.admit(sleeper.pid, ProcessLimits())
                if not (group.path / "cgroup.kill").exists():
                    return f"{own} has no cgroup.kill: the kernel is older than 5.14"
                group.kill()
                sleeper.wait(_TRIAL_S)
            finally:
                sleeper.kill()
                sleeper.wait()
                group.remove()
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"no group can be used below {own}: {problem}"
    return ""


def _pidns() -> ContainmentLevel:
    missing = [name for name in (_NAMESPACE_TRIAL[0], "unshare") if shutil.which(name) is None]
    if missing:
        return _level(Containment.PIDNS, f"the program {missing[0]} is not installed", "")
    try:
        tried = subprocess.run(_NAMESPACE_TRIAL, capture_output=True, timeout=_TRIAL_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return _level(Containment.PIDNS, f"unshare failed: {problem}", "")
    obstacle = tried.stderr.decode("utf-8", "replace").strip() or f"unshare ended with {tried.returncode}"
    return _level(Containment.PIDNS, obstacle if tried.returncode else "", "unprivileged PID namespaces work")
