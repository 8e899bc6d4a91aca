"""Changes of size: the first at once, then ten a second, the newest never lost."""

from __future__ import annotations

from textual.events import Resize
from textual.geometry import Size

from supervisor.ui.size_order import GAP_S, SizeOrder


def size(width: int) -> Resize:
    return Resize(Size(width, 50), Size(width, 50))


def test_one_change_passes_at_once_and_so_does_one_much_later() -> None:
    sizes = SizeOrder()
    assert sizes.take(size(80), 10.0) is None
    assert sizes.take(size(81), 10.0 + GAP_S) is None
    assert sizes.release(11.0) is None


def test_a_storm_becomes_ten_a_second_and_ends_with_the_newest() -> None:
    sizes, passed, look_at = SizeOrder(), [], None
    for millisecond in range(1000):
        now = 10.0 + millisecond / 1000
        if look_at is not None and now >= look_at:
            held = sizes.release(now)
            assert held is not None
            passed.append(held.size.width)
            look_at = None
        wait_s = sizes.take(size(millisecond), now)
        if wait_s is None:
            passed.append(millisecond)
        elif wait_s:
            look_at = now + wait_s
    last = sizes.release(11.1)
    assert last is not None
    assert last.size.width == 999
    assert 9 <= len(passed) <= 11
    assert passed == sorted(passed)
