from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.contender import Outcome, measured
from benchmarks.script import Script, parameter_names, read_script
from benchmarks.store import middle, times


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("SELECT 1", ()),
        ("SELECT :a, :b, :a", ("a", "b")),
        ("SELECT ':no', ':it''s' || :yes -- :not here\n, :after", ("yes", "after")),
    ],
)
def test_parameters_are_listed_as_sqlite_numbers_them(statement: str, names: tuple[str, ...]) -> None:
    assert parameter_names(statement) == names


def test_a_script_is_read_as_it_was_written(tmp_path: Path) -> None:
    script = Script(
        statements=["SELECT ?", "SELECT ?, ?"],
        operations=[[(0, (None,)), (1, (-(2**63), "größer"))], [], [(1, (0.1, ""))]],
    )
    script.write(tmp_path / "script")

    assert read_script(tmp_path / "script") == script
    assert list(script.calls(1)) == [[("SELECT ?", (None,)), ("SELECT ?, ?", (-(2**63), "größer"))]]


async def test_every_turn_of_every_caller_is_counted() -> None:
    left = [3, 5]

    async def turn(caller: int) -> bool:
        left[caller] -= 1
        return left[caller] >= 0

    assert (await measured(2, turn)).operations == 8


def test_the_middle_outcome_is_one_that_was_measured() -> None:
    outcomes = [
        Outcome(operations=n, seconds=1.0, cpu_seconds=0.5, p50_ms=0.0, p99_ms=0.0) for n in (5, 1, 3)
    ]

    assert middle(outcomes).per_second == 3


@pytest.mark.parametrize(
    ("ratio", "words"), [(0.424, "42 %"), (1.0, "1.0 times"), (2.94, "2.9 times"), (1234.5, "1,234 times")]
)
def test_a_ratio_below_one_is_a_share(ratio: float, words: str) -> None:
    assert times(ratio) == words
