"""Whether a dead leader left anybody behind, told by the list of our children instead of the whole table.

While we are the subreaper of our trees, every process of one is under its leader, or came to us when the
parent it had ended. So once the leader is dead, whoever is left is below a child of ours that we did not
start. The kernel keeps that list; reading it takes a fiftieth of a look at all processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from supervisor.runtime.marker import marks_in
from supervisor.runtime.proc_table import ProcRef, read_environ, read_proc, read_stat
from supervisor.runtime.subreaper import bury, is_owned, is_subreaper, owned_count

MOST_OWNED = 200
"""Of more children a shared look at the whole table costs less than one look at the list for each."""

MOST_ORPHANS = 8
"""Of more orphans a look at the whole table, which all who ask share, costs less than these for each."""

LOOKS = 3

_TASKS = Path("/proc/self/task")


def none_left(leader: ProcRef, session: str, agent: str) -> bool:
    """Say that nobody of the tree lives; False when that is not certain. Buries dead orphans it meets.

    The leader must be a child of ours that is not reaped yet: a list without it is none to rely on.
    """
    if owned_count() > MOST_OWNED or not is_subreaper() or not _is_dead(leader):
        return False
    for _ in range(LOOKS):
        children = _children()
        orphans = [pid for pid in children if not is_owned(pid)]
        if leader.pid not in children or len(orphans) > MOST_ORPHANS:
            return False
        if not all(_is_of_another(pid, session, agent) for pid in orphans):
            return False
        if not _bury_dead(orphans):
            return True  # one that died meanwhile may have left somebody, who is in the next list
    return False


def _is_dead(leader: ProcRef) -> bool:
    stat = read_stat(leader.pid)
    return stat is None or not stat.alive or stat.ref != leader


def _children() -> list[int]:
    """List our children; of each of our threads, for an orphan comes to any of them."""
    found: list[int] = []
    with suppress(FileNotFoundError):
        for task in os.listdir(_TASKS):  # noqa: PTH208 - called for every end of an agent
            found += map(int, read_proc(f"{_TASKS}/{task}/children").split())
    return found


def _bury_dead(orphans: Iterable[int]) -> bool:
    """Bury the dead among the orphans; say whether there were any."""
    dead = [pid for pid in orphans if (stat := read_stat(pid)) is None or not stat.alive]
    for pid in dead:
        bury(pid)
    return bool(dead)


def _is_of_another(pid: int, session: str, agent: str) -> bool:
    """Say whether a child that we did not start is dead, a helper in our own session, or of another tree."""
    stat = read_stat(pid)
    if stat is None or stat.session == os.getsid(0):
        return True
    if not stat.alive:
        return True
    marks = marks_in(read_environ(pid))
    return bool(marks) and (session, agent) not in marks
