"""Blocks of code that stand in more than one place."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterator
from typing import Any, Final

from analyses.analysis import Analysis
from findings import Findings, Row
from languages import CODE
from spelling import spell
from tree import Entry

WINDOW: Final = 6
BUCKETS: Final = 256
LONGEST_LINE: Final = 500
_PLACE_BITS: Final = 24
_COMMENT: Final = (b"#", b"//", b"/*", b"*", b"--", b";", b"%")
_WORD: Final = re.compile(rb"\w")
_METHOD: Final = (
    "Code files; lines are compared without indentation, with white space run together; blank lines, "
    f"lines of comments only, lines without a letter or digit and lines over {LONGEST_LINE} bytes do not"
    f" count. A line is duplicated if it lies in a run of at least {WINDOW} such lines that also stands "
    "elsewhere. A block is such a run and the first place where it stands."
)
Block = tuple[int, int, int]


class Duplicates(Analysis):
    """Hashes every window of six lines and joins windows that occur twice into blocks."""

    label = "duplicates"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.lines = 0
        self.windows = 0
        self.skipped_windows = 0
        self.buckets = [(array("Q"), array("Q")) for _ in range(BUCKETS)]

    def chosen(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.tree.entries if entry.language in CODE)

    def take(self, index: int) -> None:
        content = self.text_of(self.entries[index])
        if content is None:
            return
        marks = [_hashed(line) for _, line in telling_lines(content)]
        self.lines += len(marks)
        count = max(0, len(marks) - WINDOW + 1)
        if self.windows + count > self.effort.windows:
            self.skipped_windows += count
            return
        self.windows += count
        for start in range(count):
            key = hash(tuple(marks[start : start + WINDOW])) & 0xFFFF_FFFF_FFFF_FFFF
            hashes, places = self.buckets[key % BUCKETS]
            hashes.append(key)
            places.append(index << _PLACE_BITS | start)

    def findings(self) -> Findings:
        firsts = self._firsts()
        runs = list(_runs(firsts))
        covered = _covered(firsts)
        rows = self._rows(sorted(runs, key=lambda run: (-run[2], run)), 4 * self.effort.rows)
        duplicated = sum(covered.values())
        return Findings(
            label=self.label,
            method=_METHOD,
            figures=self.coverage()
            | {
                "code_lines": self.lines,
                "duplicated_lines": duplicated,
                "duplicated_percent": round(100 * duplicated / self.lines, 1) if self.lines else 0.0,
                "blocks": len(runs),
                "longest_block": max((run[2] for run in runs), default=0),
                "files": len(covered),
            },
            evidence=rows[: self.effort.rows],
            left_out=self.left_out(),
            details=rows,
        )

    def left_out(self) -> list[str]:
        """Say also which files were too many to compare."""
        more = []
        if self.skipped_windows:
            more.append(f"{self.skipped_windows} runs of {WINDOW} lines: not compared, to bound memory")
        return super().left_out() + more

    def _firsts(self) -> dict[int, int]:
        """Map each place whose window stands elsewhere too to the first place of that window."""
        firsts: dict[int, int] = {}
        for hashes, places in self.buckets:
            first: dict[int, int] = {}
            for key, place in zip(hashes, places, strict=True):
                start = first.setdefault(key, place)
                if start != place:
                    firsts[place] = firsts[start] = start
        return firsts

    def _rows(self, runs: list[Block], most: int) -> list[Row]:
        """Describe the longest runs, each checked by reading both places again."""
        rows: list[Row] = []
        for place, origin, length in runs:
            here, there = self._lines_at(place, length), self._lines_at(origin, length)
            if here and there and [text for _, text in here] == [text for _, text in there]:
                rows.append(
                    {
                        "lines": length,
                        "path": spell(self.entries[place >> _PLACE_BITS].path),
                        "line": here[0][0],
                        "last": here[-1][0],
                        "other": spell(self.entries[origin >> _PLACE_BITS].path),
                        "other_line": there[0][0],
                        "other_last": there[-1][0],
                    }
                )
            if len(rows) == most:
                break
        return rows

    def _lines_at(self, place: int, length: int) -> list[tuple[int, bytes]]:
        content = self.tree.text(self.entries[place >> _PLACE_BITS].path)
        start = place & (1 << _PLACE_BITS) - 1
        return list(telling_lines(content or b""))[start : start + length]


def telling_lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and normalised text of each line that counts for a comparison."""
    for number, line in enumerate(content.split(b"\n"), 1):
        if len(line) > LONGEST_LINE:
            continue
        text = b" ".join(line.split())
        if text and not text.startswith(_COMMENT) and _WORD.search(text):
            yield number, text


def _runs(firsts: dict[int, int]) -> Iterator[Block]:
    """Yield place, first place and length in lines of each maximal run of repeated windows."""
    start = origin = length = -1
    for place in sorted(firsts):
        first = firsts[place]
        if first == place:
            continue
        if length > 0 and place == start + length and first == origin + length:
            length += 1
            continue
        if length > 0:
            yield from _run(start, origin, length)
        start, origin, length = place, first, 1
    if length > 0:
        yield from _run(start, origin, length)


def _covered(firsts: dict[int, int]) -> dict[int, int]:
    """Return per file how many of its lines lie in repeated windows."""
    covered: dict[int, int] = {}
    end = -1
    for place in sorted(firsts):
        file = place >> _PLACE_BITS
        new = place + WINDOW - max(place, end)
        covered[file] = covered.get(file, 0) + new
        end = place + WINDOW
    return covered


def _run(start: int, origin: int, windows: int) -> Iterator[Block]:
    """Yield the run unless it only overlaps itself, as in a long list of equal lines."""
    length = windows + WINDOW - 1
    if start >> _PLACE_BITS != origin >> _PLACE_BITS or start - origin >= length:
        yield start, origin, length


def _hashed(line: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(line, digest_size=8).digest())
