"""When a decision key counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervisor.ui.arming import QUIET_S, Arming


def shown(card: object = "A1", at: float = 10.0) -> Arming:
    arming = Arming()
    arming.show(card, at)
    return arming


def test_a_key_counts_after_the_card_was_on_screen_for_a_moment() -> None:
    arming = shown(at=10.0)
    arming.press(10.0 + QUIET_S)
    assert arming.press_counts


def test_a_key_right_after_the_card_appeared_does_not_count() -> None:
    arming = shown(at=10.0)
    arming.press(10.39)
    assert not arming.press_counts


def test_typing_goes_on_not_counting_until_there_is_quiet() -> None:
    arming = shown(at=10.0)
    for at in (10.1, 10.3, 10.6, 10.9):
        arming.press(at)
        assert not arming.press_counts
    arming.press(11.4)
    assert arming.press_counts


def test_a_changed_card_has_to_be_looked_at_anew() -> None:
    arming = shown(("A1", "digest one"), at=10.0)
    arming.show(("A1", "digest two"), 20.0)
    arming.press(20.2)
    assert not arming.press_counts


def test_the_same_card_painted_again_stays_armed() -> None:
    arming = shown(at=10.0)
    arming.show("A1", 20.0)
    assert arming.is_armed(20.0)


def test_nothing_counts_without_a_card() -> None:
    arming = Arming()
    arming.press(100.0)
    assert not arming.press_counts
    arming = shown()
    arming.hide()
    assert not arming.is_armed(1_000.0)


def test_a_card_that_comes_back_has_to_be_looked_at_anew() -> None:
    arming = shown(at=10.0)
    arming.hide()
    arming.show("A1", 20.0)
    assert not arming.is_armed(20.1)


def test_the_click_or_switch_that_brings_the_person_here_starts_the_wait_anew() -> None:
    arming = shown(at=10.0)
    arming.disturb(15.0)
    assert not arming.is_armed(15.2)
    assert arming.is_armed(15.0 + QUIET_S)


def test_a_press_judged_late_is_judged_by_when_it_was_made() -> None:
    arming = shown(at=10.0)
    arming.press(9.9)
    assert not arming.press_counts
    assert not arming.is_armed(10.2)


@given(st.lists(st.floats(0.001, QUIET_S - 0.001), min_size=1, max_size=40))
def test_no_stream_of_typing_ever_counts(gaps: list[float]) -> None:
    arming = shown(at=0.0)
    at = 0.0
    for gap in gaps:
        at += gap
        arming.press(at)
        assert not arming.press_counts
