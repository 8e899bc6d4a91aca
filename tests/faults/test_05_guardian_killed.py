"""The guardian dies by SIGKILL: the engine notices, tells it and starts another, which guards as well; the
agents notice nothing."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.acceptance.project import Project, wait_empty
from tests.faults.engines import guardian_of, kinds, python, with_trees
from tests.faults.test_04_engine_killed import EMPTY_WITHIN_S, trees_run

NEVER_AGAIN = """
from supervisor.engine.guarding import Guarding

async def keep(self, guardian):
    await guardian.exited
    await self._clock.sleep(3600)

Guarding._keep = keep
"""


async def test_another_takes_over_and_the_agents_live_on(project: Project) -> None:
    with_trees(project)
    engine = project.start()
    async with project.watched() as watcher:
        await watcher.until(lambda world: trees_run(world) and world.agents["worker-2"].pid is not None)
        session, first = project.session, guardian_of(engine.pid)
        while len(project.left_over(session)) < 18:
            assert engine.poll() is None
        agents = {name: agent.pid for name, agent in watcher.world.agents.items() if name != "planner"}
        first.kill()
        while engine.poll() is None:
            try:
                if guardian_of(engine.pid) != first:
                    break
            except (ValueError, psutil.NoSuchProcess):
                continue
        seen = watcher.world.seq
        world = await watcher.until(lambda world: world.seq > seen)
        assert {name: world.agents[name].pid for name in agents} == agents
        assert len(project.left_over(session)) >= 18
        engine.kill()
    engine.wait()
    wait_empty(project, session, seconds=EMPTY_WITHIN_S)
    assert len(kinds(await project.events(), "engine.guardian_replaced")) == 1


async def test_if_it_were_not_replaced_the_next_kill_would_leave_agents_behind(
    project: Project, tmp_path: Path
) -> None:
    """The canary."""
    with_trees(project, size=1)
    engine = project.start("run", str(project.profile), program=python(NEVER_AGAIN, tmp_path / "broken.py"))
    async with project.watched() as watcher:
        await watcher.until(trees_run)
        session = project.session
        while len(project.left_over(session)) < 6:
            assert engine.poll() is None
        guardian_of(engine.pid).kill()
        engine.kill()
    engine.wait()
    with pytest.raises(AssertionError, match="still there"):
        wait_empty(project, session, seconds=EMPTY_WITHIN_S)
    assert project.run("run", "--deadline", "0.5").returncode == 124
    assert project.left_over(session) == []
