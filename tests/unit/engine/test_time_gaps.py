"""Gaps in the engine's time: nobody loses a lease, a vote or an answer by them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from supervisor.clock import Clock
from supervisor.coordinator import upkeep
from supervisor.dispatch.caretaker import Caretaker
from supervisor.engine.steady_clock import SteadyClock
from supervisor.engine.time_gaps import TimeGaps
from supervisor.errors import DatabaseUnavailable
from supervisor.model.event import Event
from supervisor.model.task import Task
from supervisor.testing.clock import VirtualClock
from supervisor.testing.small_team import SmallTeam, small_team

HOUR_S: Final = 3600.0
SEEN_S: Final = 2.0
"""After how long a gap is settled at the latest: it is looked for each second."""


@asynccontextmanager
async def living(directory: Path, seen_by: Callable[[VirtualClock], Clock]) -> AsyncIterator[SmallTeam]:
    """A team whose leases are kept, and whose only worker writes something each second that it lives."""
    async with small_team(directory, seen_by=seen_by, lease_s=30.0) as team:
        clock = team.coordinator._clock
        heard = {"worker-1": clock.monotonic()}

        async def work() -> None:
            while True:
                await clock.sleep(1)
                heard["worker-1"] = clock.monotonic()

        def signs_of_life() -> dict[str, float]:
            ahead_s = clock.now() - clock.monotonic()
            return {name: ahead_s + at for name, at in heard.items()}

        async with asyncio.TaskGroup() as tasks:
            keeper = Caretaker(team.coordinator, clock, signs_of_life=signs_of_life)
            beside = [tasks.create_task(work()), tasks.create_task(keeper.keep())]
            if isinstance(clock, SteadyClock):
                beside.append(tasks.create_task(TimeGaps(team.coordinator, clock).keep()))
            yield team
            for task in beside:
                task.cancel()


async def passed(team: SmallTeam, seconds: float) -> None:
    """Let time pass, and the store answer in between."""
    for _ in range(int(seconds * 2)):
        await team.clock.advance(0.5)
        await team.store.read(lambda tx: tx.now)


async def held(team: SmallTeam) -> Task:
    """Give a worker a task to hold, and mail in hand; return the task."""
    await passed(team, 2)
    task = await team.add_task()
    await team.claim("worker-1")
    return task


async def kinds(team: SmallTeam, noun: str) -> list[Event]:
    return [event for event in await team.events() if event.kind.startswith(noun)]


@pytest.mark.parametrize("how", ["suspend", "stall"])
async def test_no_lease_runs_out_in_a_gap_and_it_is_told_once(tmp_path: Path, how: str) -> None:
    async with living(tmp_path, SteadyClock) as team:
        task = await held(team)
        await (asleep(team) if how == "suspend" else team.clock.stall(8 * HOUR_S))
        await passed(team, 20)
        kept = await team.task(task.id)
        assert (kept.holder, kept.token) == ("worker-1", 1)
        assert kept.lease_until is not None
        assert kept.lease_until > team.clock.now()
        (gap,) = await kinds(team, "engine.time_gap")
        assert gap.after["seconds"] == pytest.approx(8 * HOUR_S, abs=1)
        assert (gap.after["asleep_s"] > 0) is (how == "suspend")
        assert gap.at == pytest.approx(team.clock.now(), abs=25)


async def asleep(team: SmallTeam) -> None:
    team.clock.suspend(8 * HOUR_S)


@pytest.mark.parametrize("how", ["suspend", "stall"])
async def test_by_the_machines_own_clock_the_same_gap_takes_the_lease_away(tmp_path: Path, how: str) -> None:
    async with living(tmp_path, lambda clock: clock) as team:
        task = await held(team)
        await (asleep(team) if how == "suspend" else team.clock.stall(8 * HOUR_S))
        await passed(team, 20)
        assert (await team.task(task.id)).holder is None


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S, 24 * HOUR_S, -24 * HOUR_S])
async def test_a_wall_clock_that_is_set_moves_no_deadline_and_is_told(tmp_path: Path, seconds: float) -> None:
    async with living(tmp_path, SteadyClock) as team:
        task = await held(team)
        before = await team.task(task.id)
        team.clock.jump(seconds)
        await passed(team, SEEN_S)
        assert await team.task(task.id) == before
        await passed(team, 60)
        assert (await team.task(task.id)).holder == "worker-1"
        (told,) = await kinds(team, "engine.clock_set")
        assert told.after["by_s"] == pytest.approx(seconds)
        times = [event.at for event in await team.events()]
        assert times == sorted(times)


async def test_by_the_machines_own_clock_a_day_takes_the_lease_away(tmp_path: Path) -> None:
    async with living(tmp_path, lambda clock: clock) as team:
        task = await held(team)
        team.clock.jump(24 * HOUR_S)
        await passed(team, 6)
        assert (await team.task(task.id)).holder is None


async def test_until_a_gap_is_written_no_deadline_passes_though_the_database_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(tmp_path, SteadyClock) as team:
        task = await held(team)
        refused = team.store._custody.refusal
        monkeypatch.setattr(
            team.store._custody, "refusal", lambda *_, committed: DatabaseUnavailable("it is away")
        )
        team.clock.suspend(8 * HOUR_S)
        await passed(team, 10)
        assert not await kinds(team, "engine.time_gap")
        assert (await team.task(task.id)).holder == "worker-1"
        monkeypatch.setattr(team.store._custody, "refusal", refused)
        await passed(team, 15)
        (gap,) = await kinds(team, "engine.time_gap")
        assert gap.after["asleep_s"] == 8 * HOUR_S
        assert (await team.task(task.id)).holder == "worker-1"


async def test_what_is_written_with_the_gap_in_one_batch_has_its_whole_time(tmp_path: Path) -> None:
    async with living(tmp_path, SteadyClock) as team:
        await passed(team, 2)
        await team.add_task()
        team.clock.suspend(8 * HOUR_S)
        waking = asyncio.get_running_loop().create_task(passed(team, SEEN_S))
        claim = await team.claim("worker-1")
        await waking
        after = await team.task(claim.task.id)
        assert after.lease_until is not None
        assert after.lease_until - team.clock.now() == pytest.approx(30, abs=SEEN_S + 1)


async def test_a_lease_that_nobody_keeps_up_runs_out_after_its_time_in_all(tmp_path: Path) -> None:
    async with small_team(tmp_path, seen_by=SteadyClock, lease_s=30.0) as team:
        clock = team.coordinator._clock
        assert isinstance(clock, SteadyClock)
        async with asyncio.TaskGroup() as tasks:
            gaps = tasks.create_task(TimeGaps(team.coordinator, clock).keep())
            task = await held(team)
            await passed(team, 10)
            team.clock.suspend(8 * HOUR_S)
            await passed(team, 19)
            await team.do(lambda scope: upkeep.tick(scope, {}))
            assert (await team.task(task.id)).holder == "worker-1"
            await passed(team, 2)
            await team.do(lambda scope: upkeep.tick(scope, {}))
            assert (await team.task(task.id)).holder is None
            gaps.cancel()
