"""Lines of JSON, cut anywhere, from a program that may write anything."""

from __future__ import annotations

import json
import random
import tracemalloc
from typing import Any

import pytest

from supervisor.adapters.json_lines import JsonLines, spelled


class Heard:
    def __init__(self, **settings: Any) -> None:
        self.objects: list[dict[str, Any]] = []
        self.broken: list[str] = []
        self.lines = JsonLines(self.objects.append, self.broken.append, **settings)


def test_each_line_is_handed_on_as_soon_as_it_is_whole() -> None:
    heard = Heard()
    heard.lines.feed(b'{"a": 1}\n{"b"')
    assert heard.objects == [{"a": 1}]
    heard.lines.feed(b": 2}\r\n\n  \n")
    assert heard.objects == [{"a": 1}, {"b": 2}]
    assert not heard.broken


def test_wherever_it_is_cut_the_same_comes_out() -> None:
    whole = b"".join(spelled({"n": number, "text": "Grüße 👋 \\n"}) for number in range(40))
    rng = random.Random(7)
    for _ in range(50):
        heard = Heard()
        places = sorted(rng.randrange(len(whole)) for _ in range(20))
        for begin, end in zip([0, *places], [*places, len(whole)], strict=True):
            heard.lines.feed(whole[begin:end])
        assert [one["n"] for one in heard.objects] == list(range(40))
        assert not heard.broken


def test_a_last_line_without_its_end_is_read_when_nothing_more_comes() -> None:
    heard = Heard()
    heard.lines.feed(b'{"a": 1}')
    assert not heard.objects
    heard.lines.finish()
    heard.lines.finish()
    assert heard.objects == [{"a": 1}]


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"7",
        b"[1]",
        b"null",
        b'"x"',
        b"{",
        b'{"a": 1} x',
        b"[" * 100_000,
        b'{"a": NaN}',
        b"\0{}",
        b"-" * 9,
    ],
)
def test_what_is_no_object_is_told_and_the_next_line_is_read(line: bytes) -> None:
    heard = Heard()
    heard.lines.feed(line + b'\n{"next": true}\n')
    assert len(heard.broken) == 1
    assert len(heard.broken[0]) < 3_000
    assert heard.objects == [{"next": True}]


def test_a_line_that_is_too_long_is_thrown_away_whole() -> None:
    heard = Heard(line_bytes_max=10)
    heard.lines.feed(b'{"a":"' + b"x" * 6)
    heard.lines.feed(b"x" * 100)
    heard.lines.feed(b'"}\n{"a":1}\n{"a":123}\n')
    assert heard.broken == ["a line of more than 10 bytes was thrown away"]
    assert heard.objects == [{"a": 1}, {"a": 123}]


def test_five_mebibytes_in_one_line_are_read_in_pieces_of_a_pipe() -> None:
    heard = Heard()
    line = spelled({"text": "x" * (5 << 20)})
    for begin in range(0, len(line), 65_536):
        heard.lines.feed(line[begin : begin + 65_536])
    assert len(heard.objects[0]["text"]) == 5 << 20


class Hoarder(JsonLines):
    """Keep each piece by itself until the line is whole."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.pieces: list[bytes] = []

    def _add(self, piece: bytes) -> None:
        self.pieces.append(piece)


def held_by(lines: JsonLines) -> int:
    tracemalloc.start()
    try:
        for number in range(100_000):
            lines.feed(b"%03d" % (number % 1_000))
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_a_line_that_drips_takes_no_more_memory_than_its_bytes() -> None:
    heard = Heard()
    assert held_by(heard.lines) < 1_000_000


def test_canary_pieces_that_are_kept_one_by_one_are_seen() -> None:
    heard = Heard()
    assert held_by(Hoarder(heard.objects.append, heard.broken.append)) > 1_000_000


def test_a_byte_that_is_no_text_spoils_a_letter_and_not_the_message() -> None:
    heard = Heard()
    heard.lines.feed(b'{"text": "a\xffb"}\n')
    assert heard.objects == [{"text": "a\ufffdb"}]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (rb'{"\ud800": ["\udc00 x"]}', {"\ufffd": ["\ufffd x"]}),
        (rb'{"a": "\ud83d\udc4b", "n": 1}', {"a": "👋", "n": 1}),
        (b'{"a": "\xed\xa0\x80"}', {"a": "\ufffd\ufffd\ufffd"}),
        (rb'{"a": "\\ud800"}', {"a": "\\ud800"}),
    ],
)
def test_half_letters_are_mended_so_that_all_text_can_be_written(line: bytes, text: dict[str, Any]) -> None:
    heard = Heard()
    heard.lines.feed(line + b"\n")
    assert heard.objects == [text]
    json.dumps(heard.objects[0], ensure_ascii=False).encode("utf-8")


def test_what_is_spelled_is_one_line_whatever_the_text() -> None:
    line = spelled({"text": "a\nb\u2028c\ud800"})
    assert line.count(b"\n") == 1
    heard = Heard()
    heard.lines.feed(line)
    assert heard.objects == [{"text": "a\nb\u2028c?"}]
