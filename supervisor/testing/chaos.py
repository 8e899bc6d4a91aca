"""Real agents that misbehave on purpose, started by the real runtime, and sure to be gone afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from supervisor.clock import SystemClock
from supervisor.runtime.output import OnOutput
from supervisor.runtime.proc_table import read_stat
from supervisor.runtime.spawn import Launch, Process, spawn
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

    def __init__(self, launch: Launch, on_output: OnOutput | None) -> None:
        """Start it; `on_output` takes the output instead of the buffer."""
        self.output: Final = bytearray()
        self._has_line: Final = asyncio.Event()
        self._on_output: Final = on_output
        self.process: Final[Process] = spawn(launch, on_output=self._take, clock=SystemClock())

    async def ready(self) -> tuple[int, ...]:
        """Return the pids of its whole tree, once all of it stands."""
        async with asyncio.timeout(_READY_S):
            await self._has_line.wait()
        return tuple(json.loads(self.output.splitlines()[0])["ready"])

    def _take(self, chunk: bytes) -> object:
        if self._on_output is not None:
            return self._on_output(chunk)
        self.output.extend(chunk)
        if b"\n" in self.output:
            self._has_line.set()
        return None


class ChaosTeam:
    """Starts chaos children in a session of its own; on leaving it the session is swept."""

    def __init__(self) -> None:
        """Choose a session nobody else has."""
        self.session: Final = secrets.token_hex(8)

    def launch(self, *argv: str, agent: str = "worker-1#1") -> Launch:
        """Build a launch of any program in this session."""
        env = {"PATH": os.environ.get("PATH", os.defpath)}
        return Launch(argv=argv, cwd="/", env=env, session=self.session, agent=agent)

    def start(
        self, mode: str, *arguments: str, agent: str = "worker-1#1", on_output: OnOutput | None = None
    ) -> ChaosChild:
        """Start one chaos child."""
        return ChaosChild(self.launch(*chaos_argv(mode, *arguments), agent=agent), on_output)

    async def __aenter__(self) -> Self:
        """Return the team."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill whatever a test left behind."""
        await sweep_session(self.session)
