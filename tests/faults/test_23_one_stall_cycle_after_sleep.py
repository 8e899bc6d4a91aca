"""Fault 23, its part about liveness: the laptop slept for eight hours, and the agents' connections are dead.

Nobody is called stalled for the hours of sleep: everybody gets one more full threshold. Who is still
silent then is found, and goes up the ladder as any other.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.engine.steady_clock import SteadyClock
from supervisor.engine.time_gaps import TimeGaps
from supervisor.model.health import Liveness, StallLimits
from supervisor.supervision.overseer import Overseer
from tests.unit.engine.oversight_stage import Stage, oversight_stage

NIGHT_S = 8 * 3600.0
LIMITS = StallLimits(window_s=20.0)


async def slept(stage: Stage, *, stopped: bool) -> None:
    """Let the agent think for nine minutes, and the machine sleep, or the engine be stopped, in it."""
    assert isinstance(stage.clock, SteadyClock)
    gaps = TimeGaps(stage.team.coordinator, stage.clock)
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(gaps.keep())
        await stage.take_work()
        await stage.wait(5)
        stage.writes()
        await stage.wait(540)
        if stopped:
            await stage.team.clock.stall(NIGHT_S)
        else:
            stage.team.clock.suspend(NIGHT_S)
        await stage.wait(2)  # the database takes the gap meanwhile, in time of its own
        await stage.wait(108)
        keeping.cancel()


@pytest.mark.parametrize("stopped", [False, True], ids=["the machine slept", "the engine was stopped"])
async def test_a_silent_agent_gets_one_more_threshold_and_is_found_after_it(
    tmp_path: Path, *, stopped: bool
) -> None:
    async with oversight_stage(tmp_path, LIMITS, seen_by=SteadyClock) as stage:
        await slept(stage, stopped=stopped)
        verdicts = [event.after["liveness"] for event in await stage.told()]
        assert (verdicts[:2], "stalled" in verdicts) == (["quiet", "ok"], False)
        await stage.wait(500)
        assert (await stage.agent()).liveness is Liveness.STALLED
        assert (await stage.why())["ladder"]["next"]["step"] == "nudge"


async def test_without_the_new_threshold_a_thinking_agent_is_called_stalled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Overseer, "shift", lambda _overseer, _gap_s: None)
    async with oversight_stage(tmp_path, LIMITS, seen_by=SteadyClock) as stage:
        await slept(stage, stopped=False)
        assert (await stage.agent()).liveness is Liveness.STALLED


async def test_an_agent_that_wakes_with_the_machine_is_left_alone(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path, replace(LIMITS, nudge_after_s=0.0), seen_by=SteadyClock) as stage:
        await slept(stage, stopped=False)
        stage.writes()
        await stage.wait(400)
        assert (await stage.agent()).liveness is Liveness.QUIET
        assert await stage.told("agent.urged") == []
