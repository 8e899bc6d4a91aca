"""The screen: against another terminal emulator, word by word, and against bytes that mean ill."""

from __future__ import annotations

import random

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from supervisor.adapters.canvas import SCROLLED_MAX
from supervisor.adapters.screen import Screen
from supervisor.model.escape import is_hidden

ROWS, COLUMNS = 8, 24


def screen_of(*parts: bytes | str, rows: int = ROWS, columns: int = COLUMNS) -> Screen:
    screen = Screen(rows, columns)
    for part in parts:
        screen.feed(part.encode() if isinstance(part, str) else part)
    return screen


def top(*parts: bytes | str) -> list[str]:
    lines = screen_of(*parts).lines()
    return lines[: max((at + 1 for at, line in enumerate(lines) if line), default=0)]


def peer_of(text: str) -> tuple[list[str], tuple[int, int]]:
    peer = pyte.Screen(COLUMNS, ROWS)
    pyte.Stream(peer).feed(text)
    return [line.rstrip() for line in peer.display], (peer.cursor.y, peer.cursor.x)


WORDS = some.one_of(
    some.text(alphabet="abc xyz#─❯漢é", min_size=1, max_size=9),
    some.sampled_from(
        ["\r", "\n", "\r\n", "\b", "\t", "\x1b7", "\x1b8", "\x1bD", "\x1bM", "\x1bE", "\x1b[m"]
    ),
    some.builds("\x1b[{};{}H".format, some.integers(0, 10), some.integers(0, 30)),
    some.builds("\x1b[{}{}".format, some.integers(0, 9), some.sampled_from("ABCDEFGLMPX@d`")),
    some.builds("\x1b[{}{}".format, some.integers(0, 2), some.sampled_from("JK")),
    some.builds("\x1b[{};{}r".format, some.integers(1, 4), some.integers(5, 8)),
    some.sampled_from(
        ["\x1b[?7h", "\x1b[?7l", "\x1b[?25l", "\x1b[1;31m", "\x1b]0;title\x07", "\x1b[4h", "\x1b[4l"]
    ),
)


@settings(max_examples=100, deadline=None)
@given(some.lists(some.text(alphabet="abc #─❯é\r\b", max_size=12) | some.just("\r\n"), max_size=20))
def test_plain_text_stands_where_another_emulator_has_it(words: list[str]) -> None:
    text = "".join(words)
    assert screen_of(text).lines() == peer_of(text)[0]


@settings(max_examples=100, deadline=None)
@given(some.lists(WORDS, max_size=25))
def test_nothing_that_programs_write_breaks_the_shape(words: list[str]) -> None:
    screen = screen_of("".join(words))
    assert len(screen.lines()) == ROWS
    assert all(len(row) == COLUMNS for row in screen._canvas._cells)
    assert 0 <= screen.cursor[0] < ROWS
    assert 0 <= screen.cursor[1] < COLUMNS


ASCII = some.one_of(
    some.text(alphabet="abcxyz#", min_size=1, max_size=5),
    some.sampled_from(["\r", "\n", "\r\n", "\b", "\x1bD", "\x1bM", "\x1b[1;31m"]),
    some.builds("\x1b[{};{}H".format, some.integers(0, 10), some.integers(0, 12)),
    some.builds("\x1b[{}{}".format, some.integers(1, 9), some.sampled_from("ABEFGPX@d")),
    some.builds("\x1b[{}{}".format, some.integers(0, 2), some.sampled_from("JK")),
)


@settings(max_examples=200, deadline=None)
@given(some.lists(ASCII, max_size=25))
def test_what_a_program_paints_stands_where_another_emulator_has_it(words: list[str]) -> None:
    text = "".join(f"\x1b[{1 + len(word)}D{word}" if word.isalnum() else word for word in words)
    lines, cursor = peer_of(text)
    screen = screen_of(text)
    assert screen.lines() == lines
    assert screen.cursor == (cursor[0], min(cursor[1], COLUMNS - 1))


@given(some.binary(max_size=300), some.data())
@settings(max_examples=100, deadline=None)
def test_where_the_bytes_are_cut_changes_nothing(noise: bytes, data: some.DataObject) -> None:
    at = data.draw(some.integers(0, len(noise)))
    whole, cut = screen_of(noise), screen_of(noise[:at], noise[at:])
    assert whole.lines() == cut.lines()
    assert whole.cursor == cut.cursor


