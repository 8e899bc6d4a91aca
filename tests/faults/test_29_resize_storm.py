"""Fault 29: the window is dragged, a thousand changes of size in a second. The screen is laid out some ten
times a second, at last for the size that stays. (Agents have pipes here, no terminal: none of theirs can
hang up or be resized.)"""

from __future__ import annotations

import os
import signal
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


def storm() -> tuple[int, int, float]:
    """Resize a running screen again and again; return layouts, the last width, and how long it took."""
    environ = {**os.environ, "TERM": "xterm-256color"}
    child: Any = pexpect.spawn(sys.executable, [str(PROGRAM)], timeout=60, dimensions=(50, 160), env=environ)
    child.expect(b"planner")
    begun = time.monotonic()
    for number in range(CHANGES):
        child.setwinsize(50, 100 + number % 60)
        read_on(child)
    child.setwinsize(50, 123)
    took_s = time.monotonic() - begun
    while time.monotonic() - begun < took_s + 1:
        read_on(child)
    child.kill(signal.SIGUSR1)
    child.expect(rb"laid out (\d+) times, last for (\d+) columns")
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
    assert width == 123
    assert layouts <= 10 * took_s + 5


def test_without_thinning_out_every_change_is_a_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary. A screen that is busy with one layout misses others by itself: this asks the order."""
    monkeypatch.setattr(size_order, "GAP_S", 0.0)
    sizes, size = SizeOrder(), Size(100, 50)
    passed = [sizes.take(Resize(size, size), 10.0 + number / CHANGES) for number in range(CHANGES)]
    assert passed == [None] * CHANGES
