"""Whether a process belongs to a tree, by what the kernel alone says: a marker could be copied."""

from __future__ import annotations

import os
from typing import Final

from supervisor.runtime.proc_table import ProcRef, read_stat

_GENERATIONS_MAX: Final = 64


def is_kin(pid: int, leader: ProcRef) -> bool:
    """Tell whether a process is the leader, of its group or session, or descends from it.

    Nobody can enter the session or group of another tree, nor choose its parent. A daemon that left
    the session and lost its parent cannot be told from a stranger, and is taken for one. The leader
    must not be reaped yet.
    """
    youngest = None
    for _ in range(_GENERATIONS_MAX):
        stat = read_stat(pid)
        if stat is None or (youngest is not None and stat.start_time > youngest):
            return False  # it is gone, or its number came to mean another while we looked
        if leader.pid in {stat.pid, stat.group, stat.session}:
            return stat.start_time >= leader.start_time
        if stat.parent in {0, 1, os.getpid()}:
            return False
        youngest, pid = stat.start_time, stat.parent
    return False
