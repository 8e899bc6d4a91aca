"""What an agent's processes do: tools and helpers, blips and work."""

from __future__ import annotations

from collections.abc import Iterable

from supervisor.model.health import StallLimits
from supervisor.supervision.movement import Movement

LIMITS = StallLimits()


def look(
    movement: Movement, now: float, pids: Iterable[int] = (), *, work: bool = True, stopped: bool = False
) -> int:
    movement.look(pids, now, LIMITS, holds_work=work, stopped=stopped)
    return movement.children


def test_what_is_there_before_the_work_is_a_helper_and_what_comes_later_a_tool() -> None:
    movement = Movement()
    look(movement, 0.0, [7, 8], work=False)
    assert look(movement, 60.0, [7, 8, 9]) == 0
    assert look(movement, 65.0, [7, 8, 9]) == 1
    assert look(movement, 70.0, [7, 8], work=True) == 0


def test_a_process_that_lives_for_a_moment_is_no_tool() -> None:
    movement = Movement()
    assert [look(movement, at, [int(at)]) for at in (0.0, 10.0, 20.0)] == [0, 0, 0]


def test_a_tool_that_is_left_when_the_work_is_done_is_a_helper_from_then_on() -> None:
    movement = Movement()
    look(movement, 0.0, [9])
    assert look(movement, 10.0, [9]) == 1
    look(movement, 20.0, [9], work=False)
    assert look(movement, 30.0, [9]) == 0


def test_a_number_that_comes_again_after_a_gap_is_another_process() -> None:
    movement = Movement()
    look(movement, 0.0, [9], work=False)
    look(movement, 10.0, [])
    look(movement, 20.0, [9])
    assert look(movement, 30.0, [9]) == 1


def test_what_outlasts_any_tool_is_a_helper() -> None:
    movement = Movement()
    look(movement, 0.0, [9])
    assert look(movement, LIMITS.tool_s - 1, [9]) == 1
    assert look(movement, LIMITS.tool_s, [9]) == 0


def test_a_stop_signal_is_noted_when_it_was_first_seen() -> None:
    movement = Movement()
    for at, stopped, since in ((0.0, False, None), (1.0, True, 1.0), (5.0, True, 1.0), (6.0, False, None)):
        look(movement, at, stopped=stopped)
        assert movement.stopped_since == since


def test_a_blip_moves_but_is_no_work() -> None:
    movement = Movement()
    movement.measure(5.0, 0, 0.0, LIMITS)
    movement.measure(5.0, 0, 60.0, LIMITS)
    movement.measure(0.0, 0, 61.0, LIMITS)
    assert (movement.moved_at, movement.worked_at) == (60.0, None)
    movement.measure(5.0, 0, 100.0, LIMITS)
    movement.measure(5.0, 0, 219.0, LIMITS)
    assert movement.worked_at is None


def test_what_moves_for_two_windows_works_and_so_does_a_tool_at_once() -> None:
    movement = Movement()
    movement.measure(5.0, 0, 0.0, LIMITS)
    movement.measure(5.0, 0, 120.0, LIMITS)
    assert movement.worked_at == 120.0
    look(movement, 200.0, [9])
    look(movement, 210.0, [9])
    movement.measure(0.0, None, 210.0, LIMITS)
    assert (movement.moved_at, movement.worked_at) == (210.0, 210.0)
