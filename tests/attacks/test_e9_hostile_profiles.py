"""E9: a profile is TOML within limits; what tries to exhaust the parser is refused in under 100 ms."""

from __future__ import annotations

import os
import time
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from supervisor.config.parse import PROFILE_MAX, parse_profile
from supervisor.config.profile import load_profile
from supervisor.errors import ProfileInvalid

DEADLINE_S = 0.1
YARDSTICK_S = 0.005
TRIES = 3
POOL = "[[pools]]\nname = 'p{number}'\nrole = 'worker'\ncommand = ['true', '{{agent}}']\ntags = ['a', 'b']\n"
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
    """Measure what `work` costs, whatever else the machine does; the cheapest of a few tries."""
    costs = []
    for _ in range(TRIES):
        start = time.process_time()
        work()
        costs.append(time.process_time() - start)
    return min(costs)


@pytest.fixture(scope="module")
def deadline_s() -> float:
    """Return 100 ms of the measured machine; a slower one, or a traced run, gets as many times more."""
    pools = "".join(POOL.format(number=number) for number in range(100))
    yardstick = cpu_seconds(lambda: parse_profile(f"name = 't'\n{pools}", "yardstick.toml"))
    return DEADLINE_S * max(1.0, yardstick / YARDSTICK_S)


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(ProfileInvalid) as caught:
        parse_profile(text, "bomb.toml")
    return caught.value.problems


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_quickly_and_in_few_words(bomb: str, deadline_s: float) -> None:
    problems = refused(BOMBS[bomb])

    assert cpu_seconds(lambda: refused(BOMBS[bomb])) < deadline_s
    assert all(problem.startswith("bomb.toml:") and problem.isprintable() for problem in problems)
    assert sum(map(len, problems)) < 50_000


def test_canary_without_limits_the_parser_alone_is_exhausted() -> None:
    with pytest.raises(RecursionError):
        tomllib.loads(BOMBS["deep arrays"])

    small, large = (cpu_seconds(partial(tomllib.loads, "a." * size + "a = 1")) for size in (500, 2000))
    assert large > 7 * small  # four times the text costs far more than four times the work


def test_unknown_keys_fail() -> None:
    assert refused("nmae = 1\n")[0] == "bomb.toml:1: nmae: unknown key; did you mean `name`?"


def test_an_endless_file_is_read_no_further_than_the_limit() -> None:
    with pytest.raises(Exception, match="is no plain file"):
        load_profile("/dev/../dev/zero")


def test_a_pipe_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.toml", 0o600)

    with pytest.raises(Exception, match="is no plain file"):
        load_profile(str(tmp_path / "t.toml"))
