"""Where each line of a log begins, so that a screen can show any part of it without reading the rest."""

from __future__ import annotations

import os
import threading
from array import array
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

from supervisor.logs.opening import open_for_read

LINE_CAP: Final = 1_048_576
_BLOCK: Final = 1_048_576


class LineIndex:
    """The lines of one growing file. A line over 1 MiB counts as several; `goes_on` marks all but its last.

    When the file was rotated or truncated the index begins anew and `generation` rises; until `extend`
    notices, lines still come from the file that was indexed. An unfinished last line counts. One thread may
    extend while another reads.
    """

    def __init__(self, path: Path) -> None:
        """Index nothing yet; the file need not exist."""
        self.path: Final = path
        self.generation = 0
        self._fd: int | None = None
        self._inode = -1
        self._starts = array("Q")
        self._splits: set[int] = set()
        self._end = 0
        self._line_is_open = False
        self._reading: Final = threading.Lock()

    @property
    def count(self) -> int:
        """How many lines are known."""
        return len(self._starts)

    def extend(self) -> int:
        """Index what was written since the last call and return the count; blocks, so call it in a thread."""
        with self._reading:
            self._follow_file()
        while self._extend_by_a_block():
            pass
        return self.count

    def lines(self, start: int, stop: int) -> list[bytes]:
        """Return lines `start` up to `stop`, without their newlines; fewer when there are fewer."""
        with self._reading:
            start, stop = max(start, 0), min(stop, self.count)
            if self._fd is None or start >= stop:
                return []
            bounds = [*self._starts[start:stop], self._starts[stop] if stop < self.count else self._end]
            begin = bounds[0]
            data = os.pread(self._fd, bounds[-1] - begin, begin)
        return [
            data[one - begin : next_one - begin].removesuffix(b"\n") for one, next_one in pairwise(bounds)
        ]

    def goes_on(self, number: int) -> bool:
        """Say whether line `number` was cut at 1 MiB and the next one continues it."""
        return number + 1 in self._splits

    def close(self) -> None:
        """Close the file and forget its lines."""
        with self._reading:
            self._forget()

    def __enter__(self) -> Self:
        """Return the index itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def _forget(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        self._inode = -1
        self._starts = array("Q")
        self._splits = set()
        self._end = 0
        self._line_is_open = False

    def _follow_file(self) -> None:
        """Open the file, again when another one stands at its path or it became shorter."""
        with suppress(FileNotFoundError):
            look = self.path.stat(follow_symlinks=False)
            if self._fd is not None and look.st_ino == self._inode and look.st_size >= self._end:
                return
            fd = open_for_read(self.path)
            if self._fd is not None:
                self.generation += 1
            self._forget()
            self._fd = fd
            self._inode = os.fstat(fd).st_ino

    def _extend_by_a_block(self) -> bool:
        """Index one block, so that `lines` never waits for more; say whether there was one."""
        with self._reading:
            block = os.pread(self._fd, _BLOCK, self._end) if self._fd is not None else b""
            self._add(block)
            return bool(block)

    def _add(self, block: bytes) -> None:
        position = 0
        while position < len(block):
            if not self._line_is_open:
                self._starts.append(self._end + position)
                self._line_is_open = True
            newline = block.find(b"\n", position)
            stop = newline if newline >= 0 else len(block)
            self._split_before(self._end + stop)
            self._line_is_open = newline < 0
            position = stop + 1
        self._end += len(block)

    def _split_before(self, end: int) -> None:
        while end - self._starts[-1] > LINE_CAP:
            self._splits.add(len(self._starts))
            self._starts.append(self._starts[-1] + LINE_CAP)
