"""A PID namespace of its own for one agent: when its init ends, the kernel kills all that is left in it.

Three processes stand on top of each other: `unshare`, which is our child and dies with us; the namespace's
init (`namespace_main.py`), which buries orphans and ends with the agent; and the agent, first of a session
of its own. Signals meant for the agent go to it past the other two, which would hear them twice else.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from supervisor.model.health import ProcessLimits
from supervisor.runtime.exits import ProcessExit
from supervisor.runtime.limits import nofile_of_child
from supervisor.runtime.proc_table import ProcRef, ProcStat, children_of, read_stat

UNSHARE: Final = (
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--user",
    "--map-current-user",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)
_PROGRAM: Final = Path(__file__).resolve().with_name("namespace_main.py")
_TOOLS: Final = frozenset({"setpriv", "unshare"})
_STATUS_BYTES: Final = 64


def in_namespace(
    program: str, argv: tuple[str, ...], *, status: int, limits: ProcessLimits
) -> tuple[str, ...]:
    """Return the command that starts `program` with `argv` in a namespace of its own.

    How the agent ends is written to the descriptor `status`. The limits are set inside: from outside nobody
    could tell when there is somebody to set them for.
    """
    files = ",".join(map(str, nofile_of_child(limits) or ()))
    settings = (str(status), files, str(limits.nice), str(limits.oom_score_adj))
    tools = [_found(word) if word in _TOOLS else word for word in UNSHARE]
    return (*tools, sys.executable, "-I", "-S", str(_PROGRAM), *settings, program, *argv)


def _found(tool: str) -> str:
    """Find a program of the machine's own, by our PATH and not by the agent's."""
    path = shutil.which(tool)
    if path is None:
        raise FileNotFoundError(errno.ENOENT, f"a PID namespace needs the program {tool}, which is missing")
    return path


def agent_inside(leader: int) -> ProcRef | None:
    """Find the agent in the namespace that our child `leader` began; None before it is there.

    It is the first one that the namespace's init began, and the first of its session.
    """
    born = [
        stat
        for init in _children(leader)
        for stat in _children(init.pid)
        if stat.session == stat.pid and stat.alive
    ]
    first = min(born, key=lambda stat: (stat.start_time, stat.pid), default=None)
    return None if first is None else first.ref


def _children(pid: int) -> list[ProcStat]:
    return [stat for each in children_of(pid) if (stat := read_stat(each)) is not None]


class StatusPipe:
    """Where the namespace's init tells how the agent ended: its own end cannot say by which signal."""

    def __init__(self, fd: int) -> None:
        """Take over the read end of the pipe, which must not block."""
        self._fd: int | None = fd

    def told(self) -> ProcessExit | None:
        """Return what init said, once; None if it was killed before it could say anything."""
        if self._fd is None:
            return None
        line = b""
        with suppress(OSError):
            line = os.read(self._fd, _STATUS_BYTES)
        os.close(self._fd)
        self._fd = None
        word, _, number = line.strip().partition(b" ")
        if not number.isdigit():
            return None
        return ProcessExit(code=int(number)) if word == b"code" else ProcessExit(signal=int(number))
