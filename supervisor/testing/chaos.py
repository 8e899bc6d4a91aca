"""Real agents that misbehave on purpose, started by the real runtime, and sure to be gone afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from supervisor.clock import SystemClock
from supervisor.model.health import Containment
from supervisor.runtime.cgroup import SessionCgroup, own_cgroup
from supervisor.runtime.oom_log import OomLog
from supervisor.runtime.output import OnOutput
from supervisor.runtime.probe import probe_containment
from supervisor.runtime.proc_table import read_stat
from supervisor.runtime.spawn import Confinement, Launch, Polite, Process, spawn
from supervisor.runtime.sweep import sweep_session

_PROGRAM: Final = Path(__file__).with_name("chaos_child.py")
_READY_S: Final = 10.0


def chaos_argv(mode: str, *arguments: str) -> tuple[str, ...]:
    """Return the command of one chaos child; see `chaos_child.py` for the modes."""
    return (sys.executable, "-S", "-E", str(_PROGRAM), mode, *arguments)


def is_alive(pid: int) -> bool:
    """Say whether a process of that number lives; a zombie does not."""
    stat = read_stat(pid)
    return stat is not None and stat.alive


async def gone(*pids: int, within_s: float) -> bool:
    """Wait until none of `pids` lives; False when one still does by then."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + within_s
    while any(is_alive(pid) for pid in pids):
        if loop.time() > give_up_at:
            return False
        await asyncio.sleep(0.005)
    return True


class ChaosChild:
    """One chaos child: its process, what it wrote, and the pids it announced."""

    def __init__(
        self, launch: Launch, on_output: OnOutput | None, confinement: Confinement | None = None
    ) -> None:
        """Start it; `on_output` takes the output instead of the buffer."""
        self.output: Final = bytearray()
        self._has_line: Final = asyncio.Event()
        self._has_more: Final = asyncio.Event()
        self._on_output: Final = on_output
        self.process: Final[Process] = spawn(
            launch, on_output=self._take, clock=SystemClock(), confinement=confinement or Confinement()
        )

    async def ready(self) -> tuple[int, ...]:
        """Return the pids of its whole tree, once all of it stands."""
        async with asyncio.timeout(_READY_S):
            await self._has_line.wait()
        return tuple(json.loads(self.output.splitlines()[0])["ready"])

    async def says(self, words: bytes) -> None:
        """Return once it has written these words."""
        async with asyncio.timeout(_READY_S):
            while words not in self.output:
                self._has_more.clear()
                await self._has_more.wait()

    def _take(self, chunk: bytes) -> object:
        if self._on_output is not None:
            return self._on_output(chunk)
        self.output.extend(chunk)
        self._has_more.set()
        if b"\n" in self.output:
            self._has_line.set()
        return None


class ChaosTeam:
    """Starts chaos children in a session of its own; on leaving it the session is swept.

    Those that are given no confinement of their own get the team's.
    """

    def __init__(self, confinement: Confinement | None = None) -> None:
        """Choose a session nobody else has."""
        self.session: Final = secrets.token_hex(8)
        self.confinement = confinement or Confinement()

    def launch(self, *argv: str, agent: str = "worker-1#1") -> Launch:
        """Build a launch of any program in this session."""
        env = {"PATH": os.environ.get("PATH", os.defpath)}
        return Launch(argv=argv, cwd="/", env=env, session=self.session, agent=agent)

    def start(
        self,
        mode: str,
        *arguments: str,
        agent: str = "worker-1#1",
        on_output: OnOutput | None = None,
        takes_input: bool = False,
        polite: Polite | None = None,
    ) -> ChaosChild:
        """Start one chaos child."""
        launch = self.launch(*chaos_argv(mode, *arguments), agent=agent)
        launch = replace(launch, takes_input=takes_input, polite=polite)
        return ChaosChild(launch, on_output, self.confinement)

    async def __aenter__(self) -> Self:
        """Return the team."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill whatever a test left behind."""
        await sweep_session(self.session)


@asynccontextmanager
async def confined(level: Containment, **rules: Any) -> AsyncIterator[ChaosTeam]:
    """Keep a chaos team at one level of containment; its control group is gone afterwards.

    Raises Unavailable where the machine does not have the level.
    """
    found = (await asyncio.to_thread(probe_containment)).of(level)
    if not found.available:
        raise Unavailable(found.detail)
    team = ChaosTeam()
    base = own_cgroup() if level is Containment.CGROUP else None
    cgroups = None if base is None else SessionCgroup(base, team.session)
    if cgroups is not None:
        cgroups.open()
    team.confinement = Confinement(level=level, cgroups=cgroups, **rules)
    try:
        async with team:
            yield team
    finally:
        if cgroups is not None and not cgroups.close():
            raise RuntimeError(f"{cgroups.path} is not empty")


class Unavailable(Exception):
    """This machine does not have the level of containment that a test asked for."""


_FREEZER: Final = Path("/sys/fs/cgroup/freezer")


def can_be_unkillable() -> bool:
    """Say whether this machine can put a process into a sleep from which no signal wakes it."""
    return os.access(_FREEZER / "cgroup.procs", os.W_OK)


@contextmanager
def unkillable(*pids: int) -> Iterator[None]:
    """Put processes into an uninterruptible sleep, state D, as a dead network file system does.

    The freezer of cgroup v1 does it. Afterwards they meet whatever signals were sent meanwhile.
    """
    group = _FREEZER / f"supervisor-{secrets.token_hex(6)}"
    group.mkdir()
    try:
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
        (group / "freezer.state").write_text("FROZEN")
        for _ in range(10_000):
            if (group / "freezer.state").read_text().strip() == "FROZEN":
                break
            time.sleep(0.001)
        else:
            raise RuntimeError(f"{pids} cannot be frozen")
        yield
    finally:
        (group / "freezer.state").write_text("THAWED")
        for pid in pids:
            with suppress(OSError):
                (_FREEZER / "cgroup.procs").write_text(str(pid))
        _remove(group)


_MEMORY: Final = Path("/sys/fs/cgroup/memory")


def can_be_cramped() -> bool:
    """Say whether this machine can give one process so little memory that the kernel kills it, and tells."""
    log = OomLog()
    can_read = log.is_open
    log.close()
    return can_read and os.access(_MEMORY / "cgroup.procs", os.W_OK)


@contextmanager
def cramped(pid: int, mib: int) -> Iterator[None]:
    """Let a process take no more memory than so much, by cgroup v1: the kernel kills who takes more."""
    group = _MEMORY / f"supervisor-{secrets.token_hex(6)}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(mib << 20))
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        with suppress(OSError):
            (_MEMORY / "cgroup.procs").write_text(str(pid))
        _remove(group)


def _remove(group: Path) -> None:
    """Remove a group as soon as the kernel has let go of the dead in it."""
    for _ in range(2000):
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.001)
    raise RuntimeError(f"{group} is not empty")
