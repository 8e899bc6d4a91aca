"""The laptop sleeps for eight hours with the team at work: all deadlines are moved by the night, nobody is
ended or started anew, and the work goes on. What becomes of agents whose connections are dead is in
`test_23_one_stall_cycle_after_sleep.py`."""

from __future__ import annotations

import pytest

from supervisor.model.task import TaskState
from supervisor.testing.skewed_engine import write_skew
from tests.acceptance.project import Project
from tests.faults.engines import LEASE_S, kinds, skewed, with_leases
from tests.faults.test_08_engine_stopped import both_hold

NIGHT_S = 8 * 3600.0
TAKES_S = 5.0


async def test_every_deadline_is_moved_by_the_night(project: Project) -> None:
    with_leases(project, step_s=TAKES_S)
    clocks, program = skewed(project)
    engine = project.start("run", str(project.profile), program=program)
    async with project.watched() as watcher:
        world = await watcher.until(both_hold)
        before = {agent.name: agent.incarnation for agent in world.agents.values()}
        write_skew(clocks, asleep_s=NIGHT_S)
        world = await watcher.until(lambda world: world.task_counts()[TaskState.DONE] == 2)
        assert {agent.name: agent.incarnation for agent in world.agents.values()} == before
    engine.communicate(timeout=60)
    assert engine.returncode == 0
    events = await project.events()
    (gap,) = kinds(events, "engine.time_gap")
    assert (gap.after["seconds"], gap.after["asleep_s"]) == pytest.approx((NIGHT_S, NIGHT_S), abs=2)
    shifted = kinds(events, "task.shifted")
    assert len(shifted) == 2
    for task in shifted:
        assert 0 < task.after["lease_until"] - task.at <= 2 * LEASE_S
        assert task.at == gap.at
    assert len(kinds(events, "task.claimed")) == 2
    assert not kinds(events, "engine.clock_set", "task.released")
    await project.check()


async def test_by_the_machines_own_clocks_the_night_would_end_every_lease(project: Project) -> None:
    """The canary."""
    with_leases(project, step_s=60)
    clocks, program = skewed(project, "--without-gaps")
    project.start("run", str(project.profile), program=program)
    async with project.watched() as watcher:
        await watcher.until(both_hold)
        write_skew(clocks, asleep_s=NIGHT_S)
        await watcher.until(lambda world: world.task_counts()[TaskState.PENDING] > 0)
    assert project.run("down", "--now").returncode == 0
