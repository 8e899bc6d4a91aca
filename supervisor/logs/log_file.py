"""One log on disk: appends, rotates by size, and survives a full disk."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from supervisor.logs.opening import open_for_append, rotated
from supervisor.logs.space import LogSpace


class LogFile:
    """A file that is renamed to `.1`, that to `.2`, up to `.keep`, whenever it would pass `max_bytes`.

    Files end at the end of a line unless a line is longer than a file. Blocks; for one thread.
    """

    def __init__(self, path: Path, *, max_bytes: int, keep: int, space: LogSpace | None = None) -> None:
        """Remember where to write; the file is opened when there is something to write.

        `space` hears of every file that is begun and may make room for it.
        """
        self.path: Final = path
        self._max_bytes: Final = max_bytes
        self._keep: Final = keep
        self._space: Final = space
        self._fd: int | None = None
        self._size = 0
        self._ends_line = True

    def append(self, data: bytes) -> tuple[int, str]:
        """Write `data`; return how many bytes could not be written, and why."""
        try:
            while data:
                fd = self._opened()
                cut = self._cut(data)
                if cut == 0:
                    self._rotate()
                    continue
                written = os.write(fd, data[:cut])
                self._size += written
                self._ends_line = data[written - 1 : written] == b"\n"
                data = data[written:]
        except OSError as problem:
            return len(data), problem.strerror or str(problem)
        return 0, ""

    @property
    def ends_line(self) -> bool:
        """Whether the last byte written ended a line."""
        return self._ends_line

    def close(self) -> None:
        """Close the file; a later append opens it again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _opened(self) -> int:
        """Return the open file; one that somebody deleted is begun anew."""
        if self._fd is not None:
            look = os.fstat(self._fd)
            self._size = look.st_size
            if look.st_nlink:
                return self._fd
            self.close()
        self._fd = open_for_append(self.path)
        self._size = os.fstat(self._fd).st_size
        if self._space is not None:
            self._space.begin(self.path)
        return self._fd

    def _cut(self, data: bytes) -> int:
        """Say how many bytes of `data` go into this file; 0 when it is full."""
        room = self._max_bytes - self._size
        if len(data) <= room:
            return len(data)
        whole_lines = data.rfind(b"\n", 0, max(room, 0)) + 1
        if whole_lines or (self._ends_line and self._size):
            return whole_lines
        return max(room, 0)

    def _rotate(self) -> None:
        self.close()
        with suppress(FileNotFoundError):
            rotated(self.path, self._keep).unlink()
        for number in reversed(range(self._keep)):
            with suppress(FileNotFoundError):
                rotated(self.path, number).rename(rotated(self.path, number + 1))
