"""Whatever a profile's text is, it becomes a team or a ProfileInvalid that can be printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from supervisor.config.parse import parse_profile
from supervisor.errors import ProfileInvalid
from supervisor.model.ids import NAME_PATTERN, RESERVED_NAMES
from supervisor.model.team import TeamSpec

SAMPLE = (Path(__file__).parent / "survey_sample.toml").read_text(encoding="utf-8")

TOKENS = st.sampled_from(
    [
        *["[", "]", "[[", "]]", "{", "}", "=", ".", ",", "#", "\n", "\r\n", " ", "\t", "\\", "\0", "\ufeff"],
        *['"', '"""', "'", "'''", '\\"', "\\u0000", "\\U0010FFFF", "\ud800", "é", "\u202e", "\x1b[2J"],
        *[
            "0",
            "1",
            "-1",
            "1e400",
            "nan",
            "inf",
            "0xff",
            "1_000",
            "true",
            "2020-01-01",
            "25:61:61",
            "9" * 5000,
        ],
        *[
            "name",
            "pools",
            "[[pools]]\n",
            "[run]\n",
            "role",
            "size",
            "command",
            "env",
            "approvals",
            "backoff",
        ],
        *["name = 'x'\n", "role = 'worker'\n", "command = ['{python}', '{', '{{x}}']\n", "size = 1\n"],
    ]
)

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(min_value=-(2**70), max_value=2**70),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from(
            ["worker", "judge", "stop", "{python}", "{HOME}", "w", "a" * 63, "", "../x", "human"]
        ),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)

KEYS = st.sampled_from(
    ["name", "description", "run", "settings", "pools", "approvals", "size", "role", "command", "env", "stop"]
)


def spelled(value: object) -> str:
    """Spell a value as TOML on one line."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value)
        case list():
            return f"[{', '.join(spelled(item) for item in value)}]"
        case dict():
            pairs = ", ".join(f"{json.dumps(key)} = {spelled(item)}" for key, item in value.items())
            return f"{{{pairs}}}"
        case _:
            return str(value)


def hold_printable(problems: tuple[str, ...]) -> None:
    assert problems
    for problem in problems:
        assert problem.startswith("fuzz.toml:")
        assert problem.isprintable()
        assert len(problem) < 2000


def team_or_problems(text: str) -> TeamSpec | tuple[str, ...]:
    """Parse and hold what every outcome must keep."""
    try:
        team = parse_profile(text, "fuzz.toml", adapters=())
    except ProfileInvalid as error:
        hold_printable(error.problems)
        return error.problems
    names = [name for pool in team.pools for name in pool.agent_names]
    assert len(names) == len(set(names)) <= 200
    assert all(NAME_PATTERN.match(name) and name not in RESERVED_NAMES for name in names)
    return team


@given(st.text())
@example("\0")
@example("[" * 3000)
@example("a." * 3000 + "b = 1")
def test_any_text_is_a_team_or_problems(text: str) -> None:
    team_or_problems(text)


@given(st.lists(TOKENS, max_size=60).map("".join))
@settings(max_examples=300)
def test_any_pieces_of_toml_are_a_team_or_problems(text: str) -> None:
    team_or_problems(text)


@given(
    start=st.integers(0, len(SAMPLE)),
    length=st.integers(0, 80),
    inserted=st.lists(TOKENS, max_size=4).map("".join),
)
@settings(max_examples=300)
def test_any_damage_to_a_good_profile_is_a_team_or_problems(start: int, length: int, inserted: str) -> None:
    team_or_problems(SAMPLE[:start] + inserted + SAMPLE[start + length :])


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.dictionaries(KEYS, VALUES, max_size=8))
@settings(max_examples=300)
def test_any_values_under_known_keys_are_a_team_or_problems(
    top: dict[str, Any], pool: dict[str, Any]
) -> None:
    lines = [f"{key} = {spelled(value)}" for key, value in top.items() if key != "pools"]
    lines += ["[[pools]]", *(f"{key} = {spelled(value)}" for key, value in pool.items())]

    team_or_problems("\n".join(lines))


def test_the_unbroken_sample_is_a_team() -> None:
    assert isinstance(team_or_problems(SAMPLE), TeamSpec)
