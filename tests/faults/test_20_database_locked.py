"""Another process locks the database for half a minute: the engine goes on supervising and answering what is
read, no lease runs out, nobody is killed, and the work goes on by itself afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil

from supervisor.model.task import TaskState
from supervisor.model.world import World
from tests.acceptance.project import Project, Watcher
from tests.faults.engines import LEASE_S, kinds, with_leases

LOCKED_S = 30.0
ANSWER_S = 1.0
TAKES_S = 5.0


@contextmanager
def locked(project: Project) -> Iterator[None]:
    """Hold the database's write lock, as a person with an open transaction does."""
    path = project.root / ".supervisor" / "coordinator.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def one_holds(world: World) -> bool:
    return world.task_counts()[TaskState.IN_PROGRESS] >= 1 and world.agents["worker-1"].pid is not None


async def slowest_answer(watcher: Watcher, seconds: float) -> float:
    """Ask the engine again and again; return how long it took at most to answer."""
    slowest, end = 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        await watcher.client.call("hello")
        slowest = max(slowest, time.monotonic() - begun)
        await asyncio.sleep(0.05)
    return slowest


async def test_supervision_goes_on_and_the_work_after_it(project: Project) -> None:
    assert LOCKED_S > 2 * LEASE_S
    with_leases(project, step_s=TAKES_S, tasks=4)
    engine = project.start()
    async with project.watched() as watcher:
        world = await watcher.until(one_holds)
        before = {agent.name: agent.incarnation for agent in world.agents.values()}
        with locked(project):
            assert await slowest_answer(watcher, LOCKED_S - 10) < ANSWER_S
            shown = await watcher.client.snapshot()
            assert {agent["name"] for agent in shown.tables["agent"]} == set(before)
            asked = psutil.Process(world.agents["worker-1"].pid)
            asked.kill()
            assert await slowest_answer(watcher, 10) < ANSWER_S
        world = await watcher.until(lambda world: world.agents["worker-1"].incarnation == 2)
        now = {agent.name: agent.incarnation for agent in world.agents.values()}
        assert now == before | {"worker-1": 2}
    engine.communicate(timeout=60)
    assert engine.returncode == 0
    events = await project.events()
    ran_out = [event.after["author"] for event in events if "its lease ran out" in event.reason]
    assert set(ran_out) <= {"worker-1"}  # it was dead by then
    assert not kinds(events, "engine.time_gap", "engine.guardian_replaced")
    await project.check()
