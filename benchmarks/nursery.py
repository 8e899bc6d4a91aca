"""The children that every keeper of the benchmark starts: when each began, and who still lives."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.001


class Missing(Exception):
    """Children that should have begun did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One process that began, and when on the monotonic clock."""

    pid: int
    at: float


@dataclass(slots=True)
class Nursery:
    """Counts the children of one measurement: each carries the nursery's mark in its command line."""

    directory: Path
    program: tuple[str, ...]
    mark: str = field(default_factory=lambda: f"m{secrets.token_hex(6)}")

    @property
    def log(self) -> Path:
        """The file in which each child tells when it began."""
        return self.directory / f"{self.mark}.starts"

    def argv(self, mode: str, *arguments: object) -> list[str]:
        """Return the command of a child."""
        return [*self.program, self.mark, str(self.log), mode, *map(str, arguments)]

    def starts(self) -> list[Start]:
        """List who began so far, in order."""
        try:
            lines = self.log.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        pairs = (line.split() for line in lines)
        return [Start(pid=int(pid), at=int(at) / 1e9) for pid, at in pairs]

    def until_started(self, count: int, *, patience_s: float = PATIENCE_S) -> list[Start]:
        """Wait until so many began in all; looks a thousand times a second."""
        least = count * 5  # bytes, to look at the file only when it can hold so many
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            with suppress(FileNotFoundError):
                if self.log.stat().st_size >= least and len(found := self.starts()) >= count:
                    return found
            time.sleep(LOOK_S)
        raise Missing(f"{len(self.starts())} of {count} children began in {patience_s:.0f} s")

    def alive(self) -> list[int]:
        """List the living processes that carry the mark: children, and all they forked."""
        mark = self.mark.encode()
        return [pid for pid, words in _command_lines() if mark in words[:-1] and not _is_zombie(pid)]

    def until_gone(self, *, patience_s: float, look_s: float = LOOK_S) -> float:
        """Wait until nobody lives, at most so long; return how long it took."""
        begun = time.monotonic()
        while self.alive() and time.monotonic() - begun < patience_s:
            time.sleep(look_s)
        return time.monotonic() - begun

    def clear(self) -> None:
        """Kill whoever is left."""
        while left := self.alive():
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)


def child_program(directory: Path) -> tuple[str, ...]:
    """Build the child, or take the one in Python where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return (sys.executable, "-S", "-E", str(HERE / "child.py"))
    built = directory / "child"
    subprocess.run([compiler, "-O2", "-o", str(built), str(HERE / "child.c")], check=True)
    return (str(built),)


def _command_lines() -> Iterator[tuple[int, list[bytes]]]:
    for entry in os.listdir("/proc"):  # noqa: PTH208 - a Path for each of thousands is slow
        if entry.isdigit():
            with suppress(OSError):
                yield int(entry), Path("/proc", entry, "cmdline").read_bytes().split(b"\0")


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] in {b"Z", b"X"}
    except OSError:
        return True
