"""Engine and guardian die together: the next start ends what is left by marker, and by pid and start time
what had wiped its marker away."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from supervisor.testing.chaos import is_alive
from tests.acceptance.project import Project
from tests.faults.engines import GROUPED, guardian_of, lives, pool, python, with_trees
from tests.faults.test_04_engine_killed import TREES, trees_run

NAKED = pool("naked", "/usr/bin/env", "-i", "/bin/sleep", "86400", more=f"start_timeout_s = 600\n{GROUPED}")

BY_MARKER_ALONE = """
from dataclasses import replace
from supervisor.engine.recovery import Remains

of = Remains.of.__func__
Remains.of = classmethod(lambda cls, rows, **more: replace(of(cls, rows, **more), leaders=frozenset()))
"""


async def both_killed(project: Project) -> tuple[str, list[int], int]:
    """Kill both at once; return the marker, the marked processes and the one without a marker, all alive."""
    with_trees(project, size=len(TREES), more=NAKED)
    engine = project.start()
    async with project.watched() as watcher:
        world = await watcher.until(lambda world: trees_run(world) and world.agents["naked"].pid is not None)
        naked = world.agents["naked"].pid
        assert naked is not None
        session, guardian = project.session, guardian_of(engine.pid)
        while len(project.left_over(session)) < 6 * len(TREES):
            assert engine.poll() is None
        guardian.send_signal(signal.SIGSTOP)  # else it might sweep before its turn has come
        engine.kill()
        guardian.kill()
    engine.wait()
    left = project.left_over(session)
    assert len(left) >= 6 * len(TREES)
    assert is_alive(naked)
    return session, left, naked


async def test_the_next_start_ends_all_of_it_before_it_starts_anybody(project: Project) -> None:
    session, left, naked = await both_killed(project)
    again = project.start("run")
    async with project.watched() as watcher:
        world = await watcher.until(trees_run)
        assert not any(is_alive(pid) for pid in left)
        assert not is_alive(naked) or world.agents["naked"].pid == naked
        now = lives(project.session)
        assert {name: len(now[name]) for name in TREES} == dict.fromkeys(TREES, 1)
    assert not is_alive(naked)
    assert project.run("down", "--now").returncode == 0
    again.communicate(timeout=30)
    assert project.left_over(session) == []
    await project.check()


async def test_by_the_marker_alone_it_would_miss_the_one_that_wiped_it(
    project: Project, tmp_path: Path
) -> None:
    """The canary."""
    _, _, naked = await both_killed(project)
    program = python(BY_MARKER_ALONE, tmp_path / "broken.py")
    again = project.start("run", "--deadline", "0.5", program=program)
    again.communicate(timeout=60)
    assert is_alive(naked)
    os.kill(naked, signal.SIGKILL)
