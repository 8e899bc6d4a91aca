"""The longest functions: exactly for Python, by braces for the languages that have them."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from typing import Any, Final

from analyses.analysis import Analysis
from analyses.braces import brace_functions
from findings import Findings
from languages import BRACES
from spelling import clipped, spell, unspell
from tree import Entry

LONG: Final = 60
"""A function over this many lines counts as long."""

UNPARSABLE: Final = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python raises on a text that it cannot read as a module."""

_METHOD: Final = (
    "Python: the syntax tree, from the line of `def` to the last line of the body, decorators not "
    "counted. Languages with braces: a heuristic that blanks strings and comments, then matches the "
    "braces after what looks like a function's head; macros and regular expressions can mislead it. "
    f"Long is over {LONG} lines."
)


class Functions(Analysis):
    """Measures every function in lines and keeps the longest."""

    label = "functions"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.lengths: dict[int, int] = {}
        self.by_language: dict[str, int] = {}
        self.longest: list[tuple[int, bytes, int, str, str]] = []
        self.unparsed = 0

    def chosen(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.tree.entries if is_measured(entry))

    def take(self, index: int) -> None:
        entry = self.entries[index]
        content = self.text_of(entry)
        if content is None:
            return
        try:
            found = list(functions_in(content, entry.language))
        except UNPARSABLE:
            self.unparsed += 1
            return
        for name, line, length in found:
            self.lengths[length] = self.lengths.get(length, 0) + 1
            self.by_language[entry.language] = self.by_language.get(entry.language, 0) + 1
            self.longest.append((length, entry.path, line, name, entry.language))
        if len(self.longest) > 1000:
            self._keep_longest()

    def findings(self) -> Findings:
        self._keep_longest()
        rows = [
            {"path": spell(path), "line": line, "name": name, "lines": length, "language": language}
            for length, path, line, name, language in self.longest
        ]
        left_out = self.left_out()
        if self.unparsed:
            left_out.append(f"{self.unparsed} files could not be parsed")
        return Findings(
            label=self.label,
            method=_METHOD,
            figures=self.coverage() | self._figures(),
            evidence=rows[: self.effort.rows],
            left_out=left_out,
            details=rows,
        )

    def _figures(self) -> dict[str, Any]:
        count = sum(self.lengths.values())
        over = sum(number for length, number in self.lengths.items() if length > LONG)
        return {
            "functions": count,
            "longest": max(self.lengths, default=0),
            "median": _middle(self.lengths, count),
            "long": over,
            "long_percent": round(100 * over / count, 1) if count else 0.0,
            "unparsed_files": self.unparsed,
            "by_language": self.by_language,
        }

    def learning(self) -> dict[str, Any]:
        self._keep_longest()
        return {
            "lengths": sorted(self.lengths.items()),
            "by_language": self.by_language,
            "longest": [[length, spell(path), *rest] for length, path, *rest in self.longest],
            "unparsed": self.unparsed,
        }

    def relearn(self, learnt: dict[str, Any]) -> None:
        self.lengths = dict(map(tuple, learnt["lengths"]))
        self.by_language = dict(learnt["by_language"])
        self.longest = [
            (length, unspell(path), line, name, language)
            for length, path, line, name, language in learnt["longest"]
        ]
        self.unparsed = int(learnt["unparsed"])

    def _keep_longest(self) -> None:
        self.longest.sort(key=lambda item: (-item[0], item[1], item[2]))
        del self.longest[200:]


def is_measured(entry: Entry) -> bool:
    """Tell whether functions can be found in this file."""
    return entry.language in BRACES or entry.language == "Python"


def functions_in(content: bytes, language: str) -> Iterator[tuple[str, int, int]]:
    """Yield name, first line and length of each function; raise SyntaxError for Python that is none."""
    if language == "Python":
        yield from _python_functions(content)
    else:
        yield from brace_functions(content.decode("utf-8", "replace"), language)


def parsed(content: bytes) -> ast.Module:
    """Parse Python without its warnings about odd but legal code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(content)


def _python_functions(content: bytes) -> Iterator[tuple[str, int, int]]:
    for node in ast.walk(parsed(content)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            end = node.end_lineno or node.lineno
            yield clipped(node.name.encode("utf-8", "replace"), 60), node.lineno, end - node.lineno + 1


def _middle(lengths: dict[int, int], count: int) -> int:
    seen = 0
    for length in sorted(lengths):
        seen += lengths[length]
        if 2 * seen >= count:
            return length
    return 0
