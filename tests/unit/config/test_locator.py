"""Every key of a TOML text is found on the line where it stands."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from supervisor.config.locator import ENTRIES_MAX, Duplicate, KeyPath, Locator, TooDeep, TooManyEntries

TEXT = '''\
# a comment with [brackets] and = signs
title = "x # no comment"
"quoted \\u0061" = 1
'li.teral' = 2
dotted . key = """
[not.a.header]
a "" quote \\""" and the end"""""
[run]
on_done = 'stop' # why
[[pools]]
name = "a"
command = [
  "one", # first
  [ "inner",
    "two" ],
]
[pools.backoff]
base_s = 1
[[pools]]
name = "b"
env = { A = "1", B.C = "2" }
[pools.backoff]
base_s = 2
[[pools.deeper]]
x = \'\'\'
y = 1
\'\'\'
z = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("quoted a",), 3),
        (("li.teral",), 4),
        (("dotted",), 5),
        (("dotted", "key"), 5),
        (("run",), 8),
        (("run", "on_done"), 9),
        (("pools",), 10),
        (("pools", 0), 10),
        (("pools", 0, "name"), 11),
        (("pools", 0, "command"), 12),
        (("pools", 0, "command", 0), 13),
        (("pools", 0, "command", 1), 14),
        (("pools", 0, "command", 1, 1), 15),
        (("pools", 0, "backoff"), 17),
        (("pools", 0, "backoff", "base_s"), 18),
        (("pools", 1), 19),
        (("pools", 1, "env", "B", "C"), 21),
        (("pools", 1, "backoff", "base_s"), 23),
        (("pools", 1, "deeper", 0, "x"), 25),
        (("pools", 1, "deeper", 0, "z"), 28),
    ],
)
def test_each_key_has_its_line(path: KeyPath, line: int) -> None:
    tomllib.loads(TEXT)

    assert Locator(TEXT).line_of(path) == line


def test_a_missing_key_is_looked_for_where_its_table_begins() -> None:
    locator = Locator(TEXT)

    assert locator.line_of(("pools", 1, "role")) == 19
    assert locator.line_of(("nothing", "here")) == 1


def test_lines_end_with_or_without_a_carriage_return() -> None:
    assert Locator("a = 1\r\n\r\nb = 2\r\n").line_of(("b",)) == 3


@pytest.mark.parametrize(
    ("text", "duplicate"),
    [
        ("a = 1\na = 2", Duplicate(("a",), 2, 1)),
        ("[a]\n[b]\n[a]", Duplicate(("a",), 3, 1)),
        ("x = { a = 1, a = 2 }", Duplicate(("x", "a"), 1, 1)),
        ("[[p]]\na = 1\n[[p]]\na = 1\n'a' = 1", Duplicate(("p", 1, "a"), 5, 4)),
    ],
)
def test_a_key_that_stands_twice_is_noted(text: str, duplicate: Duplicate) -> None:
    assert Locator(text).duplicates == [duplicate]


def test_nothing_stands_twice_in_a_good_text() -> None:
    assert Locator(TEXT).duplicates == []
    assert Locator("[a.b]\n[a]\nc = 1").duplicates == []


@pytest.mark.parametrize(
    "deep", ["a = " + "[" * 20, "a" + ".a" * 16 + " = 1", "[" + "a." * 16 + "a]", "a = " + "{a = " * 20]
)
def test_deep_nesting_is_stopped_on_its_line(deep: str) -> None:
    with pytest.raises(TooDeep) as caught:
        Locator(f"b = 1\n{deep}")

    assert str(caught.value) == "2"


@pytest.mark.parametrize(
    ("before", "entry"),
    [("a = [\n", "1,"), ("\n", "[a.b.c]"), ("a = {\n", "a.b.c = 1,")],
    ids=["list", "tables", "keys"],
)
def test_a_flood_of_entries_is_stopped_on_its_line(before: str, entry: str) -> None:
    with pytest.raises(TooManyEntries) as caught:
        Locator(before + entry * ENTRIES_MAX)

    assert str(caught.value) == "2"


def test_what_is_no_toml_ends_the_scan_and_keeps_what_was_found() -> None:
    locator = Locator("a = 1\n\nb = 2\n= 3\nc = 4")

    assert locator.line_of(("b",)) == 3
    assert locator.line_of(("c",)) == 1


PAIRS = st.tuples(
    st.sampled_from(["a", "b", "c-1", '"q w"', "'l.x'", '"\\u00e9"', "a.b", 'c . "d"']),
    st.sampled_from(
        [
            *["1", "true", '"x"', "'y'", '""', "''", '"#"', "'['", '"\\""', "2020-01-01 10:00:00", "1.5"],
            *["[]", "[1, 2]", '[\n"x",\n# no\n"y"\n]', "{ }", "{ u = 1 }", '{ u.v = [1, "]"], w = "}" }'],
            *['"""\n[x]\n"""', "'''\na = 1\n'''", '"""a""""', "'''b'''''", '"""\\\n  z"""'],
        ]
    ),
).map(lambda pair: f"{pair[0]} = {pair[1]}")
HEADERS = st.sampled_from(["[t]", "[t.u]", "[[p]]", "[p.q]", "[[p.r]]", '["q w"]', "[ s ]"])
NOISE = st.sampled_from(["", "# [c]", "  ", "\t# a = 1"])
DOCUMENTS = st.lists(st.one_of(PAIRS, PAIRS, HEADERS, NOISE), max_size=14)


def leaves(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """List the path of every value in what `tomllib` read."""
    if path:
        yield path
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for part, inner in items:
        yield from leaves(inner, (*path, part))


def parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


@given(DOCUMENTS)
@settings(max_examples=400)
def test_the_locator_reads_the_same_keys_as_the_parser(statements: list[str]) -> None:
    text = "\n".join(statements)
    data = parsed(text)
    assume(data is not None)
    locator = Locator(text)

    assert locator.duplicates == []
    for path in leaves(data):
        last = path[-1]
        if isinstance(last, str) and last.isascii() and last.isalnum():
            line = text.split("\n")[locator.line_of(path) - 1]
            assert last in line, (path, line)
