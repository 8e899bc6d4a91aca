"""The one JSON parser: what it reads it reads as the standard does, what has no single meaning it refuses."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.errors import InvalidArgument, TooLarge
from supervisor.transports import strict_json

LIMIT = 1024 * 1024

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(strict_json.INT_MIN, strict_json.INT_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)


def read(text: str | bytes) -> object:
    return strict_json.loads(text.encode() if isinstance(text, str) else text, limit=LIMIT)


@given(PLAIN)
def test_what_is_written_is_read_back_as_it_was(value: object) -> None:
    assert read(strict_json.dumps(value)) == value
    assert read(strict_json.dumps(value, ascii_only=True)) == value
    assert read(json.dumps(value)) == value


@given(
    st.binary(max_size=60)
    | st.text(st.sampled_from('[]{}",:\\u0dD8c1.eE-+ \tNafn'), max_size=60).map(str.encode)
)
def test_whatever_comes_in_is_read_as_the_standard_does_or_refused(data: bytes) -> None:
    try:
        value = strict_json.loads(data, limit=LIMIT)
    except (InvalidArgument, TooLarge):
        return
    assert value == json.loads(data)
    strict_json.dumps(value).encode()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"a": 1, "a": 2}', "same key twice"),
        ('{"x": {"a": 1, "\\u0061": 2}}', "same key twice"),
        ("NaN", "NaN"),
        ("[Infinity]", "NaN and infinities"),
        ("-Infinity", "NaN and infinities"),
        ("1e999", "too large"),
        ("9223372036854775808", "64 bits"),
        ("-9223372036854775809", "64 bits"),
        ("1" * 6_000, "64 bits"),
        ('"\\ud800"', "surrogate"),
        ('{"\\udfff": 1}', "surrogate"),
        ('["a", {"b": ["\\u0000"]}]', "NUL"),
        ("[" * 33 + "]" * 33, "nested over 32"),
        ("[" * 100_000, "nested over 32"),
        ('{"a":' * 33 + "1" + "}" * 33, "nested over 32"),
        ("{", "not JSON"),
        ("", "not JSON"),
        ("'a'", "not JSON"),
        ('"a\nb"', "not JSON"),
        ("[1,]", "not JSON"),
        ("1 2", "not JSON"),
        ("\ufeff{}", "not JSON"),
        (b'"\xff"', "not JSON"),
        (b'"\xed\xa0\x80"', "not JSON"),
        ("{}".encode("utf-16"), "not JSON"),
    ],
    ids=lambda text: repr(text)[:40],
)
def test_text_without_one_meaning_is_refused(text: str | bytes, complaint: str) -> None:
    with pytest.raises(InvalidArgument, match=complaint):
        read(text)


@pytest.mark.parametrize(
    "text", ["[" + "0," * 1_000 + "0]", "[" + "{}," * 60_000 + "{}]", '"' + "x" * LIMIT + '"']
)
def test_text_over_a_limit_is_refused_as_too_large(text: str) -> None:
    with pytest.raises(TooLarge):
        read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[" * 32 + "]" * 32, None),
        ("[" + "0," * 999 + "0]", [0] * 1_000),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"\\\\u0000 [[[[ \\" ]"', '\\u0000 [[[[ " ]'),
        ('"' + "[{," * 100_000 + '"', "[{," * 100_000),
        ("1.5e3", 1500.0),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_text_at_a_limit_is_read(text: str, value: object) -> None:
    assert value is None or read(text) == value
    read(text)


def test_a_refusal_quotes_nothing_of_the_text() -> None:
    for text in ['{"secret": "secret"', '{"secret":1,"secret":2}', '["secret", NaN]', '"secret\\ud800"']:
        with pytest.raises(InvalidArgument) as caught:
            read(text)
        assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "text",
    ['"' * 500_000, '"' + '\\"' * 500_000, '"' + "\\" * 1_000_000, '["' + "a" * 1_000_000, '"",' * 300_000],
    ids=lambda text: text[:6],
)
def test_no_text_of_a_megabyte_takes_long(text: str) -> None:
    begun = time.process_time()
    with pytest.raises((InvalidArgument, TooLarge)):
        read(text)
    assert time.process_time() - begun < 2  # a second look at every quote would take minutes


def test_halves_of_surrogate_pairs_are_written_as_question_marks() -> None:
    assert strict_json.dumps({"path": "a\udc80b\U0001f600"}) == '{"path":"a?b\U0001f600"}'
    assert strict_json.dumps(["\udc80é"], ascii_only=True) == '["?\\u00e9"]'


def test_what_json_cannot_spell_is_a_mistake_of_ours_and_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        strict_json.dumps(float("nan"))
