"""The engine dies by SIGKILL: its guardian empties every tree within a second, and the next engine starts
each agent once."""

from __future__ import annotations

import psutil

from supervisor.model.world import World
from tests.acceptance.project import Project, wait_empty
from tests.faults.engines import lives, with_trees

EMPTY_WITHIN_S = 1.0
TREES = ("tree-1", "tree-2", "tree-3")


def trees_run(world: World) -> bool:
    trees = [agent for agent in world.agents.values() if agent.pool == "tree"]
    return bool(trees) and all(agent.pid is not None for agent in trees)


async def test_nothing_is_left_and_the_next_engine_starts_nobody_twice(project: Project) -> None:
    with_trees(project, size=len(TREES))
    engine = project.start()
    async with project.watched() as watcher:
        await watcher.until(trees_run)
        session = project.session
        while len(project.left_over(session)) < 6 * len(TREES):
            assert engine.poll() is None
        pids = project.left_over(session)
        engine.kill()
    engine.wait()
    wait_empty(project, session, seconds=EMPTY_WITHIN_S)
    assert not any(psutil.pid_exists(pid) and alive(pid) for pid in pids)
    again = project.start("run")
    async with project.watched() as watcher:
        await watcher.until(trees_run)
        assert project.session != session
        now = lives(project.session)
        assert {name: len(now[name]) for name in TREES} == dict.fromkeys(TREES, 1)
        assert project.left_over(session) == []
    assert project.run("down", "--now").returncode == 0
    again.communicate(timeout=30)
    await project.check()


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
