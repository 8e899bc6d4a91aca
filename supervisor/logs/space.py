"""How much disk all logs together may take; the oldest rotated files make room for new ones."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROTATED: Final = re.compile(r"^(?P<log>.+\.log)(?:\.(?P<number>[1-9]\d{0,3}))?$")
_SLACK: Final = 16
_LARGEST_BYTES: Final = 10 << 20
_SMALLEST_BYTES: Final = 65_536


def file_bytes(cap_bytes: int, logs: int) -> int:
    """Return how large one file of each of so many logs may become: together a quarter of the cap."""
    return min(_LARGEST_BYTES, max(_SMALLEST_BYTES, cap_bytes // (4 * max(logs, 1))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: Path
    log: str
    number: int
    size: int
    written_at: float


class LogSpace:
    """Holds a directory of logs under a cap. A file in use counts as if it were full.

    `begin` is called whenever a log begins a file. Blocks; for one thread, that which writes the logs.
    """

    def __init__(
        self, directory: Path, *, cap_bytes: int, file_bytes: int, others: Collection[str] = ()
    ) -> None:
        """Allow the files of `directory` so much; none of those written here is over `file_bytes`.

        `others` are the names of logs that somebody else writes there.
        """
        self.cap_bytes: Final = cap_bytes
        self.removed_bytes = 0
        self._directory: Final = directory
        self._file_bytes: Final = file_bytes
        self._in_use: Final = set(others)
        self._taken: int | None = None

    def begin(self, log: Path) -> None:
        """Make room for a new file of `log`, if there is none."""
        self._in_use.add(log.name)
        if self._taken is not None:
            self._taken += self._file_bytes
        if self._taken is None or self._taken > self.cap_bytes:
            self._taken = self._make_room()

    def _make_room(self) -> int:
        """Remove the oldest until a sixteenth of the cap is free; return what is taken then."""
        files = list(self._files())
        taken = sum(self._counted(file) for file in files)
        if taken <= self.cap_bytes:
            return taken
        for file in self._oldest_first(files):
            with suppress(OSError):
                file.path.unlink()
                taken -= file.size
                self.removed_bytes += file.size
            if taken <= self.cap_bytes - self.cap_bytes // _SLACK:
                break
        return taken

    def _counted(self, file: _File) -> int:
        is_growing = file.number == 0 and file.log in self._in_use
        return max(file.size, self._file_bytes) if is_growing else file.size

    def _oldest_first(self, files: list[_File]) -> Iterator[_File]:
        """Yield what may go: of one log always its oldest file next, so that its chain has no hole."""
        chains: dict[str, list[_File]] = {}
        for file in sorted(files, key=lambda file: file.number):
            if file.number or file.log not in self._in_use:
                chains.setdefault(file.log, []).append(file)
        while chains:
            name = min(chains, key=lambda log: (not chains[log][-1].number, chains[log][-1].written_at))
            yield chains[name].pop()
            if not chains[name]:
                del chains[name]

    def _files(self) -> Iterator[_File]:
        with suppress(OSError), os.scandir(self._directory) as entries:
            for entry in entries:
                name = _ROTATED.match(entry.name)
                if name is not None and entry.is_file(follow_symlinks=False):
                    with suppress(OSError):
                        look = entry.stat(follow_symlinks=False)
                        yield _File(
                            path=Path(entry.path),
                            log=name["log"],
                            number=int(name["number"] or 0),
                            size=look.st_size,
                            written_at=look.st_mtime,
                        )
