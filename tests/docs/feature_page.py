"""Reading docs/features.md: its rows, the tests that they name, and what is wrong with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "features.md"

LATER: Final = frozenset({"supervision", "real agents", "terminal UI"})
"""The parts of the work that features wait for."""

IDS: Final = (
    *(f"A{number}" for number in range(1, 29)),
    *(f"B{number}" for number in range(1, 30)),
    *(f"C{number}" for number in range(1, 20)),
    *(f"D{number}" for number in range(1, 35)),
    *(f"E{number}" for number in range(1, 43)),
    "E42b",
    *(f"E{number}" for number in range(43, 49)),
)
"""Every promise of the five systems, in the order of the page."""

_ROW: Final = re.compile(
    r"^\| (?P<id>[A-E]\d+b?) \| (?P<what>[^|]+) \| (?P<how>[^|]+) \| (?P<shown>[^|]+) \|$"
)
_TEST: Final = re.compile(r"`([\w/]+\.py::\w+)`")
_LATER: Final = re.compile(r"later: ([A-Za-z ]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One promise: which tests show it, by node id, and what it still waits for."""

    id: str
    tests: tuple[str, ...]
    later: tuple[str, ...]


def rows_of(page: str) -> tuple[Row, ...]:
    """Return the rows of the page's tables."""
    return tuple(
        Row(
            id=found["id"],
            tests=tuple(f"tests/{each}" for each in _TEST.findall(found["shown"])),
            later=tuple(each.strip() for each in _LATER.findall(found["shown"])),
        )
        for found in map(_ROW.match, page.splitlines())
        if found is not None
    )


def counted(rows: Collection[Row]) -> str:
    """Say how many promises are kept, in the words of the page."""
    whole = sum(bool(row.tests) and not row.later for row in rows)
    part = sum(bool(row.tests) and bool(row.later) for row in rows)
    return f"{whole} of {len(rows)} work, {part} work in part, {len(rows) - whole - part} come later"


def wrong_rows(rows: Collection[Row], ids: Collection[str] = IDS) -> Iterator[str]:
    """Say which promises are missing, told twice, or neither shown nor put off."""
    told = [row.id for row in rows]
    for each in ids:
        if told.count(each) != 1:
            yield f"{each} stands there {told.count(each)} times"
    if told == list(dict.fromkeys(told)) and set(told) == set(ids) and told != list(ids):
        yield "the rows are not in order"
    for row in rows:
        if row.id not in ids:
            yield f"{row.id} is no promise"
        if not row.tests and not row.later:
            yield f"{row.id} names no test and does not say what it waits for"
        for each in row.later:
            if each not in LATER:
                yield f"{row.id} waits for `{each}`, which is no part of the work"


def missing_tests(rows: Collection[Row], root: Path = ROOT) -> Iterator[str]:
    """Say which rows name a test that does not exist."""
    for row in rows:
        for test in row.tests:
            file, _, name = test.partition("::")
            if name not in tests_in(root / file):
                yield f"{row.id} names {test}, which does not exist"


@cache
def tests_in(file: Path) -> frozenset[str]:
    """Return the names of the tests of a file; none if there is no such file."""
    if not file.exists():
        return frozenset()
    body = ast.parse(file.read_text(encoding="utf-8")).body
    functions = (each for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(each.name for each in functions if each.name.startswith("test_"))


def failed_tests(rows: Collection[Row], selected: Collection[str], ended: Mapping[str, str]) -> Iterator[str]:
    """Say which rows name a test that this session selected and that did not pass in it."""
    for row in rows:
        for test in row.tests:
            outcome = ended.get(test, "not run")
            if test in selected and outcome != "passed":
                yield f"{row.id} names {test}: {outcome}"
