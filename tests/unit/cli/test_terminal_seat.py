"""What a person's terminal is told: the lines that changed, cut to its size, and nothing that acts on it."""

from __future__ import annotations

import re
from typing import Any

import pyte

from supervisor.cli.terminal_seat import Painter, cut


def frame(*lines: str, cursor: list[int] | None = None, paste: bool = False) -> dict[str, Any]:
    return {"lines": list(lines), "cursor": cursor, "takes_paste": paste, "rows": 5, "columns": 20}


def painted(painter: Painter, *frames: dict[str, Any], rows: int = 5, columns: int = 20) -> pyte.Screen:
    screen = pyte.Screen(columns, rows)
    painter.resize(rows, columns)
    stream = pyte.Stream(screen)
    for each in frames:
        stream.feed(painter.paint(each))
    return screen


def test_our_terminal_shows_what_the_agents_does() -> None:
    screen = painted(Painter(), frame("one", "two"), frame("one", "2", "three", cursor=[2, 5]))
    assert [line.rstrip() for line in screen.display] == ["one", "2", "three", "", ""]
    assert (screen.cursor.y, screen.cursor.x, screen.cursor.hidden) == (2, 5, False)


def test_only_what_changed_is_written() -> None:
    painter = Painter()
    painter.resize(5, 20)
    painter.paint(frame("one", "two"))
    again = painter.paint(frame("one", "2"))
    assert "one" not in again
    assert "2" in again


def test_a_larger_picture_is_cut_and_a_hidden_cursor_stays_hidden() -> None:
    screen = painted(Painter(), frame("x" * 50, *"abcdefgh", cursor=[7, 3]))
    assert screen.display[0] == "x" * 20
    assert screen.cursor.hidden
    assert cut("漢字漢", 5) == "漢字"
    assert cut("é" * 5, 5) == "é" * 5


def test_nothing_of_a_picture_acts_on_our_terminal() -> None:
    told = Painter().paint(frame("\x1b]52;c;Zm9v\x07\u202e", "\x9b31m", paste=True))
    ours = re.sub(r"\x1b\[(\?25[lh]|\?2004[lh]|\d+;\d+H|K)", "", told)
    assert "\x1b" not in ours
    assert "\u202e" not in ours
    assert "\\x1b]52" in told
