"""How late the loop is: by arithmetic on paper, and on a loop that is really held."""

from __future__ import annotations

import asyncio
import time

import pytest

from supervisor.runtime.loop_lag import LagMeter, TimedLoop, lag_of_running_loop


class Meter(LagMeter):
    def __init__(self) -> None:
        self.at = 50.0
        super().__init__(lambda: self.at)


def test_a_loop_that_was_never_held_is_never_late() -> None:
    meter = Meter()
    meter.note(0.0005)
    assert (meter.read().p99_ms, meter.read().max_ms) == (0.0, 0.0)


def test_one_short_hold_in_ten_seconds_is_within_the_hundredth() -> None:
    meter = Meter()
    meter.note(0.08)
    assert (meter.read().p99_ms, meter.read().max_ms) == (0.0, 80.0)


def test_a_long_hold_leaves_all_but_its_last_tenth_of_a_second() -> None:
    meter = Meter()
    meter.note(0.5)
    assert meter.read().p99_ms == pytest.approx(400.0)


def test_holds_add_up_to_what_a_probe_at_random_instants_would_find() -> None:
    meter = Meter()
    holds = [0.040] * 20 + [0.010] * 100 + [0.002] * 200
    for held in holds:
        meter.note(held)
    found = meter.read().p99_ms / 1000
    assert sum(max(0.0, held - found) for held in holds) == pytest.approx(0.1)


def test_what_is_over_ten_seconds_old_is_forgotten() -> None:
    meter = Meter()
    meter.note(0.5)
    meter.at += 11
    assert meter.read().max_ms == 0.0


def test_a_held_loop_knows_it() -> None:
    async def hold() -> tuple[float, float]:
        await asyncio.sleep(0)
        time.sleep(0.15)
        await asyncio.sleep(0.001)
        lag = lag_of_running_loop()
        return lag.p99_ms, lag.max_ms

    with asyncio.Runner(loop_factory=TimedLoop) as runner:
        p99_ms, max_ms = runner.run(hold())
    assert max_ms >= 150
    assert p99_ms >= 50


async def test_another_loop_does_not_know() -> None:
    assert lag_of_running_loop().max_ms == 0.0
