"""A real engine with real agents: it ends well, survives what is killed, and refuses what it must."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from supervisor.model.agent import AgentState
from supervisor.model.task import TaskState
from supervisor.model.world import World
from tests.acceptance.project import Project, wait_empty, write_profile


def done(count: int) -> Callable[[World], object]:
    return lambda world: world.task_counts()[TaskState.DONE] >= count


def pid_of(world: World, agent: str) -> int:
    pid = world.agents[agent].pid
    assert pid is not None
    return pid


async def test_a_run_ends_with_its_work_a_report_and_no_process(project: Project, tmp_path: Path) -> None:
    ended = project.run("run", str(project.profile), "--report", str(tmp_path / "out"))
    assert ended.returncode == 0, ended.stderr
    assert "8 of 8 tasks done" in ended.stdout
    summary = json.loads((tmp_path / "out" / "run.json").read_text())
    assert summary["exit_code"] == 0
    for name in ("junit.xml", "events.jsonl", "logs/planner.log", "logs/worker-1.log"):
        assert (tmp_path / "out" / name).stat().st_size > 0
    sessions = {event.session for event in await project.events() if event.kind == "engine.started"}
    assert [project.left_over(session) for session in sessions] == [[]]
    await project.check()


STUBBORN = """
import signal, time
for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(each, signal.SIG_IGN)
while True:
    time.sleep(60)
