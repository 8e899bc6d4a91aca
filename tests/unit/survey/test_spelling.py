from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from spelling import clipped, code, prose, spell, unspell


@given(st.binary())
def test_any_bytes_come_back_from_their_spelling(raw: bytes) -> None:
    assert unspell(spell(raw)) == raw


@given(st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_a_spelling_is_printable_and_can_be_sent_as_json(raw: bytes) -> None:
    text = spell(raw)
    assert text.isprintable()
    text.encode("utf-8")


def test_what_cannot_be_seen_is_spelled_out() -> None:
    assert spell(b"a\nb\x1b[31m\xff") == r"a\x0ab\x1b[31m\xff"
    assert spell("\u202e\u200b\u3164\ufe0f".encode()).count("\\x") == 12
    assert spell(b"back\\slash") == r"back\\slash"
    assert spell("häßlich.py".encode()) == "häßlich.py"


def test_a_long_text_is_cut_and_says_so() -> None:
    assert clipped(b"x" * 1000, 10) == "xxxxxxxxx…"
    assert clipped(b"short", 10) == "short"


@given(st.text())
def test_a_code_span_stays_one_cell_of_a_table_and_closes(text: str) -> None:
    span = code(text)
    assert span.isprintable()
    assert re.search(r"(?<!\\)\|", span.replace("\\\\", "")) is None
    fence = re.match(r"`+", span)
    assert fence is not None
    assert span.endswith(fence[0])
    inner = span[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall(r"`+", inner)


@given(st.text())
def test_prose_holds_no_markup(text: str) -> None:
    written = prose(text)
    assert written.isprintable()
    assert re.search(r"(?<!\\)[`*_<>|\[\]]", written.replace("\\\\", "")) is None
