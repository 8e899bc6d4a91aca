"""Fault 33, its part about scaling: the engine is told to stop in the middle of a scale-up.

Nothing starts after that, what had started is ended, and the engine is gone soon.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.coordinator import pools
from supervisor.engine.scaling import Scaling
from supervisor.errors import WrongState
from supervisor.testing.pool_stage import PoolStage, hands, pool_stage
from tests.acceptance.project import TEAM, Project

SCALED = f"""
name = "growing"
description = "a planner, and workers as the work asks"
[[pools]]
name = "planner"
role = "planner"
command = ["{{python}}", "{TEAM}/agent.py", "40", "30"]
[[pools]]
name = "worker"
role = "worker"
command = ["{{python}}", "{TEAM}/agent.py", "40", "30"]
[pools.scale]
min = 0
max = 20
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "growing.toml").write_text(SCALED)
    made = Project(root=tmp_path / "project", profile=tmp_path / "growing.toml")
    yield made
    for engine in made.engines:
        if engine.poll() is None:
            engine.kill()
        engine.communicate()


async def test_sigterm_in_a_scale_up_ends_all_that_started_and_starts_nothing_more(project: Project) -> None:
    engine = project.start()
    async with project.watched() as watcher:
        await watcher.until(lambda world: world.pools["worker"].wanted >= 4)
        session = project.session
        engine.send_signal(signal.SIGTERM)
    out, err = engine.communicate(timeout=60)
    assert engine.returncode == 128 + signal.SIGTERM, err
    assert "Traceback" not in err
    assert project.left_over(session) == []
    events = await project.events()
    workers = [event for event in events if event.noun == "agent" and event.after["pool"] == "worker"]
    first_end = next(event.seq for event in workers if event.kind in {"agent.stopping", "agent.exited"})
    started = [event for event in workers if event.kind == "agent.starting"]
    assert [event.subject for event in started if event.seq > first_end and event.after["pid"]] == [], out
    await project.check()


async def test_a_stop_between_the_decision_and_the_start_starts_nobody(tmp_path: Path) -> None:
    async with pool_stage(tmp_path, hands()) as stage:
        await stopped_while_it_is_written(stage)
        assert stage.alive() == []


async def test_without_the_look_at_the_stop_a_start_is_tried_then(tmp_path: Path) -> None:
    async with pool_stage(tmp_path, hands()) as stage:
        stage.scaling._stopping = lambda: False
        with pytest.raises(WrongState, match="stopping"):
            await stopped_while_it_is_written(stage)


async def stopped_while_it_is_written(stage: PoolStage) -> None:
    """Stop the team while the decision to start somebody is on its way into the database."""
    await stage.work(2)
    scaling: Scaling = stage.scaling
    write = scaling._write

    async def and_stop(*decided: object) -> object:
        written = await write(*decided)  # type: ignore[arg-type]
        stage.stopping = True
        await stage.supervisor.stop()
        return written

    scaling._write = and_stop  # type: ignore[method-assign,assignment]
    async with asyncio.timeout(20):
        await scaling.look()
    assert (await stage.team.coordinator.read(pools.crews))[0].pool.wanted == 2
