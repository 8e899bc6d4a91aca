"""How much of the code is tests, and which code no test speaks of."""

from __future__ import annotations

import re
from typing import Any, Final

from analyses.analysis import Analysis
from findings import Findings, Row
from languages import CODE
from spelling import spell
from tree import Entry

_TEST_PATH: Final = re.compile(
    rb"(?:^|/)(?:tests?|testing|__tests__|spec|specs|e2e)/"
    rb"|(?:^|/)(?:test_[^/]*|conftest)\.py$|_tests?\.(?:py|go|rb|c|cc|cpp|exs|rs)$"
    rb"|\.(?:test|spec)\.[cm]?[jt]sx?$|(?:Test|Tests|Spec|IT)\.(?:java|kt|scala|cs|php|swift)$|_spec\.rb$"
)
_CASES: Final = {
    "Python": re.compile(rb"^\s*(?:async\s+)?def\s+test\w*\s*\(", re.MULTILINE),
    "Go": re.compile(rb"^func\s+Test\w*\s*\(", re.MULTILINE),
    "Rust": re.compile(rb"#\[(?:\w+::)?test\b"),
    "Java": re.compile(rb"@Test\b"),
    "Kotlin": re.compile(rb"@Test\b"),
    "JavaScript": re.compile(rb"^\s*(?:it|test)(?:\.\w+)?\s*\(", re.MULTILINE),
    "TypeScript": re.compile(rb"^\s*(?:it|test)(?:\.\w+)?\s*\(", re.MULTILINE),
    "Ruby": re.compile(rb"^\s*(?:it\s+[\"']|def\s+test_)", re.MULTILINE),
}
_DULL: Final = frozenset(b"__init__ __main__ index main mod lib setup conf config types version".split())
_SMALLEST: Final = 20
_METHOD: Final = (
    "A file of code is a test by its path: a directory `test`, `tests`, `testing`, `__tests__`, `spec`,"
    " `specs`, `e2e`, or a name such as `test_x.py`, `x_test.go`, `x.spec.ts`, `XTest.java`. Lines are "
    "newline bytes. The ratio is test lines per line of other code. A file is unmentioned if its name "
    "without extension occurs as a word in no test file; names that say nothing (`__init__`, `main`, …)"
    f" and files under {_SMALLEST} lines are not judged."
)


class TestRatio(Analysis):
    """Adds up lines of tests and of other code, and gathers the words that tests use."""

    __test__ = False
    label = "tests"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.tests = [0, 0]
        self.code = [0, 0]
        self.cases = 0
        self.lines_of: dict[bytes, int] = {}
        self.wanted = {_stem(entry.path) for entry in self.entries if not is_test(entry.path)} - _DULL
        self.mentioned: set[bytes] = set()

    def chosen(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.tree.entries if entry.language in CODE)

    def take(self, index: int) -> None:
        entry = self.entries[index]
        content = self.text_of(entry)
        if content is None:
            return
        lines = content.count(b"\n")
        if pattern := _CASES.get(entry.language):
            self.cases += sum(1 for _ in pattern.finditer(content))
        if not is_test(entry.path):
            self.code = [self.code[0] + 1, self.code[1] + lines]
            self.lines_of[entry.path] = lines
            return
        self.tests = [self.tests[0] + 1, self.tests[1] + lines]
        words = set(re.findall(rb"\w+", content)) | set(re.findall(rb"\w+", entry.path))
        stem = _stem(entry.path)
        words |= {stem, stem.removeprefix(b"test_"), re.sub(rb"(?:_test|_spec|Tests?|Spec)$", b"", stem)}
        self.mentioned |= words & self.wanted

    def findings(self) -> Findings:
        judged = [
            path for path, lines in self.lines_of.items() if lines >= _SMALLEST and _stem(path) in self.wanted
        ]
        unmentioned = [path for path in judged if _stem(path) not in self.mentioned]
        rows: list[Row] = [
            {"path": spell(path), "lines": self.lines_of[path]}
            for path in sorted(unmentioned, key=lambda path: (-self.lines_of[path], path))
        ]
        return Findings(
            label=self.label,
            method=_METHOD,
            figures=self.coverage() | self._figures(len(judged), len(unmentioned)),
            evidence=rows[: self.effort.rows],
            left_out=self.left_out(),
            details=rows,
        )

    def _figures(self, judged: int, unmentioned: int) -> dict[str, Any]:
        return {
            "test_files": self.tests[0],
            "test_lines": self.tests[1],
            "code_files": self.code[0],
            "code_lines": self.code[1],
            "ratio": round(self.tests[1] / self.code[1], 2) if self.code[1] else 0.0,
            "test_cases": self.cases,
            "judged_files": judged,
            "unmentioned_files": unmentioned,
        }


def is_test(path: bytes) -> bool:
    """Tell by the path whether a file is a test."""
    return _TEST_PATH.search(path) is not None


def _stem(path: bytes) -> bytes:
    return path.rpartition(b"/")[2].partition(b".")[0]
