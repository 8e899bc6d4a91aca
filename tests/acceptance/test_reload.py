"""A running team follows its profile: by the verb, by SIGHUP; and shows its inside on SIGUSR1."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from supervisor.model.agent import AgentState
from tests.acceptance.project import Project, Watcher, write_profile
from tests.acceptance.test_down import engine_pid


@pytest.fixture
def running(project: Project) -> Project:
    write_profile(project.profile, tasks=400, step_s=0.3)
    assert project.run("up", str(project.profile), "--detach").returncode == 0
    return project


def with_three_workers(project: Project) -> None:
    planner, _, workers = project.profile.read_text().partition("size = 2")
    project.profile.write_text(f"{planner}size = 3{workers.replace('0.3', '0.2')}")


async def followed(watcher: Watcher) -> None:
    world = await watcher.until(
        lambda world: "worker-3" in world.agents and world.agents["worker-1"].incarnation == 2
    )
    await watcher.until(lambda world: world.agents["worker-3"].state is AgentState.WORKING)
    assert world.agents["planner"].incarnation == 1


async def test_the_verb_says_who_is_new_and_who_starts_anew(running: Project) -> None:
    async with running.watched() as watcher:
        await watcher.until(lambda world: world.agents["worker-2"].state is AgentState.WORKING)
        assert json.loads(running.run("reload", "--json").stdout)["changed"] is False
        with_three_workers(running)
        told = running.run("reload")
        assert told.returncode == 0, told.stderr
        assert "worker-3 are new; worker-1, worker-2 are started anew" in told.stdout
        await followed(watcher)
    assert running.run("down", "--now").returncode == 0
    await running.check()


async def test_what_cannot_change_is_named_and_nothing_is_touched(running: Project) -> None:
    async with running.watched() as watcher:
        await watcher.until(lambda world: world.agents["worker-2"].state is AgentState.WORKING)
        running.profile.write_text(running.profile.read_text().replace('role = "worker"', 'role = "monitor"'))
        refused = running.run("reload")
        assert refused.returncode == 2
        assert "pools.worker.role is another" in refused.stderr
        seen = watcher.world.seq
        world = await watcher.until(lambda world: world.seq > seen)
        assert world.agents["worker-1"].incarnation == 1
    assert running.run("down", "--now").returncode == 0


async def test_a_hang_up_does_the_same(running: Project) -> None:
    async with running.watched() as watcher:
        await watcher.until(lambda world: world.agents["worker-2"].state is AgentState.WORKING)
        with_three_workers(running)
        os.kill(engine_pid(running), signal.SIGHUP)
        await followed(watcher)
    assert running.run("down", "--now").returncode == 0
    await running.check()


async def test_the_engine_shows_its_inside(running: Project) -> None:
    state = running.root / ".supervisor"
    async with running.watched() as watcher:
        await watcher.until(lambda world: world.agents["worker-2"].state is AgentState.WORKING)
        os.kill(engine_pid(running), signal.SIGUSR1)
        while "engine's state was written" not in (state / "logs" / "engine.log").read_text():
            await asyncio.sleep(0.02)
        dump = state / "engine-dump.txt"
        text = dump.read_text()
    for part in (
        "Current thread",
        "==== state at",
        "worker-1: idle",
        "runtime_cap in",
        "tasks:",
        "slot worker-1",
    ):
        assert part in text, part
    keys = [path.read_text() for path in Path(state / "agents").rglob("*") if path.is_file()]
    assert not [key for key in keys if key.strip() and key.strip() in text]
    assert running.run("down", "--now").returncode == 0
