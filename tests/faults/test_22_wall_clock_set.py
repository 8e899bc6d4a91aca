"""The wall clock is set by an hour or a day, forwards or back, while the team works: no deadline moves, and
the order of events stays. It is told once each time."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.model.task import TaskState
from supervisor.testing.skewed_engine import write_skew
from tests.acceptance.project import Project
from tests.faults.engines import LEASE_S, kinds, skewed, with_leases
from tests.faults.test_08_engine_stopped import both_hold

HOUR_S = 3600.0
STEPS_S = (HOUR_S, 0.0, -HOUR_S, 24 * HOUR_S, -24 * HOUR_S)
"""To what the clock is set, one after the other: by an hour, back again, two hours back, …"""

APART_S = 2.5
TAKES_S = APART_S * (len(STEPS_S) + 1)


async def test_no_deadline_moves_and_the_order_stays(project: Project) -> None:
    with_leases(project, step_s=TAKES_S)
    clocks, program = skewed(project)
    engine = project.start("run", str(project.profile), program=program)
    async with project.watched() as watcher:
        await watcher.until(both_hold)
        for set_to_s in STEPS_S:
            write_skew(clocks, set_by_s=set_to_s)
            await asyncio.sleep(APART_S)  # the engine looks each second
        await watcher.until(lambda world: world.task_counts()[TaskState.DONE] == 2)
    engine.communicate(timeout=60)
    assert engine.returncode == 0
    events = await project.events()
    assert [event.at for event in events] == sorted(event.at for event in events)
    jumps = [later - sooner for sooner, later in zip((0.0, *STEPS_S), STEPS_S, strict=False)]
    assert [event.after["by_s"] for event in kinds(events, "engine.clock_set")] == pytest.approx(jumps, abs=1)
    assert len(kinds(events, "task.claimed")) == 2
    assert not kinds(events, "engine.time_gap", "task.released")
    for task in kinds(events, "task.renewed"):
        assert 0 < task.after["lease_until"] - task.at <= 2 * LEASE_S
    await project.check()


async def test_by_the_machines_own_clock_a_day_would_end_every_lease(project: Project) -> None:
    """The canary."""
    with_leases(project, step_s=TAKES_S)
    clocks, program = skewed(project, "--without-gaps")
    project.start("run", str(project.profile), program=program)
    async with project.watched() as watcher:
        await watcher.until(both_hold)
        write_skew(clocks, set_by_s=24 * HOUR_S)
        await watcher.until(lambda world: world.task_counts()[TaskState.PENDING] > 0)
    assert project.run("down", "--now").returncode == 0
