"""The chain of a log and its rotated files, safe to walk while it is being rotated.

A name means another file after each rotation, so neighbours are told by identity. Numbers only rise:
whoever stood right behind the open file at one moment, and the open file where it was at a later one
(or the other way round), were neighbours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from supervisor.logs.opening import open_for_read, rotated

_MOST_ROTATED: Final = 1000
_TRIES: Final = 3


def older_files(path: Path) -> list[Path]:
    """List the rotated files of `path`, newest first."""
    return [rotated(path, number) for number in _numbers(path) if number]


def open_older(path: Path, fd: int) -> int | None:
    """Open the file that was written just before the open one; None when there is none."""
    look = os.fstat(fd)
    for _ in range(_TRIES):
        place = _place(path, look)
        older = _open(path, place + 1) if place is not None else None
        if older is None:
            continue
        if not os.path.samestat(os.fstat(older), look):
            return older
        os.close(older)
    return None


def open_newer(path: Path, fd: int) -> int | None:
    """Open the file that was begun just after the open one; None when there is none yet.

    None, too, while a rotation is under way: ask again. When the open file was deleted, the oldest left.
    """
    look = os.fstat(fd)
    if not look.st_nlink:
        return _open(path, max(_numbers(path), default=0))
    place = _place(path, look)
    newer = _open(path, place - 1) if place else None
    if newer is None or place is None or _is_at(path, place, look):
        return newer
    os.close(newer)
    return None


def _numbers(path: Path) -> Iterator[int]:
    """Name who is there, newest first; a rotation leaves one gap for a moment, never two."""
    is_gap = False
    for number in range(_MOST_ROTATED):
        is_there = rotated(path, number).exists()
        if is_there:
            yield number
        elif is_gap:
            return
        is_gap = not is_there


def _place(path: Path, look: os.stat_result) -> int | None:
    return next((number for number in _numbers(path) if _is_at(path, number, look)), None)


def _is_at(path: Path, number: int, look: os.stat_result) -> bool:
    try:
        return os.path.samestat(rotated(path, number).stat(follow_symlinks=False), look)
    except FileNotFoundError:
        return False


def _open(path: Path, number: int) -> int | None:
    try:
        return open_for_read(rotated(path, number))
    except FileNotFoundError:
        return None
