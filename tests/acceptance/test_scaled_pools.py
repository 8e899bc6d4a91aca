"""Pools that follow their work, with a real engine and real agents: grow, sleep, wake, obey, go on."""

from __future__ import annotations

import json
import signal
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.model.agent import ALIVE
from supervisor.model.event import Event
from supervisor.model.task import TaskState
from supervisor.model.world import World
from supervisor.transports.control.client import ControlClient
from tests.acceptance.project import TEAM, Project

WAITS = '["{python}", "-c", "import time; time.sleep(600)"]'
WORKS = f'["{{python}}", "{TEAM}/agent.py", "0", "0.2"]'

PROFILE = f"""
name = "growing"
description = "somebody who stays, and workers as the work asks"
[[pools]]
name = "anchor"
role = "planner"
command = {WAITS}
[pools.ready]
by = "settle"
settle_s = 0.1
[[pools]]
name = "worker"
role = "worker"
tags = ["py"]
command = {WORKS}
[pools.scale]
min = 0
max = 4
preset = "eager"
cooldown_s = 1
[[pools]]
name = "expert"
role = "worker"
tags = ["sql"]
command = {WORKS}
[pools.scale]
min = 0
max = 2
preset = "seed"
"""


@pytest.fixture
def hasty(project: Project, tmp_path: Path) -> tuple[str, ...]:
    """A program that is `supervisor`, but whose eager pools shrink within seconds instead of minutes."""
    project.profile.write_text(PROFILE)
    program = tmp_path / "hasty.py"
    program.write_text(
        textwrap.dedent("""
        import sys
        from supervisor.model.scale import ScalePreset
        from supervisor.supervision import autoscaler
        autoscaler.PACES[ScalePreset.EAGER] = autoscaler.Pace(window_s=2.0, idle_s=1.0)
        autoscaler.SHRINK_S = 1.0
        from supervisor.cli.main import main
        sys.exit(main())
        """)
    )
    return (str(program),)


def done(count: int) -> Callable[[World], object]:
    return lambda world: world.task_counts()[TaskState.DONE] >= count


def alive(world: World, pool: str) -> int:
    return sum(agent.pool == pool and agent.state in ALIVE for agent in world.agents.values())


def sleeps(pool: str) -> Callable[[World], object]:
    return lambda world: world.pools[pool].wanted == 0 and not alive(world, pool)


async def add(client: ControlClient, count: int, **wanted: object) -> None:
    for number in range(count):
        await client.call("task_add", title=f"job {number}", **wanted)


def scaled(events: list[Event], pool: str) -> list[int]:
    return [each.after["wanted"] for each in events if each.kind == "pool.scaled" and each.subject == pool]


async def test_a_pool_grows_from_nothing_sleeps_again_and_wakes(
    project: Project, hasty: tuple[str, ...]
) -> None:
    engine = project.start("run", str(project.profile), program=hasty)
    async with project.watched() as watcher:
        await watcher.until(lambda world: "worker" in world.pools)
        assert alive(watcher.world, "worker") == 0
        await add(watcher.client, 12, required_tags=["py"])
        world = await watcher.until(done(12))
        assert max(scaled(await project.events(), "worker")) == 4
        await watcher.until(sleeps("worker"))
        await add(watcher.client, 1, required_tags=["py"])
        world = await watcher.until(done(13))
        assert world.agents["worker-1"].incarnation == 2
        assert alive(world, "expert") == 0
        await watcher.until(sleeps("worker"))
        engine.send_signal(signal.SIGTERM)
    out, err = engine.communicate(timeout=60)
    assert engine.returncode == 128 + signal.SIGTERM, err
    assert "pool worker: 0 → " in out
    assert "retired, idle for" in out
    await project.check()


async def test_work_for_a_tag_starts_workers_with_that_tag_alone(
    project: Project, hasty: tuple[str, ...]
) -> None:
    project.start("run", str(project.profile), program=hasty)
    async with project.watched() as watcher:
        await watcher.until(lambda world: "expert" in world.pools)
        await add(watcher.client, 3, required_tags=["sql"])
        world = await watcher.until(done(3))
        assert alive(world, "worker") == 0
        assert {task.author or task.holder for task in world.tasks.values()} <= {None, "expert-1", "expert-2"}


async def test_a_task_reserved_for_a_sleeping_agent_starts_that_agent(
    project: Project, hasty: tuple[str, ...]
) -> None:
    project.start("run", str(project.profile), program=hasty)
    async with project.watched() as watcher:
        await watcher.until(lambda world: "worker" in world.pools)
        await add(watcher.client, 1, assignee="worker-3")
        world = await watcher.until(done(1))
        assert [name for name, agent in world.agents.items() if agent.incarnation] == ["anchor", "worker-3"]


async def test_a_persons_number_is_obeyed_shown_and_kept_by_the_next_engine(
    project: Project, hasty: tuple[str, ...]
) -> None:
    engine = project.start("run", str(project.profile), program=hasty)
    async with project.watched() as watcher:
        await watcher.until(lambda world: "worker" in world.pools)
        told = project.run("scale", "worker", "2")
        assert told.returncode == 0, told.stderr
        assert "supervisor scale worker auto" in told.stdout + told.stderr
        await watcher.until(lambda world: alive(world, "worker") == 2)
        status = project.run("status")
        assert "pool worker: 2 agents, 2 wanted (0 to 4), set to 2" in status.stdout
        refused = project.run("scale", "worker", "9")
        assert (refused.returncode != 0, "has 0 to 4 agents; 9 is beyond that" in refused.stderr) == (
            True,
            True,
        )
        assert "fixed size of 1" in project.run("scale", "anchor", "2").stderr
        engine.kill()
    engine.communicate()
    engine = project.start("run", str(project.profile), program=hasty)
    async with project.watched() as watcher:
        await watcher.until(
            lambda world: alive(world, "worker") == 2 and world.agents["worker-2"].incarnation == 2
        )
        facts = json.loads(project.run("status", "--json").stdout)
        (worker,) = [pool for pool in facts["pools"] if pool["name"] == "worker"]
        assert (worker["manual"], worker["wanted"], worker["agents"]) == (2, 2, 2)
        freed = json.loads(project.run("scale", "worker", "auto", "--json").stdout)
        assert freed["pool"]["manual"] is None
        await watcher.until(sleeps("worker"))


async def test_who_is_beyond_the_wanted_number_is_not_started_by_the_next_engine(
    project: Project, hasty: tuple[str, ...]
) -> None:
    engine = project.start("run", str(project.profile), program=hasty)
    async with project.watched() as watcher:
        await watcher.until(lambda world: "worker" in world.pools)
        await add(watcher.client, 8, required_tags=["py"])
        await watcher.until(done(8))
        await watcher.until(sleeps("worker"))
        before = {name: agent.incarnation for name, agent in watcher.world.agents.items()}
        engine.kill()
    engine.communicate()
    project.start("run", str(project.profile), program=hasty)
    async with project.watched() as watcher:
        world = await watcher.until(lambda world: world.agents["anchor"].incarnation == 2)
        assert {name: agent.incarnation for name, agent in world.agents.items()} == before | {"anchor": 2}
