"""Orphans of our agents come to us, not to init; and each is buried by name.

`waitpid(-1)` would take the exit status of children that others wait for, so the children this process
started itself are registered here and only adopted ones are reaped.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from supervisor.runtime.proc_table import ProcStat, read_table

_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_GET_CHILD_SUBREAPER: Final = 37
_LIBC: Final = ctypes.CDLL(None, use_errno=True)

# The kernel's own list of our children is one per process, and so is this.
_OWNED: Final[set[int]] = set()

# Held from a fork until its child is registered, so that no thread takes a child just born for an orphan.
birth: Final = threading.Lock()


def become_subreaper() -> bool:
    """Have the kernel give us the orphans of our descendants; say whether it does."""
    if sys.platform != "linux":
        return False
    return int(_LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) == 0


def is_subreaper() -> bool:
    """Say whether orphans of our descendants come to us."""
    answer = ctypes.c_int(0)
    if sys.platform != "linux":
        return False
    return int(_LIBC.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)) == 0 and answer.value == 1


def own(pid: int) -> None:
    """Register a child that its starter will reap."""
    _OWNED.add(pid)


def disown(pid: int) -> None:
    """Forget a child that was reaped."""
    _OWNED.discard(pid)


def owned_count() -> int:
    """Return how many children were started here and not reaped yet."""
    return len(_OWNED)


def is_owned(pid: int) -> bool:
    """Say whether somebody here waits for this child."""
    return pid in _OWNED


def reap_adopted(table: Mapping[int, ProcStat] | None = None) -> tuple[int, ...]:
    """Bury the dead orphans that came to us and return their pids; reads /proc unless given a table.

    Children in our own session are never touched: those are helpers that somebody here waits for.
    """
    dead = [stat.pid for stat in adopted(read_table() if table is None else table) if not stat.alive]
    for pid in dead:
        bury(pid)
    return tuple(dead)


def adopted(table: Mapping[int, ProcStat]) -> list[ProcStat]:
    """List our children that we did not start: orphans of agents, dead or alive."""
    own_pid, own_session = os.getpid(), os.getsid(0)
    return [
        stat
        for stat in table.values()
        if stat.parent == own_pid and stat.session != own_session and not is_owned(stat.pid)
    ]


def bury(pid: int) -> None:
    """Reap one dead child if it is an adopted one; otherwise do nothing."""
    with birth, suppress(ChildProcessError):
        if not is_owned(pid):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
