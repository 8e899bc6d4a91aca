"""However a run in the foreground ends, its code says how, and no process of ours is left: no agent of any
shape, no guardian."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from supervisor.testing.chaos import chaos_argv
from tests.acceptance.project import TEAM, Project
from tests.faults.engines import pool

GIVES_UP = (
    '[[pools]]\nname = "planner"\nrole = "planner"\ncommand = ["{python}", "-c", "raise SystemExit(7)"]\n'
    "intensity = 1\n[pools.backoff]\nbase_s = 0.01\ncap_s = 0.05\n"
)
PLANS = '[[pools]]\nname = "planner"\nrole = "planner"\ncommand = ["{python}", "AGENT", "2", "0.05"]\n'
WORKS = pool("worker", "{python}", "AGENT", "0", "0.05")
SLEEPS = '[[pools]]\nname = "planner"\nrole = "planner"\ncommand = ["/bin/sleep", "3600"]\n'
STOP = "start_timeout_s = 600\n[pools.stop]\nleader_s = 0.2\ngroup_s = 0.2\n"
TREES = pool("tree", *chaos_argv("tree"), size=2, more=STOP)


def write(path: Path, *pools: str) -> None:
    path.write_text(
        'name = "codes"\ndescription = "d"\n' + "".join(pools).replace("AGENT", f"{TEAM}/agent.py")
    )


def guardians(session: str) -> list[int]:
    return [each.pid for each in psutil.process_iter(["cmdline"]) if session in (each.info["cmdline"] or ())]


@pytest.mark.parametrize(
    ("code", "pools", "words"),
    [
        (0, (PLANS, WORKS, TREES), ()),
        (1, (PLANS, TREES.replace('"worker"', '"monitor"')), ()),
        (3, (GIVES_UP,), ()),
        (124, (SLEEPS, TREES), ("--deadline", "1.5")),
    ],
    ids=["all done", "left over", "gave up", "deadline"],
)
async def test_a_run_that_ends_by_itself_leaves_nothing(
    project: Project, code: int, pools: tuple[str, ...], words: tuple[str, ...]
) -> None:
    write(project.profile, *pools)
    ended = project.run("run", str(project.profile), *words)
    assert ended.returncode == code, ended.stderr
    sessions = {event.session for event in await project.events() if event.session}
    assert [(project.left_over(each), guardians(each)) for each in sessions] == [([], [])]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_run_that_is_ended_by_a_signal_leaves_nothing(
    project: Project, number: signal.Signals
) -> None:
    write(project.profile, SLEEPS, TREES)
    engine = project.start()
    async with project.watched() as watcher:
        await watcher.until(lambda world: all(agent.pid is not None for agent in world.agents.values()))
        session = project.session
        engine.send_signal(number)
    engine.communicate(timeout=60)
    assert engine.returncode == 128 + number
    assert (project.left_over(session), guardians(session)) == ([], [])


@pytest.mark.parametrize("what", ["profile", "second engine"])
async def test_a_run_that_is_refused_starts_nothing(project: Project, what: str) -> None:
    write(project.profile, SLEEPS)
    if what == "profile":
        project.profile.write_text("name = 3")
        assert project.run().returncode == 2
        assert not (project.root / ".supervisor").exists()
        return
    first = project.start()
    async with project.watched() as watcher:
        await watcher.until(lambda world: world.agents["planner"].pid is not None)
        before = project.left_over(project.session)
        assert project.run().returncode == 4
        assert project.left_over(project.session) == before
    first.terminate()
    first.communicate(timeout=60)
