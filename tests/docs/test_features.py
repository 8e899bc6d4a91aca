"""The page of features names every promise of the five systems once, with tests that exist and passed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.docs.feature_page import IDS, PAGE, ROOT, counted, failed_tests, missing_tests, rows_of, wrong_rows
from tests.outcomes import ASKED_AT_THE_END, Outcomes

TEXT: Final = PAGE.read_text(encoding="utf-8")
ROWS: Final = rows_of(TEXT)


def test_every_promise_stands_on_the_page_once() -> None:
    assert list(wrong_rows(ROWS)) == []
    assert len(IDS) == 159


def test_every_named_test_exists() -> None:
    assert list(missing_tests(ROWS)) == []


def test_the_page_counts_right() -> None:
    assert counted(ROWS) in TEXT


def test_every_named_test_that_was_chosen_passed_in_this_very_session(
    outcomes: Outcomes, looked_up: Callable[[str], None]
) -> None:
    if outcomes.is_part:
        assert "tests/docs/test_features.py" in ASKED_AT_THE_END  # tests/conftest.py asks for all parts
        return
    named = {test for row in ROWS for test in row.tests}
    chosen = named & outcomes.selected
    looked_up(
        f"{len(chosen)} of the {len(named)} tests that docs/features.md names ran in this session"
        + ("" if chosen == named else "; that the others exist was looked up, nothing more")
    )
    assert list(failed_tests(ROWS, outcomes.selected, outcomes.ended)) == []


GOOD: Final = """\
| A1 | a promise | kept by `this` | `unit/test_a.py::test_one`, `unit/test_a.py::test_two` |
| A2 | another | not yet | later: supervision |
| A3 | a third | half of it | `unit/test_a.py::test_one`; later: real agents |
"""
THREE: Final = ("A1", "A2", "A3")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "tests/unit").mkdir(parents=True)
    (tmp_path / "tests/unit/test_a.py").write_text("def test_one(): ...\nasync def test_two(): ...\n")
    return tmp_path


def test_a_good_page_has_nothing_wrong(house: Path) -> None:
    rows = rows_of(GOOD)

    assert list(wrong_rows(rows, THREE)) == []
    assert list(missing_tests(rows, house)) == []
    assert counted(rows) == "1 of 3 work, 1 work in part, 1 come later"


@pytest.mark.parametrize(
    ("was", "instead", "told"),
    [
        ("| A2 |", "| A1 |", "A1 stands there 2 times"),
        ("| A2 |", "| A9 |", "A2 stands there 0 times"),
        ("| A2 |", "| A9 |", "A9 is no promise"),
        ("later: supervision", "soon", "A2 names no test and does not say what it waits for"),
        ("later: supervision", "later: some day", "A2 waits for `some day`, which is no part of the work"),
    ],
)
def test_canary_a_page_that_leaves_out_or_makes_up_is_noticed(was: str, instead: str, told: str) -> None:
    assert told in list(wrong_rows(rows_of(GOOD.replace(was, instead)), THREE))


def test_canary_a_page_in_another_order_is_noticed() -> None:
    first, *others = GOOD.splitlines()

    assert list(wrong_rows(rows_of("\n".join([*others, first])), THREE)) == ["the rows are not in order"]


@pytest.mark.parametrize("test", ["unit/test_a.py::test_three", "unit/test_b.py::test_one"])
def test_canary_a_page_that_names_a_test_that_does_not_exist_is_noticed(house: Path, test: str) -> None:
    rows = rows_of(GOOD.replace("unit/test_a.py::test_two", test))

    assert list(missing_tests(rows, house)) == [f"A1 names tests/{test}, which does not exist"]


@pytest.mark.parametrize("outcome", ["failed", "skipped", "not run"])
def test_canary_a_page_that_names_a_test_that_did_not_pass_is_noticed(outcome: str) -> None:
    one, two = "tests/unit/test_a.py::test_one", "tests/unit/test_a.py::test_two"
    ended = {one: "passed", two: outcome} if outcome != "not run" else {one: "passed"}

    assert list(failed_tests(rows_of(GOOD), {one, two}, ended)) == [f"A1 names {two}: {outcome}"]
    assert list(failed_tests(rows_of(GOOD), {one}, ended)) == []


SAMPLE: Final = """
import json, pathlib, pytest

def test_asks(outcomes):
    pathlib.Path("told.json").write_text(json.dumps([sorted(outcomes.selected), outcomes.ended]))

def test_passes(): ...
def test_fails(): assert False

@pytest.mark.parametrize("number", [1, 2, 3])
def test_fails_once(number): assert number != 2

@pytest.fixture
def broken():
    yield
    raise ValueError

def test_fails_at_its_end(broken): ...

@pytest.mark.skip
def test_is_left_out(): ...
"""


def test_what_came_of_each_test_is_known_to_the_one_that_asks_last(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.outcomes import Outcomes\n"
        "def pytest_configure(config): config.pluginmanager.register(Outcomes())\n"
    )
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_sample.py"]
    ran = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    selected, ended = json.loads((tmp_path / "told.json").read_text())

    assert ran.returncode == 1, ran.stdout
    assert len(selected) == 6
    assert {test.partition("::")[2]: outcome for test, outcome in ended.items()} == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_fails_once": "failed",
        "test_fails_at_its_end": "failed",
        "test_is_left_out": "skipped",
        "test_asks": "passed",
    }
