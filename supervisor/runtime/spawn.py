"""Starting one agent: one synchronous section, from the checks to the first reader on the loop.

Nothing is awaited between fork and registration, so no cancellation can leave a child that nobody knows.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.clock import Clock
from supervisor.runtime.exits import ProcessExit
from supervisor.runtime.limits import settle_child
from supervisor.runtime.marker import marked_env
from supervisor.runtime.output import OnOutput
from supervisor.runtime.proc_table import ProcRef, read_stat
from supervisor.runtime.process import Process
from supervisor.runtime.subreaper import birth
from supervisor.runtime.sweep import TreeEnd

__all__ = ["Launch", "OnOutput", "Process", "ProcessExit", "SpawnFailed", "TreeEnd", "spawn"]

_PERMANENT: Final = frozenset(
    {
        errno.ENOENT,
        errno.EACCES,
        errno.EPERM,
        errno.ENOEXEC,
        errno.E2BIG,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.EINVAL,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to start: `argv` never meets a shell, `env` is all the child gets besides the marker.

    `session` names the engine's life, `agent` the incarnation (`worker-2#3`); together they mark the tree.
    `within` names another agent whose tree this one is a part of. `pass_fds` are open in the child too.
    """

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    session: str
    agent: str
    within: str = ""
    pass_fds: tuple[int, ...] = ()


class SpawnFailed(Exception):
    """The child could not be started; `permanent` says that trying again cannot help."""

    def __init__(self, detail: str, *, permanent: bool) -> None:
        """Keep the cause in words a person can act on."""
        self.detail = detail
        self.permanent = permanent
        super().__init__(detail)


def spawn(launch: Launch, *, on_output: OnOutput, clock: Clock) -> Process:
    """Start the child in a session of its own and begin to watch it; raises SpawnFailed.

    `on_output` gets raw chunks of what the tree writes, stdout and stderr in one; answering False holds
    the child back for a moment.
    """
    program = _program(launch)
    try:
        env = _marked(launch)
        read_end, write_end = os.pipe()
    except ValueError as problem:
        raise SpawnFailed(str(problem), permanent=True) from problem
    except OSError as problem:
        raise SpawnFailed(f"no pipe for {launch.argv[0]}: {problem.strerror}", permanent=False) from problem
    with birth:
        try:
            child = _popen(launch, program, env, write_end)
        except SpawnFailed:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        return _watched(child, launch, read_end, on_output, clock)


def _marked(launch: Launch) -> dict[str, str]:
    env = launch.env
    outer: Mapping[str, str] = os.environ
    if launch.within:
        env = outer = marked_env(env, session=launch.session, agent=launch.within, outer=outer)
    return marked_env(env, session=launch.session, agent=launch.agent, outer=outer)


def _program(launch: Launch) -> str:
    """Find the program as the child would, so that the cause of a failure can be told in words."""
    if not launch.argv or not launch.argv[0]:
        raise SpawnFailed("the command is empty", permanent=True)
    if any("\0" in element for element in launch.argv):
        raise SpawnFailed("the command contains a NUL byte", permanent=True)
    if not os.path.isdir(launch.cwd):  # noqa: PTH112 - Path.is_dir raises where this says no
        raise SpawnFailed(f"there is no working directory {launch.cwd}", permanent=True)
    name = launch.argv[0]
    if "/" in name:
        return str(Path(launch.cwd, name).absolute())
    searched = launch.env.get("PATH", os.defpath)
    found = shutil.which(name, path=searched)
    if found is None:
        raise SpawnFailed(f"no program {name} in PATH ({searched})", permanent=True)
    return str(Path(launch.cwd, found).absolute())


def _popen(launch: Launch, program: str, env: dict[str, str], output: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            launch.argv,
            executable=program,
            cwd=launch.cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            close_fds=True,
            pass_fds=launch.pass_fds,
            start_new_session=True,
        )
    except ValueError as problem:
        raise SpawnFailed(f"the command cannot be started: {problem}", permanent=True) from problem
    except OSError as problem:
        raise SpawnFailed(_cause(problem, program), permanent=problem.errno in _PERMANENT) from problem


def _cause(problem: OSError, program: str) -> str:
    if problem.errno == errno.E2BIG:
        return f"cannot start {program}: its arguments or one variable are too long (128 KiB each)"
    if problem.errno == errno.ENOENT and Path(program).exists():
        return f"cannot start {program}: the interpreter its first line names does not exist"
    if problem.errno == errno.ENOEXEC:
        return f"cannot start {program}: it is neither a binary nor a script with a #! line"
    if problem.errno == errno.EACCES:
        return f"cannot start {program}: it is not executable for this user"
    return f"cannot start {program}: {problem.strerror}"


def _watched(
    child: subprocess.Popen[bytes], launch: Launch, read_end: int, on_output: OnOutput, clock: Clock
) -> Process:
    """Register the child; when that fails nothing of it stays."""
    try:
        os.set_blocking(read_end, False)
        stat = read_stat(child.pid)
        leader = ProcRef(pid=child.pid, start_time=stat.start_time if stat else 0)
        process = Process(
            leader=leader,
            session=launch.session,
            agent=launch.agent,
            output=read_end,
            on_output=on_output,
            clock=clock,
        )
    except OSError as problem:
        os.close(read_end)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise SpawnFailed(f"cannot watch {launch.argv[0]}: {problem.strerror}", permanent=False) from problem
    settle_child(child.pid)
    child.returncode = 0  # the status is ours to read: Popen must not wait for this pid, ever
    return process
