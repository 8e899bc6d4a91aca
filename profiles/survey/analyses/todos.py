"""Marks that somebody left for later, and how long they have been waiting."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any, Final

from analyses.analysis import Analysis
from analyses.blame import line_times
from findings import Findings, Row
from spelling import clipped, spell, unspell

MARKERS: Final = ("TODO", "FIXME", "XXX", "HACK")
MARK: Final = re.compile(rb"(?<![0-9A-Za-z_])(?:TODO|FIXME|XXX|HACK)(?![0-9A-Za-z_])")
DAY: Final = 86_400
OLD_DAYS: Final = 365
MOST_KEPT: Final = 5_000
"""Marks beyond this many are counted but not dated."""

_METHOD: Final = (
    "A mark is a line of a text file with one of the words TODO, FIXME, XXX, HACK (`grep -wE`). Its age"
    " is that of the line's last change by `git blame HEAD`; for a line that is not committed, or "
    f"without git, it is the file's modification time instead. Old is over {OLD_DAYS} days."
)
Mark = tuple[int, str, str]


class Todos(Analysis):
    """Counts the marks file by file, then dates them, files with most marks first."""

    label = "todos"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.now = time.time()
        self.lines = 0
        self.by_word: Counter[str] = Counter()
        self.marks: dict[bytes, list[Mark]] = {}
        self.kept = 0
        self.dated: list[Row] = []
        self._changed = {entry.path: entry.changed_at for entry in self.entries}
        self._order: list[bytes] = []

    @property
    def total(self) -> int:
        return len(self.entries) + self._files_to_date()

    def take(self, index: int) -> None:
        if index >= len(self.entries):
            self._date(index - len(self.entries))
            return
        entry = self.entries[index]
        content = self.text_of(entry)
        if content is None or not MARK.search(content):
            return
        for number, line in enumerate(content.split(b"\n"), 1):
            found = MARK.search(line)
            if not found:
                continue
            self.lines += 1
            self.by_word.update({word.decode() for word in MARK.findall(line)})
            if self.kept < MOST_KEPT:
                self.kept += 1
                mark = (number, found[0].decode(), clipped(line.strip(), 100))
                self.marks.setdefault(entry.path, []).append(mark)

    def findings(self) -> Findings:
        rows = sorted(self.dated, key=lambda row: (-row["days"], row["path"], row["line"]))
        return Findings(
            label=self.label,
            method=_METHOD,
            figures=self.coverage() | self._figures(rows),
            evidence=rows[: self.effort.rows],
            left_out=self.left_out(),
            details=rows,
        )

    def coverage(self) -> dict[str, Any]:
        """Count files read and, as parts too, the marks that were dated."""
        read = min(self.position, len(self.entries))
        return {
            "tree": self.tree.digest,
            "parts": len(self.entries) + self.lines,
            "parts_done": read + len(self.dated),
        }

    def left_out(self) -> list[str]:
        """Say also how many marks could not be dated."""
        undated = self.lines - len(self.dated)
        more = [f"{undated} of {self.lines} marks: counted, but not dated"] if undated else []
        return super().left_out() + more

    def learning(self) -> dict[str, Any]:
        return {
            "lines": self.lines,
            "by_word": dict(self.by_word),
            "kept": self.kept,
            "marks": [[spell(path), marks] for path, marks in self.marks.items()],
        }

    def relearn(self, learnt: dict[str, Any]) -> None:
        self.lines = int(learnt["lines"])
        self.by_word = Counter(learnt["by_word"])
        self.kept = int(learnt["kept"])
        self.marks = {
            unspell(path): [(line, word, text) for line, word, text in marks]
            for path, marks in learnt["marks"]
        }

    def restore(self, saved: dict[str, Any]) -> bool:
        """Go on counting where it stopped; dating starts over, for it is not in the checkpoint."""
        restored = super().restore(saved)
        self.position = min(self.position, len(self.entries))
        return restored

    def _files_to_date(self) -> int:
        if self.position < len(self.entries):
            return 0
        return min(len(self.marks), self.effort.blamed_files) if self.tree.git else len(self.marks)

    def _date(self, index: int) -> None:
        """Date the marks of one file; by file time where git has no say."""
        if not self._order:
            self._order = sorted(self.marks, key=lambda path: (-len(self.marks[path]), path))
        path = self._order[index]
        times = line_times(self.tree.git, path) if self.tree.git else {}
        content = (self.tree.text(path) or b"").split(b"\n") if times else []
        for number, word, text in self.marks[path]:
            line = content[number - 1] if number <= len(content) else b""
            at, source = (times[line], "git") if line in times else (self._changed[path], "file time")
            days = max(0, int((self.now - at) // DAY))
            self.dated.append(
                {"path": spell(path), "line": number, "word": word, "days": days, "by": source, "text": text}
            )

    def _figures(self, rows: list[Row]) -> dict[str, Any]:
        ages = [row["days"] for row in rows]
        return {
            "marks": self.lines,
            "by_word": {word: self.by_word[word] for word in MARKERS},
            "dated": len(rows),
            "dated_by_git": sum(row["by"] == "git" for row in rows),
            "old": sum(days > OLD_DAYS for days in ages),
            "oldest_days": max(ages, default=0),
            "median_days": ages[len(ages) // 2] if ages else 0,
            "by_age": [
                [label, sum(low <= days < high for days in ages)]
                for label, low, high in (
                    ("under a month", 0, 30),
                    ("under a year", 30, OLD_DAYS + 1),
                    ("under three years", OLD_DAYS + 1, 1096),
                    ("older", 1096, 1 << 30),
                )
            ],
        }
