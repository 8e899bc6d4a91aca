"""Where each line of a log begins, so that a screen can show any part of it without reading the rest."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from supervisor.logs.chain import open_newer, open_older
from supervisor.logs.file_index import LINE_CAP, FileIndex
from supervisor.logs.opening import open_for_read

__all__ = ["GONE", "LINE_CAP", "LineIndex"]

MOST_FILES: Final = 12
"""How many files of one log are held open; those are twice as many as a log keeps."""

GONE: Final = b"[supervisor: this line is no longer kept]"


class LineIndex:
    """The lines of a log and of its rotated files, oldest first; they keep their numbers when it rotates.

    A line over 1 MiB counts as several; `goes_on` marks all but its last. Lines of files that are no longer
    kept read `GONE`. When the log was truncated the index begins anew and `generation` rises. An unfinished
    last line counts. One thread may extend while another reads.
    """

    def __init__(self, path: Path) -> None:
        """Index nothing yet; the file need not exist."""
        self.path: Final = path
        self.generation = 0
        self._files: list[FileIndex] = []
        self._gone = 0
        self._reading: Final = threading.Lock()

    @property
    def count(self) -> int:
        """How many lines are known."""
        return self._gone + sum(file.count for file in self._files)

    @property
    def first(self) -> int:
        """The number of the oldest line that is still there."""
        return self._gone

    def extend(self) -> int:
        """Index what was written since the last call and return the count; blocks, so call it in a thread."""
        with self._reading:
            if not self._files:
                self._files = [FileIndex(fd) for fd in _open_chain(self.path)]
            self._begin_anew_if_truncated()
        for file in list(self._files):
            while self._extend_by_a_block(file):
                pass
        while self._go_on():
            while self._extend_by_a_block(self._files[-1]):
                pass
        return self.count

    def lines(self, start: int, stop: int) -> list[bytes]:
        """Return lines `start` up to `stop`, without their newlines; fewer when there are fewer."""
        with self._reading:
            start, stop = max(start, 0), min(stop, self.count)
            found = [GONE] * max(min(stop, self._gone) - start, 0)
            for first, file in self._numbered():
                found += file.lines(start - first, stop - first) if stop > first else []
        return found

    def goes_on(self, number: int) -> bool:
        """Say whether line `number` was cut at 1 MiB and the next one continues it."""
        with self._reading:
            return any(file.goes_on(number - first) for first, file in self._numbered())

    def close(self) -> None:
        """Close the files and forget their lines."""
        with self._reading:
            self._forget()

    def __enter__(self) -> Self:
        """Return the index itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self.close()

    def _numbered(self) -> Iterator[tuple[int, FileIndex]]:
        """Yield each file with the number of its first line."""
        first = self._gone
        for file in self._files:
            yield first, file
            first += file.count

    def _forget(self) -> None:
        for file in self._files:
            file.close()
        self._files, self._gone = [], 0

    def _begin_anew_if_truncated(self) -> None:
        if self._files and self._files[-1].was_truncated:
            self.generation += 1
            self._forget()
            self._files = [FileIndex(fd) for fd in _open_chain(self.path)]

    def _extend_by_a_block(self, file: FileIndex) -> bool:
        """Index one block, so that `lines` never waits for more; say whether there was one."""
        with self._reading:
            return file in self._files and file.extend_by_a_block()

    def _go_on(self) -> bool:
        """Take in the file that was begun after the newest, once that one is read to its end."""
        with self._reading:
            if not self._files:
                return False
            newest = self._files[-1]
            fd = open_newer(self.path, newest.fd)
            if fd is None:
                return False
            while newest.extend_by_a_block():
                pass  # what came between the last look and the rotation
            self._files.append(FileIndex(fd))
            while len(self._files) > MOST_FILES:
                oldest = self._files.pop(0)
                self._gone += oldest.count
                oldest.close()
            return True


def _open_chain(path: Path) -> list[int]:
    """Open a log and its rotated files, oldest first; none when there is no log."""
    chain: list[int] = []
    with suppress(FileNotFoundError):
        chain.append(open_for_read(path))
    while chain and len(chain) < MOST_FILES and (older := _open_before(path, chain)) is not None:
        chain.append(older)
    return chain[::-1]


def _open_before(path: Path, chain: list[int]) -> int | None:
    """Open the file before the last of `chain`, unless a rotation made it one that is there already."""
    fd = open_older(path, chain[-1])
    if fd is None or not any(os.path.samestat(os.fstat(fd), os.fstat(known)) for known in chain):
        return fd
    os.close(fd)
    return None
