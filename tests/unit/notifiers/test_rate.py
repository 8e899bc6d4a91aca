"""How often a sink may be used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.notifiers.rate import Allowance


def a_bucket(*, tokens: float = 10.0, min_interval_s: float = 0.0) -> Allowance:
    return Allowance(per_hour=30.0, burst=10, min_interval_s=min_interval_s, tokens=tokens, at=1000.0)


def test_a_burst_leaves_at_once_and_then_one_every_two_minutes() -> None:
    bucket, now, left = a_bucket(), 1000.0, []
    for _ in range(13):
        now += bucket.wait_s(now)
        bucket = bucket.spent(now)
        left.append(now - 1000.0)
    assert left == pytest.approx([0.0] * 10 + [120.0, 240.0, 360.0])


def test_an_hour_never_sees_more_than_the_burst_and_the_rate() -> None:
    bucket, now, count = a_bucket(), 1000.0, 0
    while now <= 4600.0:
        bucket, count = bucket.spent(now), count + 1
        now += bucket.wait_s(now)
    assert count == 40


def test_quiet_time_refills_the_bucket_but_no_further() -> None:
    assert a_bucket(tokens=0.0).spent(1000.0 + 7 * 86_400).tokens == 9.0


def test_two_notices_keep_their_distance() -> None:
    bucket = a_bucket(min_interval_s=30.0).spent(1000.0)
    assert bucket.wait_s(1010.0) == pytest.approx(20.0)
    assert bucket.wait_s(1030.0) == 0.0


def test_a_clock_that_jumps_back_neither_refills_nor_blocks() -> None:
    bucket = a_bucket(tokens=2.0, min_interval_s=30.0).spent(1000.0)
    assert bucket.wait_s(0.0) == 0.0
    back = bucket.spent(0.0)
    assert back.tokens == 0.0
    assert back.wait_s(0.0) == pytest.approx(120.0)
    assert replace(back, min_interval_s=0.0).wait_s(120.0) == pytest.approx(0.0)
