"""The disk under the database is full: supervision goes on in memory, nothing new is dealt out, and once
there is room again all goes on by itself. What becomes of the logs is in `test_19_full_log_disk.py`.

A small disk of its own is mounted for the engine alone, in a name space that ends with it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from supervisor.errors import StoreError
from supervisor.model.task import TaskState
from supervisor.model.world import World
from supervisor.testing.chaos import is_alive
from supervisor.transports.control.client import ControlClient
from supervisor.workspace.state_dir import socket_path
from tests.acceptance.project import DEADLINE_S, Project, Watcher, within, write_profile

ON_A_SMALL_DISK = """
set -e
mkdir -m 700 {state}
mount -t tmpfs -o mode=700,size=16m none {state}
exec {python} -m supervisor run {profile} --project {project}
"""
FULL_S = 5.0
TASKS = 40


@contextmanager
def engine_on_a_small_disk(project: Project) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run the team; beside it stands where its state directory is seen from outside."""
    state = project.root / ".supervisor"
    script = ON_A_SMALL_DISK.format(
        state=state, python=sys.executable, profile=project.profile, project=project.root
    )
    engine = subprocess.Popen(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    project.engines.append(engine)
    yield engine, Path(f"/proc/{engine.pid}/root{state}")


def fill(state: Path) -> Path:
    """Take all the room there is; return what takes it."""
    filler = state / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT, 0o600)
    with suppress(OSError):
        while True:
            os.write(descriptor, bytes(4096))
    os.close(descriptor)
    return filler


def done(count: int) -> Callable[[World], bool]:
    return lambda world: world.task_counts()[TaskState.DONE] >= count


async def test_supervision_goes_on_in_memory_and_the_work_once_there_is_room(project: Project) -> None:
    write_profile(project.profile, tasks=TASKS, step_s=0.5)
    with engine_on_a_small_disk(project) as (engine, state):
        socket = socket_path(project.root)
        async with await within(lambda: ControlClient.connect(socket)) as client:
            watcher = Watcher(client)
            world = await watcher.until(lambda world: len(world.tasks) == TASKS and done(3)(world))
            filler = fill(state)
            await until_refused(client)
            (victim, other) = (world.agents[name].pid for name in ("worker-1", "worker-2"))
            assert victim is not None
            assert other is not None
            before = (await snapshot(client)).task_counts()
            psutil.Process(victim).kill()
            await stays(lambda: engine.poll() is None and is_alive(other), FULL_S)
            assert not psutil.pid_exists(victim)  # seen, and buried
            now = await snapshot(client)
            assert now.task_counts() == before
            filler.unlink()
            await watcher.until(lambda world: world.agents["worker-1"].incarnation == 2 and done(6)(world))
            assert engine.poll() is None
        out, err = engine.communicate(timeout=DEADLINE_S)
        assert engine.returncode == 0, err
        assert f"{TASKS} of {TASKS} tasks done" in out, out


async def until_refused(client: ControlClient) -> None:
    """Return once the engine can write nothing any more: what is full is full for it, too."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        try:
            await client.call("send", to="human", body="x" * 4000)
        except StoreError:
            return
    raise AssertionError("there was still room")


async def snapshot(client: ControlClient) -> World:
    return World.of(await client.snapshot())


async def stays(holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert holds()
        await asyncio.sleep(0.05)
