"""A tap on every change that SQLite and our own file code make on the disk.

`tapped(root, watcher)` shows each write, truncate, sync, create, unlink, rename and link below `root` to the
watcher before it is made, and after. The watcher may let it happen, make it fail, or end the process. The tap
holds for the whole process and is never taken off: it is for processes that do nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol


class Change(StrEnum):
    """What is done to the disk; `share` is the growth of the memory that SQLite's processes share."""

    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    CREATE = "create"
    UNLINK = "unlink"
    RENAME = "rename"
    LINK = "link"
    SYNC_DIR = "sync_dir"
    SHARE = "share"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskCall:
    """One change: `file` is a number that stays with the file whatever its name, `size` a new length."""

    change: Change
    path: str
    file: int = 0
    offset: int = 0
    data: bytes = b""
    size: int = 0
    to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How a change fails: the error's number, and how many bytes of a write were still made."""

    number: int
    written: int = 0


class Watcher(Protocol):
    """Who is shown the changes, from whatever thread makes them."""

    def before(self, call: DiskCall) -> Fault | None:
        """Let the change be made, or say how it fails."""

    def after(self, call: DiskCall, *, made: bool) -> None:
        """Hear that it was made, or that it failed."""


class Tap:
    """What both taps share: the names and numbers of the files, and the watcher."""

    def __init__(self, root: Path, watcher: Watcher) -> None:
        """Watch what is below `root`."""
        self._root = os.path.realpath(root) + os.sep
        self._watcher = watcher
        self._numbers: dict[str, int] = {}
        self._count = 0

    def holds(self, path: str) -> bool:
        """Tell whether the path is below the root."""
        return f"{os.path.abspath(path)}/".startswith(self._root)  # noqa: PTH100 - a path is a string here

    def number_of(self, path: str) -> int:
        """Return the number of the file that has this name now."""
        return self._numbers.setdefault(path, len(self._numbers) + self._count)

    def forget(self, path: str) -> None:
        """Take a name away from its file."""
        self._count += self._numbers.pop(path, None) is not None

    def rename(self, path: str, to: str) -> None:
        """Give a file another name."""
        number = self.number_of(path)
        self.forget(to)
        self.forget(path)
        self._numbers[to] = number

    def link(self, path: str, to: str) -> None:
        """Give a file one more name."""
        self._numbers[to] = self.number_of(path)

    def show(self, call: DiskCall, make: Callable[[], Any], fail: Callable[[Fault], Any]) -> Any:
        """Show a change to the watcher and make it, or let it fail as the watcher says."""
        fault = self._watcher.before(call)
        if fault is None:
            answer = make()
            self._watcher.after(call, made=True)
            return answer
        try:
            return fail(fault)
        finally:
            self._watcher.after(call, made=False)
