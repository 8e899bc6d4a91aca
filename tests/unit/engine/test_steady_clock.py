"""The engine's own time, on a machine whose clocks a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from supervisor.clock import SystemClock
from supervisor.engine.steady_clock import GAP_S, TICK_S, Gap, SteadyClock
from supervisor.testing.clock import VirtualClock

HOUR_S = 3600.0


@pytest.fixture
def machine() -> VirtualClock:
    return VirtualClock()


@asynccontextmanager
async def watched(machine: VirtualClock) -> AsyncIterator[SteadyClock]:
    clock = SteadyClock(machine)
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(clock.watch())
        await machine.settle()
        yield clock
        watch.cancel()


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S, 24 * HOUR_S, -24 * HOUR_S, 0.3])
async def test_setting_the_wall_clock_moves_nothing(machine: VirtualClock, seconds: float) -> None:
    async with watched(machine) as clock:
        before = clock.now(), clock.monotonic()
        machine.jump(seconds)
        assert (clock.now(), clock.monotonic()) == before
        assert clock.wall_is_ahead_s() == pytest.approx(seconds)
        await machine.advance(10)
        assert (clock.now(), clock.monotonic()) == (before[0] + 10, before[1] + 10)
        assert clock.unsettled() is None


async def test_a_suspend_is_a_gap_that_neither_clock_lives_through(machine: VirtualClock) -> None:
    async with watched(machine) as clock:
        before = clock.now(), clock.monotonic()
        machine.suspend(8 * HOUR_S)
        assert (clock.now(), clock.monotonic()) == before
        assert clock.unsettled() == Gap(seconds=8 * HOUR_S, asleep_s=8 * HOUR_S)


async def test_a_stop_is_a_gap_but_for_the_tick_that_was_due_anyhow(machine: VirtualClock) -> None:
    async with watched(machine) as clock:
        before = clock.now(), clock.monotonic()
        await machine.stall(60)
        assert clock.now() == pytest.approx(before[0] + TICK_S)
        assert clock.monotonic() == pytest.approx(before[1] + TICK_S)
        assert clock.unsettled() == Gap(seconds=60 - TICK_S, asleep_s=0.0)


@pytest.mark.parametrize(("late_s", "counts"), [(GAP_S, False), (GAP_S + 0.01, True)])
async def test_a_tick_may_be_three_ticks_late(machine: VirtualClock, late_s: float, *, counts: bool) -> None:
    async with watched(machine) as clock:
        await machine.stall(TICK_S + late_s)
        assert (clock.unsettled() is not None) is counts


async def test_a_settled_gap_is_part_of_the_time_and_the_others_wait(machine: VirtualClock) -> None:
    async with watched(machine) as clock:
        begun = clock.now()
        machine.suspend(100)
        first = clock.unsettled()
        await machine.stall(11)
        assert first is not None
        clock.settle(first)
        assert clock.now() == pytest.approx(begun + 100 + TICK_S)
        assert clock.unsettled() == Gap(seconds=10, asleep_s=0.0)


async def test_who_sleeps_over_a_gap_sleeps_its_whole_time(machine: VirtualClock) -> None:
    woken: list[float] = []

    async def sleeper(clock: SteadyClock) -> None:
        await clock.sleep(30)
        woken.append(machine.monotonic())

    async with watched(machine) as clock:
        begun = machine.monotonic()
        nap = asyncio.get_running_loop().create_task(sleeper(clock))
        await machine.advance(10)
        await machine.stall(100)
        assert not woken
        await machine.advance(18)
        assert not woken
        await machine.advance(2)
        assert woken == [pytest.approx(begun + 10 + 100 + 20 - TICK_S)]
        await nap


async def test_without_a_watch_nothing_counts_as_a_gap(machine: VirtualClock) -> None:
    clock = SteadyClock(machine)
    machine.suspend(HOUR_S)
    await machine.stall(HOUR_S)
    assert clock.unsettled() is None
    async with watched(machine):
        pass
    assert clock.now() == machine.now()


async def test_time_never_runs_backwards(machine: VirtualClock) -> None:
    async with watched(machine) as clock:
        last = clock.monotonic()
        for step in (0.4, 3.9, 4.1, 0.0, 5.0, 0.9, 100.0):
            await machine.stall(step)
            assert clock.monotonic() >= last
            last = clock.monotonic()


async def test_a_stop_between_two_readings_is_not_counted_twice() -> None:
    before, stopped, after = [0.0] * 3, [0.5, 60.5, 60.5], [60.5] * 3
    clock = SteadyClock(Machine([*before, *before, *stopped, *after, *after, *after]))
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(clock.watch())
        await asyncio.sleep(0)
        assert clock.monotonic() == TICK_S
        assert clock.unsettled() == Gap(seconds=60.5 - TICK_S, asleep_s=0.0)
        assert clock.monotonic() == TICK_S
        watch.cancel()


class Machine:
    """A machine whose clocks say one after the other what a test lists."""

    def __init__(self, readings: list[float]) -> None:
        self._readings = iter(readings)

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return next(self._readings)

    def boottime(self) -> float:
        return next(self._readings)

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


def test_the_machines_own_clocks_agree_on_how_long_something_took() -> None:
    machine = SystemClock()
    begun = machine.boottime(), machine.monotonic()
    ended = machine.boottime(), machine.monotonic()
    assert ended[0] - begun[0] == pytest.approx(ended[1] - begun[1], abs=0.05)
    assert machine.boottime() >= machine.monotonic() - 0.05
