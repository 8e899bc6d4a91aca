"""The database is taken away under a running team: it is told, nothing is lost, and it can be ended."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from supervisor.workspace.engine_lock import holder_of
from tests.acceptance.project import DEADLINE_S, Project, write_profile
from tests.acceptance.test_engine import done


async def until(holds: Callable[[], object]) -> None:
    """Look at another process again and again, until a deadline."""
    end = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


def guardians(engine: int) -> list[psutil.Process]:
    """List the engine's guardians; who ends while it is looked at is none."""
    found = []
    for child in psutil.Process(engine).children():
        with suppress(psutil.NoSuchProcess):
            if "guardian_main.py" in " ".join(child.cmdline()):
                found.append(child)
    return found


async def test_a_guardian_that_dies_while_the_database_cannot_be_written_does_not_end_the_engine(
    project: Project,
) -> None:
    write_profile(project.profile, tasks=16, step_s=0.15)
    engine = project.start()
    database = project.root / ".supervisor" / "coordinator.db"
    async with project.watched() as watcher:
        await watcher.until(done(1))
        (first,) = guardians(engine.pid)
        database.rename(database.with_name("away.db"))
        first.kill()
        await until(lambda: [each for each in guardians(engine.pid) if each.pid != first.pid])
        assert engine.poll() is None
        database.with_name("away.db").rename(database)
        seen = watcher.world.seq
        await watcher.until(lambda world: world.seq > seen)
    while "engine.guardian_replaced" not in {event.kind for event in await project.events()}:
        assert engine.poll() is None
        await asyncio.sleep(0.1)
    assert project.run("down").returncode == 0
    engine.communicate(timeout=DEADLINE_S)
    await project.check()


async def test_a_deleted_database_is_told_saved_and_put_back(project: Project) -> None:
    write_profile(project.profile, tasks=16, step_s=0.15)
    assert project.run("up", str(project.profile), "--detach").returncode == 0
    database = project.root / ".supervisor" / "coordinator.db"
    async with project.watched() as watcher:
        await watcher.until(done(2))
        seen = watcher.world.seq
    database.unlink()
    told = ""
    end = time.monotonic() + DEADLINE_S
    while not told and time.monotonic() < end:
        told = json.loads(project.run("status", "--json").stdout)["engine"]["trouble"]
    assert "coordinator.db or its journal was removed" in told
    shown = project.run("status").stdout
    assert "needs you: " in shown
    assert "supervisor restore" in shown
    refused = project.run("task", "add", "too late")
    assert refused.returncode == 6
    assert "Nothing more is accepted" in refused.stderr
    assert project.run("down", "--now").returncode == 0
    await until(lambda: holder_of(project.root / ".supervisor" / "engine.lock") is None)
    (saved,) = (project.root / ".supervisor" / "backups").iterdir()
    assert project.run("restore", str(saved), "--yes").returncode == 0
    events = await project.events()
    assert events[-1].seq > seen
    again = project.run("run")
    assert again.returncode == 0, again.stderr
    await project.check()


async def test_a_headless_team_ends_with_code_6_when_its_database_does_not_come_back(
    project: Project,
) -> None:
    write_profile(project.profile, tasks=16, step_s=0.15)
    engine = project.start()
    async with project.watched() as watcher:
        await watcher.until(done(2))
        session = project.session
    (project.root / ".supervisor" / "coordinator.db").unlink()
    out, err = engine.communicate(timeout=DEADLINE_S)
    assert engine.returncode == 6
    assert "supervisor restore" in out + err
    assert project.left_over(session) == []
    assert len(list((project.root / ".supervisor" / "backups").iterdir())) == 1
