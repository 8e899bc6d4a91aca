"""The cap that a service's complaints set: cut by three tenths, grown by one a quiet minute."""

from __future__ import annotations

from supervisor.supervision.rate_cap import RateCap


def test_without_complaints_there_is_no_cap() -> None:
    assert RateCap(50).at(1e6) is None


def test_a_storm_of_complaints_is_one_cut() -> None:
    cap = RateCap(50)
    for number in range(50):
        cap.limited(number * 0.05, live=50)
    assert cap.at(10.0) == 35


def test_complaints_that_go_on_cut_again_and_never_below_one() -> None:
    cap = RateCap(50)
    seen = []
    for number in range(12):
        cap.limited(number * 5.0, live=10)
        seen.append(cap.at(number * 5.0))
    assert seen == [7, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1]


def test_the_cut_is_of_the_agents_there_are_if_they_are_fewer_than_the_cap() -> None:
    cap = RateCap(50)
    cap.limited(0.0, live=50)
    cap.limited(5.0, live=10)
    assert cap.at(5.0) == 7


def test_it_holds_a_minute_then_grows_by_one_a_quiet_minute_until_it_is_gone() -> None:
    cap = RateCap(10)
    cap.limited(0.0, live=10)
    assert [cap.at(at) for at in (0.0, 119.0, 120.0, 179.0, 180.0, 239.0, 240.0)] == [7, 7, 8, 8, 9, 9, None]
    assert cap.at(1e6) is None


def test_a_longer_wait_that_the_service_asks_for_is_kept_and_no_shorter_one_ends_it() -> None:
    cap = RateCap(10)
    cap.limited(0.0, live=10, retry_after_s=600.0)
    cap.limited(1.0, live=10)
    assert [cap.at(at) for at in (659.0, 660.0)] == [7, 8]


def test_who_is_still_limited_keeps_the_cap_from_growing() -> None:
    cap = RateCap(10)
    cap.limited(0.0, live=10)
    for at in range(0, 600, 2):
        cap.hold(float(at))
        assert cap.at(float(at)) == 7
    assert [cap.at(at) for at in (717.0, 718.0)] == [7, 8]


def test_a_hold_without_a_cap_changes_nothing() -> None:
    cap = RateCap(10)
    cap.hold(0.0)
    assert cap.at(1e6) is None
    cap.limited(1e6, live=10)
    assert cap.at(1e6 + 119.0) == 7
