"""Two engines on one project: the second refuses with code 4 and names the first, or shows its team; of many
that begin at once, one runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil

from supervisor.workspace.engine_lock import holder_of
from tests.acceptance.project import Project, write_profile
from tests.acceptance.screen import Screen
from tests.faults.engines import kinds, python

AT_ONCE = 4
UNLOCKED = """
from supervisor.workspace import engine_lock
engine_lock._lock_alone = lambda descriptor: True
"""


def at_once(
    project: Project, *, program: tuple[str, ...] = ("-m", "supervisor")
) -> list[subprocess.Popen[str]]:
    """Start several engines on the project at once."""
    words = ("run", str(project.profile), "--deadline", "6")
    return [project.start(*words, program=program) for _ in range(AT_ONCE)]


async def test_of_many_that_begin_at_once_one_runs(project: Project) -> None:
    write_profile(project.profile, tasks=200, step_s=0.2)
    engines = at_once(project)
    ends = [(engine.communicate(timeout=60), engine.returncode) for engine in engines]
    assert sorted(code for _, code in ends) == [4] * (AT_ONCE - 1) + [124]
    for (_, said), code in ends:
        if code == 4:
            assert "supervisor attach" in said
    assert len(kinds(await project.events(), "engine.started")) == 1
    await project.check()


async def test_the_second_names_the_first_and_leaves_it_alone(project: Project) -> None:
    write_profile(project.profile, tasks=200, step_s=0.2)
    assert project.run("up", str(project.profile), "--detach").returncode == 0
    holder = holder_of(project.root / ".supervisor" / "engine.lock")
    assert holder is not None
    for verb in (("run", str(project.profile)), ("up", str(project.profile), "--detach")):
        second = project.run(*verb)
        assert second.returncode == 4
        assert f"process {holder['pid']}" in second.stderr
    with Screen("up", str(project.profile), project=project.root) as screen:
        screen.until("worker-1")
        screen.press("\x11")
        assert screen.ended() == 0
    assert psutil.pid_exists(holder["pid"])
    assert len(kinds(await project.events(), "engine.started")) == 1
    assert project.run("down").returncode == 0


async def test_without_the_lock_several_would_run(project: Project, tmp_path: Path) -> None:
    """The canary."""
    write_profile(project.profile, tasks=200, step_s=0.2)
    engines = at_once(project, program=python(UNLOCKED, tmp_path / "unlocked.py"))
    for engine in engines:
        engine.communicate(timeout=60)
    assert [engine.returncode for engine in engines].count(4) < AT_ONCE - 1