@settings(max_examples=100, deadline=None)
@given(some.binary(max_size=400), some.text(max_size=200))
def test_no_cell_ever_holds_what_acts_on_a_terminal(noise: bytes, text: str) -> None:
    for line in screen_of(noise, text).lines():
        assert not [character for character in line if is_hidden(ord(character))]


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ("one\r\ntwo", ["one", "two"]),
        ("\x1b[?1049hpainted\x1b[?1049l", []),
        ("ab\x1b[2Dc", ["cb"]),
        ("ab\x1bEc", ["ab", "c"]),
        ("1\r\n2\r\n3\x1b[1A\x1b[L", ["1", "", "2", "3"]),
        ("1\r\n2\r\n3\x1b[2;1H\x1b[M", ["1", "3"]),
        ("1\r\n2\r\n3\x1b[1;2r\x1b[T", ["", "1", "3"]),
        ("\x1b(0lqk\x1b(B", ["┌─┐"]),
        ("漢字\b\bX", ["漢X"]),
        ("漢\x1b[2GX", [" X"]),
        ("e\u0301", ["e\u0301"]),
        ("a\x1b[3b", ["aaaa"]),
        ("secret\x1b]52;c;Y2FuYXJ5\x07shown", ["secretshown"]),
        ("a\x1bPq#0;2;0;0;0\x1b\\b", ["ab"]),
        ("a\x1b[>4;1mb\x1b[?u\x1b[=1;1uc", ["abc"]),
        ("\x1b[5;3r\x1b[Hx", ["x"]),
        ("gone\x1bcanew", ["anew"]),
        ("\ue0b0x", ["\ufffdx"]),
        ("\u2800x", [" x"]),
        ("a\u202eb", ["ab"]),
        ("\x1b[?7l" + "x" * 30, ["x" * 24]),
        ("\x1b[2;3r\x1b[?6h\x1b[1;1Hin", ["", "in"]),
        ("\x1b[sab\x1b[uX", ["Xb"]),
    ],
)
def test_a_word_of_the_terminal_does_what_it_says(written: str, lines: list[str]) -> None:
    assert top(written) == lines


def test_what_leaves_the_top_is_kept_until_it_is_taken_and_never_without_end() -> None:
    screen = screen_of(*(f"{number}\r\n" for number in range(12)))
    assert screen.take_scrolled() == ["0", "1", "2", "3", "4"]
    assert screen.take_scrolled() == []
    screen.feed(b"x\r\n" * (SCROLLED_MAX + 500))
    assert len(screen.take_scrolled()) == SCROLLED_MAX
    assert screen.scrolled_count > SCROLLED_MAX


def test_the_other_screen_keeps_no_history() -> None:
    screen = screen_of("kept\x1b[?1049h\x1b[H", "x\r\n" * 50)
    assert screen.is_alternative
    assert screen.take_scrolled() == []
    screen.feed(b"\x1b[?1049l")
    assert screen.lines()[0] == "kept"


def test_questions_are_answered_and_not_without_end() -> None:
    screen = screen_of("ab\x1b[6n\x1b[5n\x1b[c")
    assert screen.replies() == b"\x1b[1;3R\x1b[0n\x1b[?6c"
    assert screen.replies() == b""
    screen.feed(b"\x1b[6n" * 10_000)
    assert len(screen.replies()) <= 1_024


def test_a_program_says_whether_it_takes_pastes_and_shows_its_cursor() -> None:
    screen = screen_of("\x1b[?2004h\x1b[?25l")
    assert (screen.takes_paste, screen.shows_cursor) == (True, False)
    screen.feed(b"\x1bc")
    assert (screen.takes_paste, screen.shows_cursor) == (False, True)


def test_another_size_keeps_what_fits() -> None:
    screen = screen_of("one\r\ntwo\r\nthree 漢")
    screen.resize(2, 7)
    assert screen.lines() == ["two", "three"]
    assert screen.cursor == (1, 6)
    version = screen.version
    screen.resize(2, 7)
    assert screen.version == version
    screen.resize(4, 30)
    assert len(screen.lines()) == 4


FLOODS = (b"\x1b]0;" + b"x" * 300_000, b"\x1b[" + b"1;" * 150_000, b"\x1b[99999999999S" * 1_000)


@pytest.mark.parametrize("flood", FLOODS, ids=["title", "parameters", "scrolls"])
def test_a_flood_of_what_has_no_end_is_not_kept(flood: bytes) -> None:
    screen = screen_of(flood)
    assert len(screen._rest) < 300
    assert len(screen.lines()) == ROWS


def test_noise_of_all_kinds_is_taken() -> None:
    rng = random.Random(5)
    parts = [
        b"\x1b[",
        b"\x1b",
        b"?",
        b"1049h",
        b";",
        b"r",
        b"L",
        b"M",
        b"\xe6\xbc\xa2",
        b"9999",
        b"\n",
        b"P",
        b"@",
    ]
    screen = screen_of(b"".join(rng.choice(parts) for _ in range(5_000)))
    assert all(len(row) == COLUMNS for row in screen._canvas._cells)
