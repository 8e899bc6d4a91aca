"""A project with a real engine as its own process, and eyes on every process that it started."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from supervisor.engine.fsck import fsck
from supervisor.engine.stored_events import stored_log
from supervisor.model.event import Event
from supervisor.model.world import Snapshot, World
from supervisor.transports.control.client import ControlClient
from supervisor.transports.control.protocol import Bye
from supervisor.workspace.engine_lock import holder_of, read_engine_file
from supervisor.workspace.state_dir import StateDir, open_state

TEAM = Path(__file__).parent / "team"
DEADLINE_S = 60.0


@dataclass
class Project:
    """A directory, the team that runs on it, and the engines started there."""

    root: Path
    profile: Path
    engines: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *words: str, program: tuple[str, ...] = ("-m", "supervisor")) -> subprocess.Popen[str]:
        """Start a verb as a process of its own; `run` of the team if none is given."""
        engine = subprocess.Popen(
            [sys.executable, *program, *(words or ("run", str(self.profile))), "--project", str(self.root)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.engines.append(engine)
        return engine

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a verb to its end."""
        engine = self.start(*words)
        out, err = engine.communicate(timeout=DEADLINE_S)
        return subprocess.CompletedProcess(engine.args, engine.returncode, out, err)

    @property
    def session(self) -> str:
        """Return the marker of the engine that published itself last."""
        record = read_engine_file(open_state(self.root, create=False))
        assert record is not None
        return record.session

    def left_over(self, session: str) -> list[int]:
        """List the processes that carry an engine's marker."""
        return [each.pid for each in psutil.process_iter() if _carries(each, session)]

    async def events(self) -> list[Event]:
        """Return the whole event log from disk."""
        with stored_log(self.root) as log:
            return list(log.after(0))

    async def check(self) -> None:
        """Require a clean fsck, and that no task was done twice."""
        report = await fsck(self.root)
        assert report.ok, report
        done = [event.subject for event in await self.events() if event.kind == "task.done"]
        assert len(done) == len(set(done))

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[Watcher]:
        """Follow the running engine."""
        state = open_state(self.root, create=False)
        client = await within(lambda: connect(state))
        async with client:
            yield Watcher(client)

    def end_detached(self) -> None:
        """Kill the engine that `up` left behind, should a test have failed before it was stopped."""
        holder = holder_of(self.root / ".supervisor" / "engine.lock")
        if holder is not None and holder.get("pid") != os.getpid():
            psutil.Process(int(holder["pid"])).kill()

    def __post_init__(self) -> None:
        self.root.mkdir()


async def connect(state: StateDir) -> ControlClient:
    record = read_engine_file(state)
    if record is None:
        raise ConnectionRefusedError
    return await ControlClient.connect(record.socket)


async def within(attempt: Callable[[], Awaitable[ControlClient]], *, seconds: float = 30.0) -> ControlClient:
    """Try until the engine answers: its start is an event at the border of a process."""
    from supervisor.errors import SupervisorError

    end = time.monotonic() + seconds
    while True:
        try:
            return await attempt()
        except (OSError, SupervisorError):
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.02)


@dataclass
class Watcher:
    """The world as a client of the engine sees it."""

    client: ControlClient
    world: World = field(default_factory=World)

    async def until(self, holds: Callable[[World], object]) -> World:
        """Return once the predicate holds; fail after a minute or when the engine goes."""
        async with asyncio.timeout(DEADLINE_S):
            async for item in self.client.feed():
                if isinstance(item, Snapshot):
                    self.world = World.of(item)
                elif isinstance(item, Bye):
                    break
                elif isinstance(item, Event):
                    self.world.apply(item)
                if holds(self.world):
                    return self.world
        raise AssertionError("the engine went before it held")


def _carries(process: psutil.Process, session: str) -> bool:
    try:
        return (
            session in process.environ().get("SUP_SESSION", "") and process.status() != psutil.STATUS_ZOMBIE
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return False


def wait_empty(project: Project, session: str, *, seconds: float) -> float:
    """Return after how many seconds no process of the session was left; fail after `seconds`."""
    begun = time.monotonic()
    while left := project.left_over(session):
        assert time.monotonic() - begun < seconds, f"still there after {seconds} s: {left}"
        os.sched_yield()
    return time.monotonic() - begun


def write_profile(
    path: Path, *, tasks: int = 8, step_s: float = 0.05, workers: int = 2, extra: str = ""
) -> Path:
    """Write the small team's profile beside its program."""
    command = f'["{{python}}", "{TEAM}/agent.py", "{tasks}", "{step_s}"]'
    path.write_text(
        f'name = "mini"\ndescription = "a planner and workers"\n'
        f'[[pools]]\nname = "planner"\nrole = "planner"\ncommand = {command}\n'
        f'[[pools]]\nname = "worker"\nrole = "worker"\nsize = {workers}\ncommand = {command}\n{extra}'
    )
    return path
