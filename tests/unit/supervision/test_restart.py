"""Restart types, intensity and backoff, as pure decisions."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.agent import ExitClass, ExitInfo
from supervisor.model.branch import Restart
from supervisor.model.team import Backoff
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.restart import (
    FREE_RESTART_AFTER_S,
    Decision,
    RestartPolicy,
    RestartWindow,
    next_delay,
    should_restart,
)

NORMAL = {ExitClass.OK, ExitClass.STOP_REQUESTED}
CRASH = ExitInfo(kind=ExitClass.FAIL, code=1)


def policy(**changes: object) -> RestartPolicy:
    spec = ChildSpec(**{"name": "a", "pool": "a", "backoff": Backoff(jitter=0.0), **changes})  # type: ignore[arg-type]
    return RestartPolicy(spec, random.Random(1))


@pytest.mark.parametrize(("restart", "ending"), product(Restart, ExitClass))
def test_the_restart_types_are_those_of_otp(restart: Restart, ending: ExitClass) -> None:
    expected = {
        Restart.PERMANENT: True,
        Restart.TRANSIENT: ending not in NORMAL,
        Restart.TEMPORARY: False,
    }
    assert should_restart(restart, ending) is expected[restart]


def test_delays_double_from_the_base_to_the_cap() -> None:
    steady = Backoff(base_s=1.0, factor=2.0, cap_s=60.0, jitter=0.0)
    delays = [next_delay(steady, failures, random.Random(1)) for failures in range(1, 9)]
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60]


@given(
    failures=st.integers(0, 100_000),
    base_s=st.floats(0.01, 60),
    factor=st.floats(1, 10),
    jitter=st.floats(0, 0.9),
    seed=st.integers(0, 99),
)
def test_a_delay_is_never_out_of_its_band_however_many_failures(
    failures: int, base_s: float, factor: float, jitter: float, seed: int
) -> None:
    backoff = Backoff(base_s=base_s, factor=factor, cap_s=60.0, jitter=jitter)
    delay = next_delay(backoff, failures, random.Random(seed))
    assert base_s * (1 - jitter) <= delay + 1e-9
    assert delay <= 60.0 * (1 + jitter) + 1e-9


def test_jitter_spreads_the_delays_of_agents_that_fail_together() -> None:
    rng = random.Random(1)
    delays = {next_delay(Backoff(jitter=0.2), 3, rng) for _ in range(50)}
    assert len(delays) == 50
    assert min(delays) >= 3.2
    assert max(delays) <= 4.8


@given(st.integers(1, 8), st.lists(st.floats(0, 30), max_size=60))
def test_the_window_allows_exactly_the_intensity_within_any_period(intensity: int, gaps: list[float]) -> None:
    window, now, times = RestartWindow(intensity, 60.0), 0.0, []
    for gap in gaps:
        now += gap
        times.append(now)
        recent = [time for time in times if time > now - 60.0]
        assert window.add(now) is (len(recent) <= intensity)


def test_a_restart_exactly_a_period_ago_no_longer_counts() -> None:
    window = RestartWindow(1, 60.0)
    assert window.add(0.0)
    assert window.add(60.0)
    assert not window.add(60.1)


def test_the_first_restart_is_free_for_an_agent_that_was_ready_long_enough() -> None:
    judged = policy().judge(CRASH, ready_for_s=FREE_RESTART_AFTER_S, now=0.0)
    assert (judged.decision, judged.delay_s) == (Decision.RESTART, 0.0)
    judged = policy().judge(CRASH, ready_for_s=FREE_RESTART_AFTER_S - 0.1, now=0.0)
    assert judged.delay_s == 1.0


def test_only_the_first_restart_is_free() -> None:
    steady = policy()
    delays = [steady.judge(CRASH, ready_for_s=20.0, now=now * 100.0).delay_s for now in range(4)]
    assert delays == [0.0, 2.0, 4.0, 8.0]


def test_the_ladder_begins_anew_after_long_enough_in_ready() -> None:
    steady = policy()
    for now in (0.0, 1.0, 2.0):
        steady.judge(CRASH, ready_for_s=0.0, now=now)
    assert steady.judge(CRASH, ready_for_s=299.0, now=500.0).delay_s == 8.0
    assert steady.judge(CRASH, ready_for_s=300.0, now=900.0).delay_s == 0.0


def test_one_restart_more_than_the_intensity_parks() -> None:
    steady = policy(intensity=2, period_s=60.0)
    decisions = [steady.judge(CRASH, ready_for_s=0.0, now=now).decision for now in (0.0, 10.0, 20.0)]
    assert decisions == [Decision.RESTART, Decision.RESTART, Decision.PARK]


def test_with_intensity_none_the_first_crash_parks() -> None:
    assert policy(intensity=0).judge(CRASH, ready_for_s=0.0, now=0.0).decision is Decision.PARK


def test_an_end_without_a_restart_does_not_count() -> None:
    steady = policy(intensity=1)
    fine = ExitInfo(kind=ExitClass.OK, code=0)
    for now in range(5):
        assert steady.judge(fine, ready_for_s=0.0, now=float(now)).decision is Decision.REST
    assert steady.judge(CRASH, ready_for_s=0.0, now=6.0).decision is Decision.RESTART


def test_a_reset_forgets_ladder_and_window() -> None:
    steady = policy(intensity=1)
    assert steady.judge(CRASH, ready_for_s=0.0, now=0.0).delay_s == 1.0
    steady.reset()
    again = steady.judge(CRASH, ready_for_s=0.0, now=1.0)
    assert (again.decision, again.delay_s) == (Decision.RESTART, 1.0)


def test_a_resumed_ladder_goes_on_where_it_was() -> None:
    steady = policy()
    steady.resume(4)
    assert steady.judge(CRASH, ready_for_s=0.0, now=0.0).delay_s == 16.0
