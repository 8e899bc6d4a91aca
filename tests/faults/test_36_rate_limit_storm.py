"""Fault 36: the service refuses everybody at once. The pool shrinks a little, nobody is held guilty."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.model.agent import AgentState, ExitClass
from supervisor.supervision.notices import Condemned
from supervisor.supervision.rate_cap import RateCap
from supervisor.testing.pool_stage import PoolStage, hands, pool_stage

TEN = hands(most=10)


async def ten_at_work(stage: PoolStage) -> None:
    await stage.work(30)
    await stage.pass_time(30)
    assert len(stage.alive()) == 10
    await stage.begin(*stage.alive())


async def storm(stage: PoolStage) -> None:
    """Let every agent that lives end because its service said 429, try again in 30 s."""
    for name in stage.alive():
        if stage.supervisor.state_of(name) is AgentState.IDLE:
            number = stage.team.actors[name].incarnation
            refused = Condemned(
                incarnation=number, cause=ExitClass.RATE_LIMITED, detail="429", retry_after_s=30.0
            )
            stage.supervisor.condemn(name, refused)
    await stage.settle()
    await stage.look()


async def restarts(stage: PoolStage) -> list[int]:
    agents = await stage.team.coordinator.read(lambda scope: scope.agents())
    return [agent.restarts for agent in agents if agent.pool == "hand"]


async def test_the_cap_falls_once_no_restart_counts_and_it_grows_back(tmp_path: Path) -> None:
    async with pool_stage(tmp_path, TEN) as stage:
        await ten_at_work(stage)
        await storm(stage)
        assert len(stage.alive()) == 7
        assert (await stage.pool()).wanted == 7
        assert "its service limits the rate: at most 7 for now" in (await stage.pool()).reason
        await stage.pass_time(60)
        assert len(stage.alive()) == 7
        assert all(stage.supervisor.state_of(name) is AgentState.IDLE for name in stage.alive())
        assert set(await restarts(stage)) == {0}
        assert not stage.supervisor.holds_starts
        assert stage.supervisor.gave_up == ()
        await stage.begin(*stage.alive())
        await stage.pass_time(62)
        assert len(stage.alive()) == 8
        await stage.pass_time(180)
        assert len(stage.alive()) == 10


async def test_storms_that_go_on_leave_one_agent_and_park_nobody(tmp_path: Path) -> None:
    async with pool_stage(tmp_path, TEN) as stage:
        await ten_at_work(stage)
        for _ in range(8):
            await storm(stage)
            await stage.pass_time(40)
        assert len(stage.alive()) == 1
        assert stage.supervisor.gave_up == ()
        assert set(await restarts(stage)) == {0}


async def test_without_the_cap_all_ten_come_back_into_the_storm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RateCap, "at", lambda _self, _now: None)
    async with pool_stage(tmp_path, TEN) as stage:
        await ten_at_work(stage)
        await storm(stage)
        await stage.pass_time(40)
        assert len(stage.alive()) == 10
