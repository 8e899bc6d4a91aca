"""Fault 7: a child is stopped by a signal (SIGSTOP).

It is shown as frozen within seconds, with the reason; stopping it works all the same, for whoever is
stopped does not see a TERM until it is continued.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.model.agent import AgentState
from supervisor.model.health import Liveness
from supervisor.model.team import StopLadder
from supervisor.runtime.proc_table import read_stat
from supervisor.testing.chaos import ChaosChild, ChaosTeam, gone, is_alive
from tests.acceptance.project import Project, write_profile

NAME = "worker"
CAREFUL = """
import json, os, signal
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print(json.dumps({"ready": [os.getpid()]}), flush=True)
while True:
    signal.pause()
"""
"""A child that tidies up when it is asked to end, as agents do."""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(
        root=tmp_path / "project", profile=write_profile(tmp_path / "mini.toml", step_s=30.0, workers=1)
    )
    yield made
    for engine in made.engines:
        if engine.poll() is None:
            engine.kill()
        engine.communicate()


async def test_it_is_shown_as_frozen_and_can_be_stopped(project: Project) -> None:
    engine = project.start()
    async with project.watched() as watcher:
        world = await watcher.until(lambda world: _is_working(world.agents.get(NAME)))
        pid = world.agents[NAME].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        world = await watcher.until(lambda world: world.agents[NAME].liveness is Liveness.FROZEN)
        assert world.agents[NAME].liveness_why.startswith("stopped by a signal for ")
        why = await _why(project)
        assert (why["verdict"]["liveness"], why["ladder"]["next"]["step"]) == ("frozen", "tell")
        assert f"kill -CONT {pid}" in why["reasons"][1]["help"]
        await _order(project, "stop_agent")
        world = await watcher.until(lambda world: world.agents[NAME].state is AgentState.EXITED)
        assert not is_alive(pid)
        assert world.agents[NAME].liveness is Liveness.OK
        await _order(project, None)
    out, err = engine.communicate(timeout=60)
    assert f"{NAME} is frozen: stopped by a signal" in out, err
    await project.check()


async def test_one_that_goes_on_is_shown_as_going_on(project: Project) -> None:
    project.start()
    async with project.watched() as watcher:
        world = await watcher.until(lambda world: _is_working(world.agents.get(NAME)))
        pid = world.agents[NAME].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await watcher.until(lambda world: world.agents[NAME].liveness is Liveness.FROZEN)
        os.kill(pid, signal.SIGCONT)
        await watcher.until(lambda world: world.agents[NAME].liveness is Liveness.OK)
        await _order(project, None)


async def test_without_being_continued_a_stopped_child_does_not_see_that_it_shall_end() -> None:
    async with ChaosTeam() as team:
        child = ChaosChild(team.launch(sys.executable, "-c", CAREFUL), None)
        (pid,) = await child.ready()
        os.kill(pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGTERM)
        assert not await gone(pid, within_s=0.3)
        stat = read_stat(pid)
        assert stat is not None
        assert stat.stopped
        assert (await child.process.stop(StopLadder())).empty


def _is_working(agent: Any) -> bool:
    return agent is not None and agent.state is AgentState.WORKING and agent.pid is not None


async def _why(project: Project) -> dict[str, Any]:
    async with project.watched() as other:
        answer: dict[str, Any] = await other.client.call("agent_why", agent=NAME)
        return answer


async def _order(project: Project, verb: str | None) -> None:
    async with project.watched() as other:
        if verb is None:
            await other.client.call("down", now=True)
        else:
            await other.client.call(verb, agent=NAME)
