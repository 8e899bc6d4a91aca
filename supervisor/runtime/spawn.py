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
from pathlib import Path
from typing import Final

from supervisor.clock import Clock
from supervisor.model.health import Containment, ProcessLimits
from supervisor.runtime.exits import ProcessExit
from supervisor.runtime.gate import behind_gate
from supervisor.runtime.launch import Confinement, Launch, Polite
from supervisor.runtime.limits import settle_child
from supervisor.runtime.marker import marked_env
from supervisor.runtime.output import OnOutput
from supervisor.runtime.pid_namespace import in_namespace
from supervisor.runtime.pipes import Pipes
from supervisor.runtime.proc_table import ProcRef, read_stat
from supervisor.runtime.process import Process
from supervisor.runtime.subreaper import birth
from supervisor.runtime.sweep import TreeEnd
from supervisor.runtime.terminal import at_terminal

__all__ = [
    "Confinement",
    "Launch",
    "OnOutput",
    "Polite",
    "Process",
    "ProcessExit",
    "SpawnFailed",
    "TreeEnd",
    "spawn",
]

_ELF: Final = b"\x7fELF"
_UNCONFINED: Final = Confinement()

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


class SpawnFailed(Exception):
    """The child could not be started; `permanent` says that trying again cannot help."""

    def __init__(self, detail: str, *, permanent: bool) -> None:
        """Keep the cause in words a person can act on."""
        self.detail = detail
        self.permanent = permanent
        super().__init__(detail)


def spawn(
    launch: Launch,
    *,
    on_output: OnOutput,
    clock: Clock,
    confinement: Confinement = _UNCONFINED,
    on_errors: OnOutput | None = None,
) -> Process:
    """Start the child in a session of its own and begin to watch it; raises SpawnFailed.

    `on_output` gets raw chunks of what the tree writes, stdout and stderr in one; answering False holds
    the child back for a moment. With `errors_apart` what comes on stderr goes to `on_errors` instead.
    """
    program = _program(launch)
    is_inside = confinement.level is Containment.PIDNS
    is_gated = confinement.is_strict and confinement.cgroups is not None
    if is_inside or is_gated or launch.terminal is not None:
        _check_format(program)
    try:
        env = _marked(launch)
        pipes = Pipes.open(
            stdin=launch.takes_input,
            errors=launch.errors_apart,
            terminal=launch.terminal,
            status=is_inside,
            gate=is_gated,
        )
    except ValueError as problem:
        raise SpawnFailed(str(problem), permanent=True) from problem
    except OSError as problem:
        raise SpawnFailed(f"no pipe for {launch.argv[0]}: {problem.strerror}", permanent=False) from problem
    with birth:
        try:
            child = _popen(launch, program, env, pipes, confinement.limits)
        except SpawnFailed:
            pipes.close_ours()
            raise
        finally:
            pipes.close_theirs()
        return _watched(
            child,
            launch,
            pipes,
            confinement=confinement,
            on_output=on_output,
            on_errors=on_errors or on_output,
            clock=clock,
        )


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


def _check_format(program: str) -> None:
    """Refuse what no exec could start: inside a namespace its failure would look like the agent's own."""
    try:
        with open(program, "rb") as file:  # noqa: PTH123 - `program` is text that was looked up already
            head = file.readline(256)
    except OSError as problem:
        raise SpawnFailed(_cause(problem, program), permanent=True) from problem
    if not os.access(program, os.X_OK):
        raise SpawnFailed(_cause(PermissionError(errno.EACCES, ""), program), permanent=True)
    if head.startswith(b"#!"):
        interpreter = os.fsdecode(head[2:].split(maxsplit=1)[0]) if head[2:].split() else ""
        if not os.path.exists(interpreter):  # noqa: PTH110 - as above
            raise SpawnFailed(_cause(FileNotFoundError(errno.ENOENT, ""), program), permanent=True)
    elif not head.startswith(_ELF):
        raise SpawnFailed(_cause(OSError(errno.ENOEXEC, ""), program), permanent=True)


def _command(launch: Launch, program: str, pipes: Pipes, limits: ProcessLimits) -> tuple[str, ...]:
    """Return what is really started: the agent's own command, or what stands before it."""
    argv = launch.argv
    if launch.terminal is not None:
        argv = at_terminal(program, argv)
        program = argv[0]
    if pipes.status is not None:
        return in_namespace(program, argv, status=pipes.status.theirs, limits=limits)
    if pipes.gate is not None:
        return behind_gate(program, argv, pipes.gate.theirs)
    return argv


def _popen(
    launch: Launch, program: str, env: dict[str, str], pipes: Pipes, limits: ProcessLimits
) -> subprocess.Popen[bytes]:
    try:
        command = _command(launch, program, pipes, limits)
        return subprocess.Popen(
            command,
            executable=program if command is launch.argv else command[0],
            cwd=launch.cwd,
            env=env,
            stdin=subprocess.DEVNULL if pipes.stdin is None else pipes.stdin.theirs,
            stdout=pipes.output.theirs,
            stderr=(pipes.errors or pipes.output).theirs,
            close_fds=True,
            pass_fds=(*launch.pass_fds, *pipes.passed),
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
    child: subprocess.Popen[bytes],
    launch: Launch,
    pipes: Pipes,
    *,
    confinement: Confinement,
    on_output: OnOutput,
    on_errors: OnOutput,
    clock: Clock,
) -> Process:
    """Register the child; when that fails nothing of it stays."""
    try:
        pipes.unblock()
        stat = read_stat(child.pid)
        leader = ProcRef(pid=child.pid, start_time=stat.start_time if stat else 0)
        process = Process(
            leader=leader,
            launch=launch,
            confinement=confinement,
            pipes=pipes,
            on_output=on_output,
            on_errors=on_errors,
            clock=clock,
        )
    except OSError as problem:
        pipes.close_ours()
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise SpawnFailed(f"cannot watch {launch.argv[0]}: {problem.strerror}", permanent=False) from problem
    settle_child(child.pid, confinement.limits)
    child.returncode = 0  # the status is ours to read: Popen must not wait for this pid, ever
    return process
