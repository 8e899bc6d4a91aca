"""The engine is stopped by SIGSTOP for longer than a lease, then goes on: no lease runs out for it, nobody is
killed or started anew, and the work goes on."""

from __future__ import annotations

import asyncio
import signal
import subprocess

import psutil
import pytest

from supervisor.model.task import TaskState
from supervisor.model.world import World
from tests.acceptance.project import Project
from tests.faults.engines import LEASE_S, kinds, skewed, with_leases

STOPPED_S = LEASE_S + 6.0
TAKES_S = STOPPED_S + 6.0
"""How long a task takes: it is handed in a moment after the engine goes on."""


def both_hold(world: World) -> bool:
    return world.task_counts()[TaskState.IN_PROGRESS] == 2


async def stop_for_a_while(engine: subprocess.Popen[str]) -> None:
    """Stop the engine for longer than a lease, and let it go on."""
    stopped = psutil.Process(engine.pid)
    stopped.send_signal(signal.SIGSTOP)
    await asyncio.sleep(STOPPED_S)  # what is tried is real time in which nothing happens
    stopped.send_signal(signal.SIGCONT)


async def test_no_lease_runs_out_and_nobody_is_replaced(project: Project) -> None:
    with_leases(project, step_s=TAKES_S)
    engine = project.start()
    async with project.watched() as watcher:
        world = await watcher.until(both_hold)
        before = {agent.name: (agent.incarnation, agent.pid) for agent in world.agents.values() if agent.task}
        await stop_for_a_while(engine)
        world = await watcher.until(lambda world: world.task_counts()[TaskState.DONE] == 2)
        assert {name: (world.agents[name].incarnation, world.agents[name].pid) for name in before} == before
    engine.communicate(timeout=60)
    assert engine.returncode == 0
    events = await project.events()
    (gap,) = kinds(events, "engine.time_gap")
    assert gap.after["seconds"] == pytest.approx(STOPPED_S, abs=3)
    assert gap.after["asleep_s"] == pytest.approx(0, abs=0.5)
    assert len(kinds(events, "task.claimed")) == 2
    assert not kinds(events, "task.released", "task.pending")
    await project.check()


async def test_by_the_machines_own_clocks_the_leases_would_run_out(project: Project) -> None:
    """The canary."""
    with_leases(project, step_s=TAKES_S)
    _, program = skewed(project, "--without-gaps")
    engine = project.start("run", str(project.profile), program=program)
    async with project.watched() as watcher:
        await watcher.until(both_hold)
        await stop_for_a_while(engine)
        await watcher.until(lambda world: world.task_counts()[TaskState.PENDING] > 0)
    assert project.run("down", "--now").returncode == 0
    assert any("its lease ran out" in event.reason for event in await project.events())
