"""Fault 38: the machine runs short of memory. Nothing more is started, then idle agents go, then busy ones.

The kernel's figures are put in: to make them true would mean to bring the machine that tests down.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.model.agent import AgentState, MachineMetrics
from supervisor.supervision.memory_cap import PressureWatch, Squeeze
from supervisor.testing.pool_stage import PoolStage, hands, pool_stage


def pressure(some: float, full: float) -> MachineMetrics:
    return MachineMetrics(pressure_some=some, pressure_full=full)


async def three_at_work_one_idle(stage: PoolStage) -> None:
    await stage.work(4)
    await stage.look()
    for title, priority in (("urgent", "critical"), ("usual", "normal"), ("minor", "low")):
        await stage.team.add_task(title, priority=priority)
    for number, task in (("1", "T5"), ("2", "T6"), ("3", "T7")):
        await stage.team.claim(f"hand-{number}", task)


async def test_starts_are_held_while_some_wait_for_memory(tmp_path: Path) -> None:
    async with pool_stage(tmp_path, hands()) as stage:
        stage.machine = pressure(11.0, 0.0)
        await stage.work(2)
        await stage.pass_time(20)
        assert stage.alive() == []
        assert "held: the machine waits for memory (PSI)" in (await stage.pool()).reason
        stage.machine = pressure(0.0, 0.0)
        await stage.pass_time(2)
        assert len(stage.alive()) == 2


async def test_idle_agents_go_then_those_with_the_least_urgent_work_once_they_are_done(
    tmp_path: Path,
) -> None:
    async with pool_stage(tmp_path, hands(least=1)) as stage:
        await three_at_work_one_idle(stage)
        stage.machine = pressure(60.0, 6.0)
        await stage.pass_time(2)
        assert stage.alive() == ["hand-1", "hand-2", "hand-3"]
        await stage.pass_time(60)
        assert stage.alive() == ["hand-1", "hand-2", "hand-3"], "a busy one was stopped"
        stage.machine = pressure(90.0, 25.0)
        await stage.pass_time(34)
        assert stage.supervisor.state_of("hand-3") is AgentState.DRAINING
        assert (await stage.team.task("T7")).holder == "hand-3", "it was not let finish"
        await stage.end("hand-3")
        assert stage.alive() == ["hand-1", "hand-2"]
        await stage.pass_time(30)
        assert stage.supervisor.state_of("hand-2") is AgentState.DRAINING
        await stage.end("hand-2")
        await stage.pass_time(300)
        assert stage.alive() == ["hand-1"], "the least that there must be stays"


async def test_without_the_watch_the_pool_grows_into_the_shortage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PressureWatch, "judge", lambda *_seen: Squeeze.NONE)
    async with pool_stage(tmp_path, hands()) as stage:
        stage.machine = pressure(90.0, 50.0)
        await stage.work(2)
        await stage.pass_time(2)
        assert len(stage.alive()) == 2
