"""The virtual clock keeps the promises that tests in virtual time lean on."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.testing.clock import VirtualClock


async def test_time_stands_still_until_it_is_advanced() -> None:
    clock = VirtualClock(now=50.0, monotonic=7.0)
    await clock.settle()
    assert (clock.now(), clock.monotonic()) == (50.0, 7.0)
    await clock.advance(2.5)
    assert (clock.now(), clock.monotonic()) == (52.5, 9.5)


async def test_sleepers_wake_in_the_order_of_their_deadlines_and_then_of_going_to_sleep() -> None:
    clock = VirtualClock(monotonic=0.0)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as tasks:
        for name, seconds in (("late", 3.0), ("first", 1.0), ("second", 1.0), ("never yet", 9.0)):
            tasks.create_task(sleeper(name, seconds))
        await clock.advance(5.0)
        assert woken == [("first", 1.0), ("second", 1.0), ("late", 3.0)]
        await clock.advance(5.0)


async def test_what_a_wake_up_sets_off_is_done_before_the_next_sleeper_wakes() -> None:
    clock = VirtualClock(monotonic=0.0)
    seen: list[float] = []

    async def ticker() -> None:
        for _ in range(4):
            await clock.sleep(1.0)
            for _ in range(20):
                await asyncio.sleep(0)
            seen.append(clock.monotonic())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ticker())
        await clock.advance(10.0)
    assert seen == [1.0, 2.0, 3.0, 4.0]


async def test_a_sleep_of_nothing_gives_others_one_turn() -> None:
    clock = VirtualClock(monotonic=0.0)
    await clock.sleep(0.0)
    await clock.sleep(-1.0)
    assert clock.monotonic() == 0.0


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = VirtualClock(monotonic=0.0)
    async with asyncio.TaskGroup() as tasks:
        short = tasks.create_task(clock.sleep(1.0))
        gone = tasks.create_task(clock.sleep(0.5))
        await clock.settle()
        assert clock.next_wake == 0.5
        gone.cancel()
        await clock.settle()
        assert clock.next_wake == 1.0
        await clock.advance(1.0)
        assert short.done()
    assert clock.next_wake is None


async def test_a_sleeper_cancelled_by_an_earlier_one_does_not_wake() -> None:
    clock = VirtualClock(monotonic=0.0)
    async with asyncio.TaskGroup() as tasks:
        later = tasks.create_task(clock.sleep(2.0))

        async def cancel_later() -> None:
            await clock.sleep(1.0)
            later.cancel()

        tasks.create_task(cancel_later())
        await clock.advance(3.0)
        assert later.cancelled()


async def test_a_jump_of_the_wall_clock_wakes_nobody() -> None:
    clock = VirtualClock(now=100.0, monotonic=0.0)
    async with asyncio.TaskGroup() as tasks:
        nap = tasks.create_task(clock.sleep(10.0))
        await clock.settle()
        clock.jump(86_400.0)
        await clock.settle()
        assert not nap.done()
        assert (clock.now(), clock.monotonic()) == (86_500.0, 0.0)
        await clock.advance(10.0)


async def test_a_task_that_spins_is_named_as_such_instead_of_hanging_the_test() -> None:
    clock = VirtualClock()

    async def spin() -> None:
        for _ in range(50_000):
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        spinning = tasks.create_task(spin())
        with pytest.raises(RuntimeError, match="one of them spins"):
            await clock.settle()
        spinning.cancel()
