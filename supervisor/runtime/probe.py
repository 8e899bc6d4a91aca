"""Which ways of holding a process tree together this machine offers, for `supervisor doctor`."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from supervisor.runtime.exits import HAS_PIDFD
from supervisor.runtime.proc_table import HAS_PROC

_CGROUP_ROOT: Final = Path("/sys/fs/cgroup")
_UNSHARE: Final = ("unshare", "--user", "--map-current-user", "--pid", "--fork", "true")
_UNSHARE_S: Final = 2.0


class Containment(StrEnum):
    """The levels, best first: what of a tree no shape of process escapes."""

    CGROUP = "cgroup"
    PIDNS = "pidns"
    GROUP_MARKER = "group+marker"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainmentLevel:
    """One level, whether the machine has it, and why or why not."""

    level: Containment
    available: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainmentReport:
    """All levels, best first, and the one that stopping uses."""

    used: Containment
    levels: tuple[ContainmentLevel, ...]


def probe_containment() -> ContainmentReport:
    """Try each level; runs one small program for at most two seconds."""
    marker = _marker()
    levels = (_cgroup(), _pidns(), marker, _level(Containment.GROUP, "", "every POSIX system"))
    used = Containment.GROUP_MARKER if marker.available else Containment.GROUP
    return ContainmentReport(used=used, levels=levels)


def _level(level: Containment, obstacle: str, detail: str) -> ContainmentLevel:
    return ContainmentLevel(level=level, available=not obstacle, detail=obstacle or detail)


def _marker() -> ContainmentLevel:
    obstacle = "" if HAS_PROC else "no /proc: escaped daemons are not found"
    detail = "session, subreaper and a marker in the environment"
    return _level(Containment.GROUP_MARKER, obstacle, detail if HAS_PIDFD else f"{detail}; without pidfd")


def _cgroup() -> ContainmentLevel:
    obstacle = ""
    own = _own_cgroup()
    if own is None or not (own / "cgroup.procs").exists():
        obstacle = "no cgroup v2 here"
    elif not os.access(own, os.W_OK):
        obstacle = f"{own} is not delegated to this user"
    elif not (own / "cgroup.kill").exists():
        obstacle = f"{own} has no cgroup.kill (it is the root, or the kernel is older than 5.14)"
    return _level(Containment.CGROUP, obstacle, f"{own} is writable")


def _own_cgroup() -> Path | None:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("0::"):
            return _CGROUP_ROOT / line.removeprefix("0::").lstrip("/")
    return None


def _pidns() -> ContainmentLevel:
    if shutil.which(_UNSHARE[0]) is None:
        return _level(Containment.PIDNS, "the program unshare is not installed", "")
    try:
        tried = subprocess.run(_UNSHARE, capture_output=True, timeout=_UNSHARE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return _level(Containment.PIDNS, f"unshare failed: {problem}", "")
    obstacle = tried.stderr.decode("utf-8", "replace").strip() or f"unshare ended with {tried.returncode}"
    return _level(Containment.PIDNS, obstacle if tried.returncode else "", "unprivileged PID namespaces work")
