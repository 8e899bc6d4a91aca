"""The engine's handle on its guardian: start it first, notice its death, let it do the last sweep."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from supervisor.runtime.exits import ExitWatch, ProcessExit
from supervisor.runtime.proc_table import ProcStat, read_command, read_table
from supervisor.runtime.spawn import SpawnFailed
from supervisor.runtime.subreaper import birth
from supervisor.runtime.sweep import kill_refs

_PROGRAM: Final = Path(__file__).resolve().with_name("guardian_main.py")


class Guardian:
    """A process that kills everything marked with our session once we are gone, even by SIGKILL.

    When `exited` resolves without `close`, the guardian died before us: close this one, start another.
    """

    def __init__(self, child: subprocess.Popen[bytes], lifeline: int) -> None:
        """Take over the guardian just spawned and the write end of its lifeline."""
        self.pid: Final = child.pid
        self.exited: Final[asyncio.Future[ProcessExit]] = asyncio.get_running_loop().create_future()
        self._lifeline: int | None = lifeline
        self._watch: Final = ExitWatch(child.pid, self._exited)

    @classmethod
    async def start(cls, session: str, *, cgroup: Path | None = None, program: Path = _PROGRAM) -> Guardian:
        """Start the guardian of `session`; from now on our death is the death of its processes.

        With `cgroup`, the session's control group, also of those that no marker tells.
        """
        try:
            read_end, lifeline = os.pipe()
        except OSError as problem:
            raise SpawnFailed(f"no pipe for the guardian: {problem.strerror}", permanent=False) from problem
        with birth:
            try:
                command = [sys.executable, "-S", "-E", str(program), session, str(read_end)]
                child = _popen([*command, *([] if cgroup is None else [str(cgroup)])], read_end)
            except OSError as problem:
                os.close(lifeline)
                raise SpawnFailed(f"cannot start the guardian: {problem}", permanent=False) from problem
            finally:
                os.close(read_end)
            try:
                guardian = cls(child, lifeline)
            except OSError as problem:
                os.close(lifeline)
                child.kill()
                child.wait()
                raise SpawnFailed(f"cannot watch the guardian: {problem}", permanent=False) from problem
        child.returncode = 0  # its exit watch reads the status: Popen must not wait for this pid
        return guardian

    async def close(self, *, timeout_s: float = 5.0) -> bool:
        """Cut the lifeline, so that it sweeps a last time and ends; False when it had not by then."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(self.exited)
                return self._watch.reap()
        return False

    def _exited(self, found: ProcessExit) -> None:
        if not self.exited.done():
            self.exited.set_result(found)


async def end_guardians(sessions: Collection[str]) -> None:
    """Kill the guardians of dead sessions: one that is stopped or hangs would stay for ever."""
    table = await asyncio.to_thread(read_table)
    await kill_refs(stat.ref for stat in table.values() if _guards(stat, sessions))


def _guards(stat: ProcStat, sessions: Collection[str]) -> bool:
    """Say whether a process is the guardian of one of the sessions, by how it was started."""
    words = read_command(stat.pid)
    program, session, *_ = [*words[3:5], "", ""]
    return Path(program).name == _PROGRAM.name and session in sessions


def _popen(command: list[str], lifeline: int) -> subprocess.Popen[bytes]:
    """Start the guardian in a session of its own, so that no terminal or group signal reaches it."""
    return subprocess.Popen(
        command,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=True,
        pass_fds=(lifeline,),
        start_new_session=True,
    )
