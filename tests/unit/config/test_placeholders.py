"""Placeholders are replaced inside single elements, once, and nothing else is special."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.config.placeholders import PLACEHOLDERS, fill, names_in, unknown_in

VALUES = {
    "python": "/usr/bin/python3",
    "project": "/home/me/my project; rm -rf $HOME",
    "profile_dir": "/p",
    "report_dir": "/r/{agent}",
    "agent": "w-1",
}


@pytest.mark.parametrize(
    ("element", "filled"),
    [
        ("{python}", "/usr/bin/python3"),
        ("--in={project}/a b", "--in=/home/me/my project; rm -rf $HOME/a b"),
        ("{agent}{agent}", "w-1w-1"),
        ("{report_dir}", "/r/{agent}"),
        ("{{agent}}", "{agent}"),
        ("{{{agent}}}", "{{agent}}"),
        ('{"json": {"a": 1}}', '{"json": {"a": 1}}'),
        ("{}", "{}"),
        ("{0} { agent } {print $1} ${1}", "{0} { agent } {print $1} ${1}"),
        ("$PATH ~ * `x`", "$PATH ~ * `x`"),
        ("", ""),
    ],
)
def test_an_element_is_filled(element: str, filled: str) -> None:
    assert fill([element], VALUES) == (filled,)


@given(st.lists(st.text()))
def test_as_many_elements_come_out_as_went_in_whatever_they_hold(argv: list[str]) -> None:
    harmless = [element for element in argv if not names_in(element)]

    assert len(fill(harmless, {})) == len(harmless)


@given(st.text(), st.text())
def test_a_value_is_inserted_as_it_stands(before: str, value: str) -> None:
    before = before.replace("{", "")

    assert fill([f"{before}{{agent}}"], {"agent": value}) == (f"{before}{value}",)


def test_unknown_words_in_braces_are_told() -> None:
    assert unknown_in("{python} {pyton} {HOME} {{x}} {a-b} {1}") == ("pyton", "HOME", "a-b")
    assert [unknown_in(f"{{{name}}}") for name in PLACEHOLDERS] == [()] * len(PLACEHOLDERS)


def test_a_known_placeholder_without_a_value_is_an_error_of_the_caller() -> None:
    with pytest.raises(KeyError, match="agent"):
        fill(["{agent}"], {})
