"""The terminal is frozen (Ctrl-S, a stalled ssh): nobody reads what the screen draws, so the screen stands
still; the team is looked after on time, and the screen can still be told to end."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import statistics
import struct
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pytest

from supervisor.model.agent import AgentState
from supervisor.model.world import World
from tests.acceptance.project import Project, Watcher, write_profile
from tests.faults.test_30_terminal_closed import screen_of, shell, still_works

KILLS = 5
"""How often a worker is killed each way; more would open the breaker of a team of this size."""

LATE_S = 0.1
NOISE_S = 0.5
"""By how much the middle one of five may be later on a machine with other work: noise only ever adds."""


@pytest.fixture
def busy_project(project: Project) -> Project:
    """A team whose workers come back at once, however often they are killed."""
    write_profile(project.profile, tasks=400, step_s=0.2, workers=6)
    patient = "intensity = 1000\n[pools.backoff]\nbase_s = 0.01\ncap_s = 0.01\n"
    project.profile.write_text(project.profile.read_text() + patient)
    return project


async def until_full(child: Any) -> None:
    """Return once the terminal takes no more: it is resized again and again, and nobody reads."""
    held, since = -1, time.monotonic()
    while time.monotonic() - since < 2:
        for columns in (200, 199):
            child.setwinsize(50, columns)
        now = struct.unpack("i", fcntl.ioctl(child.child_fd, termios.FIONREAD, bytes(4)))[0]
        if now != held:
            held, since = now, time.monotonic()
        await asyncio.sleep(0.05)
    assert held >= 4095  # the kernel tells no more of a terminal


def at_work(world: World) -> bool:
    worker = world.agents["worker-1"]
    return worker.pid is not None and worker.state in {AgentState.IDLE, AgentState.WORKING}


async def replaced_after(watcher: Watcher) -> float:
    """Kill a worker; return after how many seconds the engine told that another is started."""
    world = await watcher.until(at_work)
    worker = world.agents["worker-1"]
    assert worker.pid is not None
    begun = time.monotonic()
    psutil.Process(worker.pid).kill()
    await watcher.until(
        lambda world: (
            world.agents["worker-1"].incarnation > worker.incarnation
            and world.agents["worker-1"].pid is not None
        )
    )
    return time.monotonic() - begun


async def test_supervision_is_on_time_while_the_screen_stands_still(busy_project: Project) -> None:
    with shell(busy_project) as (child, _):
        screen = screen_of(child)
        async with busy_project.watched() as watcher:
            with read(child):
                before = [await replaced_after(watcher) for _ in range(KILLS)]
            await until_full(child)
            drawn = screen.cpu_times()
            frozen = [await replaced_after(watcher) for _ in range(KILLS)]
            assert screen.cpu_times().user - drawn.user < 0.5  # it stands, and does not spin
        assert min(frozen) <= min(before) + LATE_S
        assert statistics.median(frozen) <= statistics.median(before) + NOISE_S
        screen.send_signal(signal.SIGTERM)
        gone, _ = psutil.wait_procs([screen], timeout=10)
        assert gone
    await still_works(busy_project)


@contextmanager
def read(child: Any) -> Iterator[None]:
    """Read what the screen draws, as a terminal does."""
    over = threading.Event()

    def read_on() -> None:
        while not over.is_set():
            with suppress(pexpect.TIMEOUT):
                child.read_nonblocking(65536, timeout=0.1)

    reader = threading.Thread(target=read_on)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()


async def test_a_screen_that_can_only_end_politely_would_never_end(
    busy_project: Project, tmp_path: Path
) -> None:
    """The canary: with all the patience of the world for the toolkit, the frozen screen stays."""
    broken = tmp_path / "broken.py"
    broken.write_text(
        "from supervisor.ui import departure\ndeparture.GRACE_S = 3600.0\n"
        "from supervisor.cli.main import main\nmain()\n"
    )
    with shell(busy_project, str(broken)) as (child, _):
        screen = screen_of(child)
        await until_full(child)
        screen.send_signal(signal.SIGTERM)
        assert not psutil.wait_procs([screen], timeout=4)[0]
        screen.kill()
    await still_works(busy_project)