"""


def with_a_mule(project: Project, tmp_path: Path) -> None:
    """Add an agent that ignores every polite signal and does not care whether an engine lives."""
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    command = f'["{{python}}", "{tmp_path}/stubborn.py"]'
    write_profile(
        project.profile,
        tasks=16,
        step_s=0.15,
        extra=f'[[pools]]\nname = "mule"\nrole = "worker"\ncommand = {command}\n'
        "[pools.stop]\nleader_s = 0.2\ngroup_s = 0.2\n",
    )


async def test_after_kill_9_of_the_engine_nothing_is_left_and_the_next_start_finishes(
    project: Project, tmp_path: Path
) -> None:
    with_a_mule(project, tmp_path)
    engine = project.start()
    async with project.watched() as watcher:
        await watcher.until(done(3))
        session = project.session
        assert project.left_over(session)
        engine.kill()
    engine.wait()
    wait_empty(project, session, seconds=1.0)
    ended = project.run("run")
    assert ended.returncode == 0, ended.stderr
    assert "16 of 16 tasks done" in ended.stdout
    await project.check()
    created = [event for event in await project.events() if event.kind == "task.created"]
    assert len(created) == 16


async def test_without_the_guardian_the_same_kill_leaves_agents_behind(
    project: Project, tmp_path: Path
) -> None:
    with_a_mule(project, tmp_path)
    idle = tmp_path / "idle_guardian.py"
    idle.write_text("import os, sys\nos.read(int(sys.argv[2]), 1)\n")
    broken = tmp_path / "broken.py"
    broken.write_text(
        textwrap.dedent(f"""
        import sys
        from supervisor.runtime import guardian
        guardian.Guardian.start.__func__.__kwdefaults__["program"] = {str(idle)!r}
        from supervisor.cli.main import main
        sys.exit(main())
        """)
    )
    engine = project.start("run", str(project.profile), program=(str(broken),))
    async with project.watched() as watcher:
        await watcher.until(done(3))
        session = project.session
        engine.kill()
    engine.wait()
    with pytest.raises(AssertionError, match="still there"):
        wait_empty(project, session, seconds=1.0)
    ended = project.run("run")
    assert ended.returncode == 0, ended.stderr
    assert project.left_over(session) == []
    await project.check()


@pytest.mark.parametrize(
    "victims", [("worker-1",), ("worker-1", "worker-2")], ids=["one worker", "all workers"]
)
async def test_killed_workers_are_replaced_and_no_task_is_lost(
    project: Project, victims: tuple[str, ...]
) -> None:
    write_profile(project.profile, tasks=16, step_s=0.15)
    engine = project.start()
    async with project.watched() as watcher:
        world = await watcher.until(
            lambda world: all(world.agents[name].state is AgentState.WORKING for name in victims)
        )
        for name in victims:
            psutil.Process(pid_of(world, name)).kill()
        await watcher.until(lambda world: all(world.agents[name].incarnation == 2 for name in victims))
    out, err = engine.communicate(timeout=60)
    assert engine.returncode == 0, err
    assert "16 of 16 tasks done" in out
    await project.check()


async def test_a_killed_guardian_is_replaced_and_guards_again(project: Project) -> None:
    write_profile(project.profile, tasks=16, step_s=0.15)
    engine = project.start()
    async with project.watched() as watcher:
        await watcher.until(done(1))
        session = project.session
        guardian = next(
            child
            for child in psutil.Process(engine.pid).children()
            if "guardian_main.py" in " ".join(child.cmdline())
        )
        guardian.kill()
        seen = watcher.world.seq
        await watcher.until(lambda world: world.seq > seen and done(3)(world))
        engine.kill()
    engine.wait()
    wait_empty(project, session, seconds=1.0)
    assert "engine.guardian_replaced" in {event.kind for event in await project.events()}
    assert project.run("run").returncode == 0
    await project.check()


async def test_a_second_signal_does_not_wait_for_the_ladder(project: Project, tmp_path: Path) -> None:
    with_a_mule(project, tmp_path)
    project.profile.write_text(project.profile.read_text().replace("_s = 0.2", "_s = 600"))
    engine = project.start()
    async with project.watched() as watcher:
        await watcher.until(lambda world: world.agents["mule"].pid is not None and done(1)(world))
        session = project.session
        os.kill(engine.pid, signal.SIGTERM)
        await watcher.until(lambda world: world.agents["mule"].state is AgentState.STOPPING)
        os.kill(engine.pid, signal.SIGTERM)
    engine.communicate(timeout=30)
    assert engine.returncode == 128 + signal.SIGTERM
    assert project.left_over(session) == []


async def test_a_team_whose_agents_all_fail_gives_up_with_code_3(project: Project) -> None:
    command = '["{python}", "-c", "raise SystemExit(7)"]'
    backoff = "[pools.backoff]\nbase_s = 0.01\ncap_s = 0.05\n"
    project.profile.write_text(
        f'name = "mini"\n[[pools]]\nname = "planner"\nrole = "planner"\ncommand = {command}\n'
        f"intensity = 2\n{backoff}"
    )
    ended = project.run()
    assert ended.returncode == 3, ended.stderr
    assert "planner" in ended.stdout + ended.stderr


async def test_a_missing_program_is_named_before_anything_starts(project: Project) -> None:
    project.profile.write_text(
        'name = "mini"\n[[pools]]\nname = "worker"\nrole = "worker"\ncommand = ["no-such-program-here"]\n'
    )
    ended = project.run()
    assert ended.returncode == 2
    assert "no-such-program-here" in ended.stderr
    assert not (project.root / ".supervisor").exists()


async def test_a_project_that_is_not_there_is_code_2(project: Project) -> None:
    project.root.rmdir()
    ended = project.run()
    assert ended.returncode == 2
    assert "--project" in ended.stderr


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.write_bytes(b"no database" * 1000), "left as it is"),
        (lambda path: path.write_bytes(b""), "left as it is"),
        (None, "Upgrade supervisor"),
    ],
    ids=["foreign", "emptied", "newer"],
)
async def test_a_database_that_cannot_be_used_is_named_and_kept(
    project: Project, damage: Callable[[Path], object] | None, says: str
) -> None:
    assert project.run().returncode == 0
    path = project.root / ".supervisor" / "coordinator.db"
    for journal in ("-wal", "-shm"):
        path.with_name(path.name + journal).unlink(missing_ok=True)
    (damage or newer)(path)
    kept = path.read_bytes()
    ended = project.run()
    assert ended.returncode == 6, ended.stderr
    assert says in ended.stderr
    assert path.read_bytes() == kept


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA user_version = 99")


async def test_a_runtime_directory_too_deep_for_a_socket_is_named(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    ended = project.run()
    assert ended.returncode == 2
    assert "XDG_RUNTIME_DIR" in ended.stderr


async def test_another_teams_unfinished_run_is_not_taken_over_unasked(
    project: Project, tmp_path: Path
) -> None:
    write_profile(project.profile, tasks=1, step_s=60)
    assert project.run("run", str(project.profile), "--deadline", "2").returncode == 124
    other = write_profile(tmp_path / "other.toml", tasks=1)
    other.write_text(other.read_text().replace('"mini"', '"other"'))
    refused = project.run("run", str(other))
    assert refused.returncode == 2
    assert "--new" in refused.stderr
    assert project.run("run", str(other), "--new").returncode == 0
    await project.check()
