"""E1: a name is never a path: hostile ones are refused wherever a name is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.config.parse import parse_profile
from supervisor.config.profile import load_profile
from supervisor.errors import InvalidArgument, ProfileInvalid, ProfileNotFound
from supervisor.model.ids import NAME_PATTERN, RESERVED_NAMES
from supervisor.workspace.state_dir import StateDir, open_state

HOSTILE = [
    *["", ".", "..", "../x", "../../etc/passwd", "/", "/etc/passwd", "a/b", "a/../b", "a\\b", "~", "~root"],
    *["%2F", "a%2Fb", "%2e%2e", "a\0b", "a\0", "\0", "a\n", "\na", "a b", " a", "a ", "\t"],
    *["A", "Worker-1", "wORKER", "é", "а", "ａ", "a\u200b", "\u202ea", "a\x1b[0m"],
    *[
        "-",
        "-a",
        "--help",
        "_a",
        "a" * 64,
        "a" * 300,
        "a.",
        ".a",
        "a.toml",
        "con:",
        "a;b",
        "$(x)",
        "`x`",
        "*",
        "a?",
    ],
]
TEAM = 'name = "t"\n[[pools]]\nname = {name}\nrole = "solo"\ncommand = ["true"]\n{more}'


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return open_state(tmp_path, create=True)


def toml_text(value: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_agent_name_gets_no_directory(name: str, state: StateDir) -> None:
    with pytest.raises(InvalidArgument, match="must match"):
        state.agent_dir(name)

    assert list(state.agents.iterdir()) == []


def test_canary_a_joined_name_would_lead_out_of_the_state(state: StateDir) -> None:
    outside = [
        name
        for name in HOSTILE
        if "\0" not in name and not (state.agents / name).resolve().is_relative_to(state.agents)
    ]

    assert {"..", "../x", "/etc/passwd", "../../etc/passwd"} <= set(outside)


@pytest.mark.parametrize("name", [*HOSTILE, *sorted(RESERVED_NAMES)])
def test_a_hostile_or_reserved_pool_name_is_refused(name: str) -> None:
    with pytest.raises(ProfileInvalid) as caught:
        parse_profile(TEAM.format(name=toml_text(name), more=""), "t.toml")

    (problem,) = caught.value.problems
    assert problem.startswith("t.toml:3: pools.")
    assert problem.isprintable()


@pytest.mark.parametrize("key", ["tags", "groups"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_tag_or_group_is_refused(name: str, key: str) -> None:
    with pytest.raises(ProfileInvalid):
        parse_profile(TEAM.format(name='"w"', more=f"{key} = [{toml_text(name)}]"), "t.toml")


@pytest.mark.parametrize("name", [name for name in HOSTILE if "/" not in name and not name.endswith(".toml")])
def test_a_hostile_profile_name_is_not_looked_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked() -> Path:
        raise AssertionError(name)

    monkeypatch.setattr("supervisor.config.profile.built_in_dir", looked)

    with pytest.raises(ProfileNotFound, match="is no profile: give a name"):
        load_profile(name)


@given(st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_directory_just_below_the_kits_or_refused(state: StateDir, name: str) -> None:
    try:
        directory = state.agent_dir(name)
    except InvalidArgument:
        assert NAME_PATTERN.match(name) is None
    else:
        assert directory.parent == state.agents
        assert directory.name == name
