"""Restart, stop, kill, pause, resume, drain: to one agent, a pool or all, and what is refused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import dealing, reviews, upkeep
from supervisor.engine.backend import Backend
from supervisor.errors import NotFound, WrongState
from supervisor.model.agent import AgentState
from supervisor.supervision.child_spec import children_of
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.processes import ChangeLog, PaperLauncher
from supervisor.testing.small_team import SmallTeam, small_team


@dataclass
class Played:
    """A coordinator and paper processes, joined by the verbs under test."""

    team: SmallTeam
    supervisor: Supervisor
    launcher: PaperLauncher
    backend: Backend

    async def call(self, verb: str, target: str) -> dict[str, Any]:
        answer: dict[str, Any] = await self.backend.call(verb, {"agent": target})
        await self.team.clock.settle()
        await self.backend.drains.look()
        await self.team.clock.settle()
        return answer

    def state(self, name: str) -> str:
        return self.supervisor.state_of(name).value


@asynccontextmanager
async def played(tmp_path: Path) -> AsyncIterator[Played]:
    async with small_team(tmp_path) as team:
        launcher = PaperLauncher()
        supervisor = Supervisor(
            children_of(team.coordinator.team), launcher, ChangeLog(), team.clock, random.Random(1)
        )
        parts: dict[str, Any] = {field.name: None for field in fields(Backend) if field.init}
        backend = Backend(**parts | {"coordinator": team.coordinator, "supervisor": supervisor})
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(supervisor.run())
            await team.clock.settle()
            for name in supervisor.agents:
                supervisor.ready(name, 1)
            await team.clock.settle()
            yield Played(team, supervisor, launcher, backend)
            await supervisor.stop(now=True)


@pytest.mark.parametrize(
    ("verb", "state"),
    [("stop_agent", "exited"), ("kill", "exited"), ("pause", "paused"), ("drain", "exited")],
)
async def test_a_verb_reaches_one_agent_alone(tmp_path: Path, verb: str, state: str) -> None:
    async with played(tmp_path) as stage:
        answer = await stage.call(verb, "worker-1")
        assert answer == {"agents": ["worker-1"], "left_alone": []}
        assert (stage.state("worker-1"), stage.state("worker-2")) == (state, "idle")


async def test_a_pool_and_the_whole_team_can_be_meant(tmp_path: Path) -> None:
    async with played(tmp_path) as stage:
        await stage.call("stop_agent", "worker-2")
        assert await stage.call("pause", "pool:worker") == {
            "agents": ["worker-1"],
            "left_alone": ["worker-2"],
        }
        everybody = await stage.call("pause", "all")
        assert everybody["left_alone"] == ["worker-1", "worker-2"]
        resumed = await stage.call("resume", "all")
        assert resumed["left_alone"] == ["worker-2"]
        assert stage.state("judge") == "idle"
        assert (await stage.call("restart", "pool:worker"))["agents"] == ["worker-1", "worker-2"]
        assert stage.launcher.starts("worker-2") == 2


@pytest.mark.parametrize(
    ("verb", "why"),
    [("resume", "not paused"), ("pause", None), ("drain", None), ("kill", None)],
)
async def test_what_does_not_fit_one_agent_is_refused_with_its_state(
    tmp_path: Path, verb: str, why: str | None
) -> None:
    async with played(tmp_path) as stage:
        if why is None:
            await stage.call("stop_agent", "solo")
        with pytest.raises(WrongState, match=why or "solo is exited"):
            await stage.call(verb, "solo")


@pytest.mark.parametrize("target", ["nobody", "pool:nobody", "pool:"])
async def test_strangers_are_not_found(tmp_path: Path, target: str) -> None:
    async with played(tmp_path) as stage:
        with pytest.raises(NotFound):
            await stage.call("kill", target)


async def test_a_draining_agent_claims_nothing_and_ends_with_its_last_task(tmp_path: Path) -> None:
    async with played(tmp_path) as stage:
        team = stage.team
        for title in ("first", "second"):
            await team.add_task(title)
        claim = await team.claim("worker-1")
        await stage.call("drain", "worker-1")
        await team.news("worker-1", AgentState.DRAINING, incarnation=1)
        await stage.backend.drains.look()
        assert stage.state("worker-1") == "draining"
        with pytest.raises(WrongState, match="drained"):
            await team.claim("worker-1")
        keeping = asyncio.ensure_future(stage.backend.drains.keep())
        await team.finish("worker-1", claim)
        async with asyncio.timeout(10):
            while stage.state("worker-1") == "draining":
                await asyncio.sleep(0)
        await team.clock.settle()
        assert stage.state("worker-1") == "exited"
        keeping.cancel()


async def test_a_judge_ends_its_review_before_it_is_drained(tmp_path: Path) -> None:
    async with played(tmp_path) as stage:
        team = stage.team
        await team.add_task(review=True)
        await team.finish("worker-1", await team.claim("worker-1"))
        await team.do(lambda scope: reviews.take_review(scope, team["judge"], None))
        await stage.call("drain", "judge")
        assert stage.state("judge") == "draining"


async def test_a_paused_agent_keeps_its_lease_and_gets_nothing_new(tmp_path: Path) -> None:
    async with played(tmp_path) as stage:
        team = stage.team
        await team.add_task()
        claim = await team.claim("worker-1")
        await team.news("worker-1", AgentState.PAUSED, incarnation=1)
        for _ in range(3):
            await team.clock.advance(team.coordinator.team.lease_s)
            await team.do(lambda scope: upkeep.tick(scope, {}))
        assert (await team.task(claim.task.id)).holder == "worker-1"
        found = await team.coordinator.read(lambda scope: dealing.in_reach(scope.agent("worker-1")))
        assert not found
