"""Whether the database that is open is still the one that has its name: nothing may go into a lost file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Place:
    """Remembers the file and its journal, and how long the journal was after the last commit."""

    path: Path
    _file: tuple[int, int]
    _journal: tuple[int, int]
    _length: int = 0

    @classmethod
    def taken(cls, path: Path) -> Place:
        """Remember what is at `path` now; the connection has just opened it and its journal."""
        return cls(path, _identity(path), _identity(_journal_of(path)))

    def loss(self, *, committed: bool) -> str:
        """Say what became of the file or its journal; nothing if both are where they were.

        Nobody but the writer makes the journal shorter, so its length is noted when one has `committed`.
        """
        try:
            if _identity(self.path) != self._file:
                return f"{self.path} was replaced"
            status = _journal_of(self.path).stat()
        except OSError:
            return f"{self.path} or its journal was removed"
        if (status.st_dev, status.st_ino) != self._journal:
            return f"the journal of {self.path} was replaced"
        if committed:
            self._length = status.st_size
        return f"the journal of {self.path} was cut" if status.st_size < self._length else ""


def _journal_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
