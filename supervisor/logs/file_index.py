"""Where each line of one open file begins; the file may grow, but is never another one."""

from __future__ import annotations

import os
from array import array
from itertools import accumulate, count, pairwise
from operator import add
from typing import Final

LINE_CAP: Final = 1_048_576
_BLOCK: Final = 1_048_576


class FileIndex:
    """The lines of one file by number. A line over 1 MiB counts as several.

    An unfinished last line counts. One thread may extend while another reads, if a lock keeps them apart.
    """

    def __init__(self, fd: int) -> None:
        """Take over `fd`; nothing is read yet."""
        self.fd: Final = fd
        self.end = 0
        self._starts = array("Q")
        self._splits: Final[set[int]] = set()
        self._line_is_open = False

    @property
    def count(self) -> int:
        """How many lines are known."""
        return len(self._starts)

    @property
    def was_truncated(self) -> bool:
        """Whether the file is shorter than what was read of it."""
        return os.fstat(self.fd).st_size < self.end

    def extend_by_a_block(self) -> bool:
        """Index at most 1 MiB more; say whether there was anything."""
        block = os.pread(self.fd, _BLOCK, self.end)
        if block:
            self._add(block)
        return bool(block)

    def lines(self, start: int, stop: int) -> list[bytes]:
        """Return lines `start` up to `stop`, without their newlines; fewer when there are fewer."""
        start, stop = max(start, 0), min(stop, self.count)
        if start >= stop:
            return []
        bounds = [*self._starts[start:stop], self._starts[stop] if stop < self.count else self.end]
        begin = bounds[0]
        data = os.pread(self.fd, bounds[-1] - begin, begin)
        return [
            data[one - begin : next_one - begin].removesuffix(b"\n") for one, next_one in pairwise(bounds)
        ]

    def goes_on(self, number: int) -> bool:
        """Say whether line `number` was cut at 1 MiB and the next one continues it."""
        return number + 1 in self._splits

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)

    def _add(self, block: bytes) -> None:
        *whole, rest = block.split(b"\n")
        open_bytes = self.end - self._starts[-1] if self._line_is_open else 0
        longest = max(map(len, whole), default=0)
        if open_bytes + max(longest, len(rest)) > LINE_CAP:
            self._add_slowly(block)
            return
        if not self._line_is_open:
            self._starts.append(self.end)
        self._starts.extend(map(add, accumulate(map(len, whole)), count(self.end + 1)))
        self.end += len(block)
        self._line_is_open = bool(rest) or (self._line_is_open and not whole)
        if not self._line_is_open:
            self._starts.pop()  # nothing follows the last newline yet

    def _add_slowly(self, block: bytes) -> None:
        """Index a block in which a line may have to be cut."""
        position = 0
        while position < len(block):
            if not self._line_is_open:
                self._starts.append(self.end + position)
                self._line_is_open = True
            newline = block.find(b"\n", position)
            stop = newline if newline >= 0 else len(block)
            self._split_before(self.end + stop)
            self._line_is_open = newline < 0
            position = stop + 1
        self.end += len(block)

    def _split_before(self, end: int) -> None:
        while end - self._starts[-1] > LINE_CAP:
            self._splits.add(len(self._starts))
            self._starts.append(self._starts[-1] + LINE_CAP)
