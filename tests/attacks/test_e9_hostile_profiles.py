"""E9: a profile is TOML within limits; what tries to exhaust the parser is refused in under 100 ms."""

from __future__ import annotations

import os
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.config import locator
from supervisor.config.parse import PROFILE_MAX, parse_profile
from supervisor.config.profile import load_profile
from supervisor.errors import ProfileInvalid

DEADLINE_S = 0.1
TRIES = 3
ROOM = PROFILE_MAX - 100

BOMBS: dict[str, str] = {
    "an alias bomb in YAML": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
    "a tag of YAML": 'name: !!python/object/apply:os.system ["touch canary"]\n',
    "a tag in TOML": "name = !!python/object:os.system\n",
    "JSON": '{"name": "t", "pools": []}',
    "duplicate keys": "name = 'a'\n" * 9000,
    "duplicate tables": "[run]\n" * 9000,
    "deep arrays": "a = " + "[" * ROOM,
    "deep tables": "a = " + "{a = " * (ROOM // 5),
    "deep dotted keys": "a." * (ROOM // 2) + "a = 1",
    "a deep header": "[" + "a." * (ROOM // 2) + "a]",
    "many headers": "".join(f"[a{n}.b.c.d.e.f.g.h]\n" for n in range(ROOM // 24)),
    "many keys": "".join(f"a{n} = 1\n" for n in range(ROOM // 12)),
    "many unknown keys": "".join(f"a{n} = 1\n" for n in range(9000)),
    "many pools": "[[pools]]\n" * (ROOM // 10),
    "a long array": "a = [" + "1," * (ROOM // 2 - 10) + "]",
    "a long number": "a = " + "9" * ROOM,
    "a long hexadecimal": "a = 0x" + "f" * ROOM,
    "a string without end": 'a = """' + '\\"' * (ROOM // 2 - 10),
    "a long key": "a" * ROOM + " = 1",
    "a long quoted key": '"' + "\\u0061" * (ROOM // 6 - 10) + '" = 1',
    "only newlines": "\n" * ROOM,
    "only comments": "#\n" * (ROOM // 2),
    "only spaces": "a =" + " " * ROOM,
    "control characters": "\x01" * ROOM,
    "too long": "#" * (PROFILE_MAX + 1),
}


def cpu_seconds(work: Callable[[], object]) -> float:
    """Measure what `work` costs, whatever else the machine does; the cheapest of three tries."""
    costs = [DEADLINE_S]
    while costs[-1] >= DEADLINE_S and len(costs) <= TRIES:
        start = time.process_time()
        work()
        costs.append(time.process_time() - start)
    return costs[-1]


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(ProfileInvalid) as caught:
        parse_profile(text, "bomb.toml")
    return caught.value.problems


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_quickly_and_in_few_words(bomb: str) -> None:
    problems = refused(BOMBS[bomb])

    assert cpu_seconds(lambda: refused(BOMBS[bomb])) < DEADLINE_S
    assert all(problem.startswith("bomb.toml:") and problem.isprintable() for problem in problems)
    assert sum(map(len, problems)) < 50_000


def test_canary_without_limits_the_parser_alone_is_exhausted(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecursionError):
        tomllib.loads(BOMBS["deep arrays"])

    monkeypatch.setattr(locator, "DEPTH_MAX", 10**9)
    monkeypatch.setattr(locator, "ENTRIES_MAX", 10**9)
    assert cpu_seconds(lambda: refused("a." * 6_000 + "a = 1")) > DEADLINE_S


def test_unknown_keys_fail() -> None:
    assert refused("nmae = 1\n")[0] == "bomb.toml:1: nmae: unknown key; did you mean `name`?"


def test_an_endless_file_is_read_no_further_than_the_limit() -> None:
    with pytest.raises(Exception, match="is no plain file"):
        load_profile("/dev/../dev/zero")


def test_a_pipe_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.toml", 0o600)

    with pytest.raises(Exception, match="is no plain file"):
        load_profile(str(tmp_path / "t.toml"))
