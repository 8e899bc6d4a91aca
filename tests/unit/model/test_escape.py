"""What `visible` promises: nothing hidden, nothing that a terminal acts on, and plain text unchanged."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.escape import is_hidden, spelled, visible

BIDI = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
INVISIBLE = [
    0x200B,
    0x200D,
    0x2062,
    0x3164,
    0x115F,
    0x1160,
    0xE0100,
    0xE0041,
    0x1D173,
    0xFEFF,
    0x00AD,
    0x180E,
]
ODD_SPACES = [
    0x00A0,
    0x1680,
    *range(0x2000, 0x200B),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
    0x2800,
]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words",
        "tab\tstays",
        "naïve café",
        "日本語",
        "Ελληνικά",
        "🙂 ok",
        "e\u0301",
    ],
)
def test_text_that_shows_itself_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("a\x9b31mb", "a\\x9b31mb"),
        ("evil\u202etxt", "evil\\u202etxt"),
        ("\U000e0041", "\\U000e0041"),
        ("a\u00a0b", "a\\xa0b"),
        ("one\ntwo\r", "one\\ntwo\\r"),
        ("\x00\x7f", "\\x00\\x7f"),
    ],
)
def test_hidden_characters_are_spelled_out(hidden: str, shown: str) -> None:
    assert visible(hidden) == shown


def test_line_feeds_stay_when_asked_for_and_carriage_returns_never() -> None:
    assert visible("one\r\ntwo", newlines=True) == "one\\r\ntwo"


@pytest.mark.parametrize(
    "code",
    [
        *range(0x09),
        *range(0x0A, 0x20),
        *range(0x7F, 0xA0),
        *BIDI,
        *INVISIBLE,
        *ODD_SPACES,
    ],
)
def test_every_character_of_the_corpus_counts_as_hidden(code: int) -> None:
    assert is_hidden(code)
    assert visible(f"a{chr(code)}b") == f"a{spelled(code)}b"


def test_lone_surrogates_become_text_that_can_be_encoded() -> None:
    assert visible("\ud800x").encode() == b"\\ud800x"


def test_a_pile_of_combining_marks_is_cut_down() -> None:
    pile = visible("z" + "\u0335" * 50)
    assert sum(unicodedata.category(character) == "Mn" for character in pile) == 4


def test_no_control_character_of_all_of_unicode_comes_through() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = visible(everything)
    assert all(character in " \t" or character.isprintable() for character in shown)


@given(st.text())
def test_the_answer_is_printable_and_a_second_pass_changes_nothing(text: str) -> None:
    shown = visible(text)
    assert shown.replace("\t", " ").isprintable()
    assert visible(shown) == shown
