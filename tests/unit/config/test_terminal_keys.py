"""What a profile says about agents at a terminal, and what is wrong with it."""

from __future__ import annotations

import pytest

from supervisor.config.parse import parse_profile
from supervisor.errors import ProfileInvalid
from supervisor.model.screen import ScreenPatterns, TerminalSpec

HEAD = 'name = "t"\n[[pools]]\nname = "p"\nrole = "worker"\ncommand = ["tui"]\n'


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ProfileInvalid) as caught:
        parse_profile(HEAD + text, "t.toml")
    return caught.value.problems


def test_size_keys_and_patterns_reach_the_pool() -> None:
    team = parse_profile(
        HEAD
        + 'adapter = "pty"\n[pools.terminal]\nrows = 30\nquiet_s = 2.5\n'
        + 'interrupt_keys = ["ctrl+c"]\npaste = false\n'
        + "[pools.patterns]\ndone = '^> $'\n",
        "t.toml",
    )
    (pool,) = team.pools
    assert pool.terminal == TerminalSpec(rows=30, quiet_s=2.5, interrupt_keys=("ctrl+c",), paste=False)
    assert pool.patterns == ScreenPatterns(done="^> $")
    assert pool.patterns.given() == {"done": "^> $"}


def test_what_is_left_out_has_our_defaults() -> None:
    (pool,) = parse_profile(HEAD, "t.toml").pools
    assert (pool.terminal, pool.patterns) == (TerminalSpec(), ScreenPatterns())


@pytest.mark.parametrize("pattern", ["(", "[a", "(?P<x>a)(?P<x>b)", "a{2,1}"])
def test_a_pattern_that_is_none_is_told_with_its_place(pattern: str) -> None:
    (problem,) = problems_of(f"adapter = \"pty\"\n[pools.patterns]\nask = '{pattern}'\n")
    assert "patterns.ask: is no regular expression: " in problem


@pytest.mark.parametrize("adapter", ["", 'adapter = "command"\n', 'agent = "claude"\n'])
def test_they_are_refused_where_nobody_reads_them(adapter: str) -> None:
    told = problems_of(adapter + "[pools.terminal]\nrows = 30\n[pools.patterns]\ndone = 'x'\n")
    assert [line.split(": ", 1)[1] for line in told] == [
        'pools.p.terminal: is read only with `adapter = "pty"`',
        'pools.p.patterns: is read only with `adapter = "pty"`',
    ]


@pytest.mark.parametrize(
    "line", ["rows = 0", "columns = 9999", "quiet_s = -1", 'allow_keys = [""]', "colour = 1"]
)
def test_a_value_out_of_bounds_is_told(line: str) -> None:
    assert len(problems_of(f'adapter = "pty"\n[pools.terminal]\n{line}\n')) == 1
