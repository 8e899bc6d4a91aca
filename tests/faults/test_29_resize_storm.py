"""Fault 29: the window is dragged, a thousand changes of size in a second. The screen is laid out some ten
times a second, at last for the size that stays. (Agents have pipes here, no terminal: none of theirs can
hang up or be resized.)"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pexpect
import pytest
from textual.events import Resize
from textual.geometry import Size

from supervisor.ui import size_order
from supervisor.ui.size_order import SizeOrder

PROGRAM = Path(__file__).with_name("resized_screen.py")
CHANGES = 1000
LAST_WIDTH = 170
"""A width that none of the changes has."""


def storm() -> tuple[int, int, float]:
    """Resize a running screen until it was laid out for the last size; return layouts, width and seconds."""
    said_otherwise = {"COLUMNS", "LINES"}  # these would beat what the terminal says
    environ = {name: value for name, value in os.environ.items() if name not in said_otherwise}
    environ["TERM"] = "xterm-256color"
    child: Any = pexpect.spawn(
        sys.executable, [str(PROGRAM), str(LAST_WIDTH)], timeout=60, dimensions=(50, 160), env=environ
    )
    child.expect(b"planner")
    begun = time.monotonic()
    for number in range(CHANGES):
        child.setwinsize(50, 100 + number % 60)
        read_on(child)
    child.setwinsize(50, LAST_WIDTH)
    child.expect(rb"laid out (\d+) times for (\d+) columns at last")
    took_s = time.monotonic() - begun
    layouts, width = int(child.match.group(1)), int(child.match.group(2))
    child.close(force=True)
    return layouts, width, took_s


def read_on(child: Any) -> None:
    """Take what the screen draws, as a terminal does."""
    try:
        child.read_nonblocking(65_536, timeout=0.001)
    except pexpect.TIMEOUT:
        return


def test_a_thousand_sizes_become_ten_layouts_a_second_and_the_last_one_stays() -> None:
    layouts, width, took_s = storm()
    assert width == LAST_WIDTH
    assert layouts <= 10 * took_s + 5


def test_without_thinning_out_every_change_is_a_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary. A screen that is busy with one layout misses others by itself: this asks the order."""
    monkeypatch.setattr(size_order, "GAP_S", 0.0)
    sizes, size = SizeOrder(), Size(100, 50)
    passed = [sizes.take(Resize(size, size), 10.0 + number / CHANGES) for number in range(CHANGES)]
    assert passed == [None] * CHANGES
