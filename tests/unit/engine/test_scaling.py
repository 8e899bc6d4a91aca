"""Scaled pools under the engine: who is started and retired, what is written, what survives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import ending, pools
from supervisor.coordinator.scope import Scope
from supervisor.engine import scaling
from supervisor.engine.backend import Backend
from supervisor.engine.scaling import Scaling
from supervisor.errors import DatabaseUnavailable, WrongState
from supervisor.model.agent import Agent, AgentState, ExitClass, MachineMetrics
from supervisor.model.health import Liveness
from supervisor.model.scale import ScalePreset
from supervisor.model.world import EngineInfo
from supervisor.supervision.memory_cap import MIB
from supervisor.supervision.notices import Condemned
from supervisor.testing.clock import VirtualClock
from supervisor.testing.fake_feed import an_engine
from supervisor.testing.pool_stage import PoolStage, hands, pool_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[PoolStage]:
    async with pool_stage(tmp_path, hands(preset=ScalePreset.EAGER, cooldown_s=60.0)) as playing:
        yield playing


async def test_a_sleeping_pool_wakes_for_work_and_falls_asleep_again(stage: PoolStage) -> None:
    assert stage.alive() == []
    await stage.work(2)
    await stage.look()
    assert stage.alive() == ["hand-1", "hand-2"]
    assert (await stage.pool()).reason == "2 waiting, 0 of 0 busy; 2 wanted: 2 more"
    await stage.begin("hand-1", "hand-2")
    await stage.end("hand-1")
    await stage.end("hand-2")
    await stage.pass_time(120)
    assert stage.alive() == []
    assert (await stage.pool()).wanted == 0
    await stage.work()
    await stage.look()
    assert stage.alive() == ["hand-1"]


async def test_work_wakes_the_scaling_at_once(stage: PoolStage) -> None:
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(stage.scaling.keep())
        await stage.settle()
        await stage.work()
        await stage.team.clock.advance(scaling.GATHER_S)
        await stage.settle()
        assert stage.alive() == ["hand-1"]
        keeping.cancel()


async def test_a_pool_wakes_only_for_what_its_agents_can_take(tmp_path: Path) -> None:
    async with pool_stage(tmp_path, hands(), hands("expert", tags=("sql",))) as stage:
        await stage.work(required_tags=("sql",))
        await stage.look()
        assert (stage.alive("hand"), stage.alive("expert")) == ([], ["expert-1"])


async def test_a_task_for_two_pools_starts_one_of_each_once_and_the_idle_one_goes(tmp_path: Path) -> None:
    eager: dict[str, Any] = {"preset": ScalePreset.EAGER, "cooldown_s": 0.0}
    async with pool_stage(tmp_path, hands(**eager), hands("other", **eager)) as stage:
        await stage.work()
        await stage.look()
        await stage.begin("other-1")
        await stage.pass_time(600)
        assert (stage.alive("hand"), stage.alive("other")) == ([], ["other-1"])
        assert [event.after["wanted"] for event in await stage.told() if event.subject == "hand"] == [0, 1, 0]


async def test_an_agent_that_is_busy_is_never_retired(stage: PoolStage) -> None:
    await stage.work()
    await stage.look()
    await stage.begin("hand-1")
    await stage.pass_time(600)
    assert stage.alive() == ["hand-1"]


async def test_what_is_reserved_for_a_sleeping_agent_starts_that_one(stage: PoolStage) -> None:
    await stage.work(assignee="hand-3")
    await stage.look()
    assert stage.alive() == ["hand-3"]
    await stage.begin("hand-3")
    await stage.work(assignee="hand-3")
    await stage.pass_time(20)
    assert stage.alive() == ["hand-3"]


async def test_without_a_change_nothing_is_read_and_nothing_written(
    stage: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.pass_time(4)
    last = stage.team.store.last_seq

    def read(_scope: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(pools, "crews", read)
    await stage.pass_time(60)
    assert stage.team.store.last_seq == last


async def test_a_pool_of_a_team_that_stops_is_left_alone(stage: PoolStage) -> None:
    stage.stopping = True
    await stage.work()
    await stage.look()
    assert stage.alive() == []


async def test_without_scaled_pools_there_is_nothing_to_keep(stage: PoolStage) -> None:
    plain = replace(stage.team.coordinator.team, pools=stage.team.coordinator.team.pools[:1])
    stage.team.coordinator.team = plain
    idle = Scaling(
        stage.team.coordinator,
        stage.supervisor,
        stage.team.clock,
        machine=MachineMetrics,
        memory_of=lambda _pool: None,
        stopping=lambda: False,
    )
    assert not idle.is_needed
    await idle.keep()


# ---------------------------------------------------------------- a person's number


async def test_a_persons_number_holds_until_it_is_given_back(stage: PoolStage) -> None:
    await stage.team.do(lambda scope: pools.order(scope, "hand", 3))
    await stage.look()
    assert len(stage.alive()) == 3
    await stage.pass_time(200)
    assert len(stage.alive()) == 3
    await stage.team.do(lambda scope: pools.order(scope, "hand", None))
    await stage.pass_time(200)
    assert stage.alive() == []


async def test_a_smaller_number_lets_busy_agents_finish_first(stage: PoolStage) -> None:
    await stage.work(2)
    await stage.look()
    await stage.begin("hand-1", "hand-2")
    await stage.team.do(lambda scope: pools.order(scope, "hand", 1))
    await stage.look()
    (leaving,) = [name for name in stage.alive() if stage.supervisor.state_of(name) is AgentState.DRAINING]
    assert len(stage.alive()) == 2
    await stage.end(leaving)
    assert len(stage.alive()) == 1


async def test_who_sleeps_is_told_apart_from_who_was_stopped(stage: PoolStage) -> None:
    team = stage.team
    await stage.work()
    await stage.look()
    awake = await team.coordinator.read(lambda scope: pools.why_asleep(scope, scope.agent("hand-1")))
    assert awake == ""
    await stage.begin("hand-1")
    await stage.end("hand-1")
    await stage.pass_time(120)
    parts: dict[str, Any] = {each.name: None for each in fields(Backend) if each.init}
    parts |= {"coordinator": team.coordinator, "supervisor": stage.supervisor, "info": _nowhere}
    backend = Backend(**parts)
    (reason,) = (await backend.call("agent_why", {"agent": "hand-1"}))["reasons"]
    assert reason["reason"] == "not_wanted"
    assert "pool hand wants 0 agents now: 0 waiting, 0 of 1 busy" in reason["detail"]
    with pytest.raises(WrongState, match="hand-1 does not run: pool hand does not want it now"):
        await backend.call("restart", {"agent": "hand-1"})


def _nowhere() -> EngineInfo:
    return an_engine(VirtualClock())


async def test_the_number_and_what_was_wanted_outlive_the_engine(tmp_path: Path) -> None:
    async with pool_stage(tmp_path, hands(), hands("other")) as stage:
        await stage.work(3)
        await stage.look()
        assert len(stage.alive("hand")) == 3
        await stage.team.do(lambda scope: pools.order(scope, "other", 1))
    async with pool_stage(tmp_path, hands(), hands("other")) as stage:
        assert stage.alive("hand") == ["hand-1", "hand-2", "hand-3"]
        assert stage.alive("other") == ["other-1"]
        assert (await stage.pool("other")).manual == 1


# ---------------------------------------------------------------- agents that end by themselves


async def test_an_agent_that_did_its_work_and_ended_gives_its_place_free_at_once(stage: PoolStage) -> None:
    await stage.work()
    await stage.look()
    await stage.begin("hand-1")
    await stage.end("hand-1")
    stage.launcher.last("hand-1").exit(0)
    await stage.settle()
    await stage.look()
    assert stage.alive() == []
    assert (await stage.pool()).wanted == 0
    await stage.work()
    await stage.look()
    assert (stage.alive(), stage.launcher.starts("hand-1")) == (["hand-1"], 2)


async def test_an_agent_that_ends_without_ever_claiming_is_not_started_again_at_once(
    stage: PoolStage,
) -> None:
    """Else one that ends well at once would be started every two seconds, for as long as a task waits."""
    await stage.work()
    for _ in range(30):
        await stage.pass_time(2)
        for name in stage.alive():
            if stage.supervisor.state_of(name) is AgentState.IDLE:
                stage.launcher.last(name).exit(0)
        await stage.settle()
    assert sum(stage.launcher.starts(f"hand-{number}") for number in range(1, 5)) == 4
    await stage.pass_time(62)
    assert stage.launcher.starts("hand-1") == 2


async def test_an_agent_that_a_person_stopped_keeps_its_place_and_another_is_started(
    stage: PoolStage,
) -> None:
    await stage.work()
    await stage.look()
    stage.supervisor.stop_agent("hand-1")
    await stage.settle()
    await stage.pass_time(100)
    assert (stage.alive(), stage.launcher.starts("hand-1")) == (["hand-1", "hand-2"], 1)


async def test_agents_that_gave_up_or_are_set_aside_are_replaced(stage: PoolStage) -> None:
    await stage.work()
    await stage.look()
    stage.supervisor.condemn("hand-1", Condemned(incarnation=1, cause=ExitClass.AUTH, detail="bad key"))
    await stage.settle()
    await stage.look()
    assert stage.supervisor.state_of("hand-1") is AgentState.PARKED
    assert stage.alive() == ["hand-1", "hand-2"]
    await stage.team.do(lambda scope: ending.set_aside(scope, "hand-2", reason="breaks the build"))
    await stage.look()
    assert stage.alive() == ["hand-1", "hand-2", "hand-3"]


async def test_a_team_has_failed_only_when_no_pool_has_a_free_place_for_what_waits(tmp_path: Path) -> None:
    async with pool_stage(tmp_path, hands(most=2)) as stage:
        assert not await stage.scaling.has_failed()
        await stage.work()
        for number in (1, 2):
            await stage.look()
            assert not await stage.scaling.has_failed()
            bad = Condemned(incarnation=1, cause=ExitClass.AUTH, detail="bad key")
            stage.supervisor.condemn(f"hand-{number}", bad)
            await stage.settle()
        assert await stage.scaling.has_failed()


async def test_what_cannot_be_read_is_no_failure_of_the_team(
    stage: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.work()
    await stage.look()
    stage.supervisor.condemn("hand-1", Condemned(incarnation=1, cause=ExitClass.AUTH, detail="bad key"))
    await stage.settle()
    monkeypatch.setattr(pools, "crews", _locked)
    assert not await stage.scaling.has_failed()


def _locked(_scope: object) -> None:
    raise DatabaseUnavailable("the database is locked")


# ---------------------------------------------------------------- what stands in the way


async def test_an_unreadable_backlog_retires_nobody_and_is_told_once(
    stage: PoolStage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.work()
    await stage.look()
    await stage.begin("hand-1")
    await stage.end("hand-1")
    with monkeypatch.context() as patched:
        patched.setattr(pools, "crews", _locked)
        await stage.pass_time(400)
        assert stage.alive() == ["hand-1"]
        assert len([record for record in caplog.records if "cannot be read" in record.message]) == 1
    await stage.pass_time(200)
    assert stage.alive() == []


async def test_a_decision_that_cannot_be_written_is_not_carried_out(
    stage: PoolStage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.work()
    async with asyncio.TaskGroup() as tasks:
        with monkeypatch.context() as patched:
            patched.setattr(pools, "rescale", lambda *_args, **_more: _locked(None))
            keeping = tasks.create_task(stage.scaling.keep())
            await stage.settle()
            assert stage.alive() == []
            assert "a look at the pools failed" in caplog.text
        await stage.team.clock.advance(2.0)
        await stage.settle()
        assert stage.alive() == ["hand-1"]
        keeping.cancel()


async def test_memory_bounds_all_pools_together(tmp_path: Path) -> None:
    async with pool_stage(tmp_path, hands(), hands("other")) as stage:
        stage.machine = MachineMetrics(memory_bytes=8192 * MIB, available_bytes=(1024 + 1200) * MIB)
        stage.memory["hand"] = 300 * MIB
        await stage.work(2)
        await stage.look()
        assert (len(stage.alive("hand")), len(stage.alive("other"))) == (2, 1)
        reason = (await stage.pool("other")).reason
        assert "2,224 MiB available, 1,024 stay in reserve, 600 are for agents that start" in reason


async def test_what_holds_a_pool_for_ten_seconds_is_told_once_and_so_is_its_end(stage: PoolStage) -> None:
    stage.machine = MachineMetrics(memory_bytes=8192 * MIB, available_bytes=1024 * MIB)
    await stage.work()
    await stage.look()
    before = len(await stage.told())
    await stage.pass_time(8)
    assert len(await stage.told()) == before
    await stage.pass_time(60)
    (told,) = (await stage.told())[before:]
    assert "stays at 0; memory: 1,024 MiB available" in told.reason
    stage.machine = MachineMetrics()
    await stage.pass_time(2)
    assert stage.alive() == ["hand-1"]
    assert len(await stage.told()) == before + 2


async def test_of_all_pools_the_longest_idle_agent_goes_first_when_the_machine_stands_still(
    tmp_path: Path,
) -> None:
    async with pool_stage(tmp_path, hands(least=1), hands("other")) as stage:
        await stage.team.do(lambda scope: pools.order(scope, "hand", 2))
        await stage.look()
        await stage.pass_time(10)
        await stage.team.do(lambda scope: pools.order(scope, "other", 1))
        await stage.look()
        stage.machine = MachineMetrics(pressure_some=50.0, pressure_full=6.0)
        await stage.pass_time(2)
        assert (len(stage.alive("hand")), len(stage.alive("other"))) == (1, 1)
        await stage.pass_time(2)
        assert (len(stage.alive("hand")), len(stage.alive("other"))) == (1, 0)
        await stage.pass_time(2)
        assert len(stage.alive("hand")) == 1


# ---------------------------------------------------------------- a service that complains


async def test_a_complaint_is_heard_once_per_occasion(stage: PoolStage) -> None:
    await stage.work(4)
    await stage.look()
    await stage.begin("hand-1", "hand-2", "hand-3", "hand-4")
    heard = []
    rate = stage.scaling._pools["hand"].rate
    monkey = rate.limited

    def limited(now: float, *, live: int, retry_after_s: float = 0.0) -> None:
        heard.append((live, retry_after_s))
        monkey(now, live=live, retry_after_s=retry_after_s)

    stage.scaling._pools["hand"].rate.limited = limited  # type: ignore[method-assign]
    agent = await stage.team.coordinator.read(lambda scope: scope.agent("hand-1"))
    for liveness in (Liveness.LIMITED, Liveness.LIMITED, Liveness.OK, Liveness.LIMITED):
        judged = replace(agent, liveness=liveness)
        await stage.team.do(partial(_judged, agent=judged))
    assert heard == [(4, 0.0), (4, 0.0)]
    await stage.work(4)
    await stage.pass_time(200)
    assert stage.scaling._pools["hand"].rate.at(stage.team.clock.monotonic()) == 2


def _judged(scope: Scope, agent: Agent) -> None:
    scope.tx.record("agent.judged", agent, actor="supervisor")


async def test_a_stranger_is_no_business_of_the_pools(stage: PoolStage) -> None:
    planner = await stage.team.coordinator.read(lambda scope: scope.agent("planner"))
    limited = replace(planner, liveness=Liveness.LIMITED)
    await stage.team.do(partial(_judged, agent=limited))
    await stage.look()
    assert stage.alive() == []
