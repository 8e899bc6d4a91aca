"""The marker: a chain of sessions and, at the same places, of agents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.runtime.marker import NO_MARKS, marked_env, marks_in

names = st.from_regex(r"[a-z0-9#_-]{1,12}", fullmatch=True)


def environ(env: dict[str, str]) -> bytes:
    return b"".join(f"{name}={value}".encode() + b"\0" for name, value in env.items())


@given(st.lists(st.tuples(names, names), min_size=1, max_size=5))
def test_every_link_of_a_chain_is_found_with_its_own_agent(links: list[tuple[str, str]]) -> None:
    env: dict[str, str] = {}
    for session, agent in links:
        env = marked_env({"HOME": "/"}, session=session, agent=agent, outer=env)
    assert marks_in(environ(env)) == frozenset(links)
    assert env["HOME"] == "/"


def test_a_marker_given_by_a_profile_does_not_survive() -> None:
    env = marked_env({"SUP_SESSION": "forged", "SUP_AGENT": "x#1"}, session="s", agent="a#1", outer={})
    assert marks_in(environ(env)) == {("s", "a#1")}


def test_an_outer_chain_without_agents_keeps_the_places_aligned() -> None:
    env = marked_env({}, session="inner", agent="a#1", outer={"SUP_SESSION": "one/two", "SUP_AGENT": "x#1"})
    assert marks_in(environ(env)) == {("one", "-"), ("two", "x#1"), ("inner", "a#1")}


def test_an_environment_without_a_marker_carries_none() -> None:
    assert marks_in(b"HOME=/\0NOT_SUP_SESSION\0") == NO_MARKS
    assert marks_in(b"") == NO_MARKS
    assert marks_in(b"X=SUP_SESSION=s\0") == NO_MARKS


@pytest.mark.parametrize("name", ["", "a/b", "a\0b"])
def test_a_name_that_would_break_the_chain_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a marker"):
        marked_env({}, session=name, agent="a#1", outer={})
    with pytest.raises(ValueError, match="cannot be part of a marker"):
        marked_env({}, session="s", agent=name, outer={})
