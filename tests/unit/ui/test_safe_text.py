"""The one door to the screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import ControlType, Segment
from textual.color import Color

from supervisor.ui.safe_text import Scrub, deceptions, first_line, literal, safe, safe_lines

BLACK = Color(0, 0, 0)


@given(st.text())
def test_safe_text_is_one_printable_line(text: str) -> None:
    assert safe(text).isprintable()
    assert first_line(text).isprintable()
    assert all(line.isprintable() for line in safe_lines(text))


def test_what_is_left_out_is_counted() -> None:
    assert safe("x" * 50, limit=20) == "x" * 20 + " ... 30 more characters"
    assert safe_lines("one\n" + "y" * 100, limit=10)[-1] == "... 94 more characters are not shown"


def test_the_first_line_is_the_first_that_says_anything() -> None:
    assert first_line("\n\n  hello\nworld") == "hello ..."
    assert first_line("one line\n") == "one line"


def test_brackets_are_never_markup() -> None:
    text = safe("[bold]x[/bold] [@click=app.quit]y[/]")
    assert literal(text).plain == "[bold]x[/bold] [@click=app.quit]y[/]"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rm -rf build", ()),
        ("naïve café", ()),
        ("line one\nline two\ttabbed\r\n", ()),
        ("Москва", ()),
        ("p\u0430ypal", ("look-alike letters of another script",)),
        ("rm \u202e-rf", ("hidden characters",)),
        ("a\u200bb", ("hidden characters",)),
        ("a\u00a0b", ("hidden characters",)),
        ("\u200bp\u0430y", ("hidden characters", "look-alike letters of another script")),
    ],
)
def test_deceptions_are_named_and_honest_text_has_none(text: str, found: tuple[str, ...]) -> None:
    assert deceptions(text) == found


@given(st.text())
def test_the_last_line_of_defence_lets_no_control_or_bidi_character_through(text: str) -> None:
    (segment,) = Scrub().apply([Segment(text)], BLACK)
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in segment.text)
    assert not any(
        character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" for character in segment.text
    )


def test_the_toolkits_own_control_segments_stay() -> None:
    bell = Segment("\x07", None, [(ControlType.BELL,)])
    assert Scrub().apply([bell], BLACK) == [bell]
