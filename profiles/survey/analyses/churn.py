"""What changes, how often, and who knows it: from the history that git keeps."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from analyses.analysis import Analysis
from findings import Findings, Row
from git import SAFE_DIFF, Git, GitFailed
from spelling import clipped, spell
from tree import Entry

_HEADER: Final = re.compile(rb"\x01([0-9a-f]{40,64})\x02(\d+)\x02(.*)", re.DOTALL)
_FORMAT: Final = "--format=%x01%H%x02%at%x02%aN"
_METHOD: Final = (
    "`git log --numstat` from HEAD; merges count as commits but not as changes to files; renames are "
    "not followed. Authors are told apart by name (`%aN`, so `.mailmap` holds). A file's share is that "
    "of the author with most commits to it. The core is the smallest group of authors who made half of "
    "the commits."
)


class FileHistory:
    """What happened to one file."""

    __slots__ = ("added", "authors", "deleted")

    def __init__(self) -> None:
        self.added = 0
        self.deleted = 0
        self.authors: Counter[bytes] = Counter()


class Churn(Analysis):
    """Reads the newest commits, one part each."""

    label = "churn"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.commits = 0
        self.is_shallow = False
        self.failure = self.tree.without_git
        self.authors: Counter[bytes] = Counter()
        self.months: Counter[str] = Counter()
        self.files: dict[bytes, FileHistory] = {}
        self.times: list[int] = []
        self._records: Iterator[bytes] = iter(())
        self._header: re.Match[bytes] | None = None
        if self.tree.git:
            self._open(self.tree.git)

    def chosen(self) -> tuple[Entry, ...]:
        return ()

    @property
    def total(self) -> int:
        return min(self.commits, self.effort.commits)

    def advance(self, slice_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Read commits for about `slice_s` seconds; a history that breaks off ends the reading."""
        try:
            super().advance(slice_s, clock)
        except GitFailed as error:
            self.failure = str(error)
            self.commits = self.position

    def take(self, index: int) -> None:
        header = self._header or _HEADER.fullmatch(next(self._records, b"").lstrip(b"\n"))
        if header is None:
            raise GitFailed("git log: the history ended early")
        author = header[3]
        self.authors[author] += 1
        self.times.append(int(header[2]))
        self.months[time.strftime("%Y-%m", time.gmtime(int(header[2])))] += 1
        self._header = None
        for record in self._records:
            self._header = _HEADER.fullmatch(record.lstrip(b"\n"))
            if self._header:
                return
            self._count(record.lstrip(b"\n"), author)

    def findings(self) -> Findings:
        present = {entry.path for entry in self.tree.entries}
        rows = [
            _row(path, self.files[path])
            for path in sorted(self.files, key=lambda path: (-self.files[path].authors.total(), path))
            if path in present
        ]
        return Findings(
            label=self.label,
            method=_METHOD,
            figures=self.coverage() | self._figures(len(rows)),
            evidence=rows[: self.effort.rows],
            left_out=self.left_out(),
            details=rows,
        )

    def left_out(self) -> list[str]:
        """Say how much of the history was not read."""
        sentences = []
        if self.failure:
            sentences.append(f"history could not be read to its end: {self.failure}")
        if self.is_shallow:
            sentences.append("a shallow clone: older history is not here")
        if self.commits > self.position:
            sentences.append(
                f"the oldest {self.commits - self.position} of {self.commits} commits were not read"
            )
        gone = len(self.files) - sum(entry.path in self.files for entry in self.tree.entries)
        if gone:
            sentences.append(f"{gone} paths of the history that are no surveyed file now: not listed")
        return sentences

    def _open(self, git: Git) -> None:
        scope = self._scope(git)
        try:
            self.commits = git.number("rev-list", "--count", "HEAD", *scope)
            self.is_shallow = git.run("rev-parse", "--is-shallow-repository").strip() == b"true"
        except GitFailed:
            self.failure = "there is no commit yet"
            return
        self._records = git.records(
            "log",
            "-z",
            "--relative",
            "--numstat",
            _FORMAT,
            *SAFE_DIFF,
            f"--max-count={self.total}",
            "HEAD",
            *scope,
        )

    @staticmethod
    def _scope(git: Git) -> tuple[str, ...]:
        """Return the path limit: none at the top of the repository, so that counts are plain `git log`'s."""
        try:
            prefix = git.run("rev-parse", "--show-prefix").strip()
        except GitFailed:
            prefix = b""
        return ("--", ".") if prefix else ()

    def _count(self, record: bytes, author: bytes) -> None:
        added, deleted, path = [*record.split(b"\t", 2), b"", b""][:3]
        if not path:
            return
        history = self.files.setdefault(path, FileHistory())
        history.added += int(added) if added.isdigit() else 0
        history.deleted += int(deleted) if deleted.isdigit() else 0
        history.authors[author] += 1

    def _figures(self, present: int) -> dict[str, Any]:
        return {
            "commits": self.commits,
            "authors": len(self.authors),
            "core": _core(self.authors),
            "first": min(self.times, default=None),
            "last": max(self.times, default=None),
            "added": sum(history.added for history in self.files.values()),
            "deleted": sum(history.deleted for history in self.files.values()),
            "files_with_history": present,
            "files_of_one": sum(
                len(self.files[entry.path].authors) == 1
                for entry in self.tree.entries
                if entry.path in self.files
            ),
            "by_author": [
                {"author": clipped(name, 60), "commits": number}
                for name, number in self.authors.most_common(10)
            ],
            "by_month": sorted(self.months.items())[-24:],
        }


def _row(path: bytes, history: FileHistory) -> Row:
    commits = history.authors.total()
    name, most = history.authors.most_common(1)[0]
    return {
        "path": spell(path),
        "commits": commits,
        "added": history.added,
        "deleted": history.deleted,
        "authors": len(history.authors),
        "share": round(100 * most / commits),
        "by": clipped(name, 40),
    }


def _core(authors: Counter[bytes]) -> int:
    """Return how many of the busiest authors made half of all commits."""
    made = 0
    for number, (_, commits) in enumerate(authors.most_common(), 1):
        made += commits
        if 2 * made >= authors.total():
            return number
    return 0
