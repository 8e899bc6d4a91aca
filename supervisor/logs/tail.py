"""The end of a log, and what is added to it, across rotations and without a gap between the two."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Final

from supervisor.logs.chain import open_newer, open_older
from supervisor.logs.file_index import LINE_CAP
from supervisor.logs.opening import open_for_read

_BLOCK: Final = 65_536
_BATCH_BYTES: Final = 1_048_576
_POLL_S: Final = 0.1
_MOST_BYTES: Final = 32 * LINE_CAP

GOES_ON: Final = b" [supervisor: the line goes on]"
"""Stands at the end of a piece of a line that is over 1 MiB, unless it is the last."""


def last_lines(path: Path, n: int) -> list[bytes]:
    """Return the last `n` lines, oldest first, from rotated files too; an unfinished one counts. Blocks.

    Lines over 1 MiB come in pieces. A file that somebody else made larger than ours is read from its end
    for 32 MiB.
    """
    try:
        fd = open_for_read(path)
    except FileNotFoundError:
        return []
    try:
        return _last_lines(path, fd, os.fstat(fd).st_size, n)
    finally:
        os.close(fd)


async def follow(path: Path, *, last: int = 0) -> AsyncGenerator[bytes, None]:
    """Yield the `last` lines and then each line as it is finished, for ever, through every rotation.

    The file need not exist yet. Lines over 1 MiB come in pieces. Files are read in a thread.
    """
    follower = _Follower(path)
    try:
        for line in await asyncio.to_thread(follower.begin, last):
            yield line
        while True:
            lines = await asyncio.to_thread(follower.new_lines)
            for line in lines:
                yield line
            if not lines:
                await asyncio.sleep(_POLL_S)
    finally:
        follower.close()


class _Follower:
    """Reads one file to its end, then the one that was begun after it."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._fd: int | None = None
        self._position = 0
        self._unfinished = b""

    def begin(self, last: int) -> list[bytes]:
        """Stand after the last whole line and return the `last` lines before it."""
        try:
            self._fd = open_for_read(self._path)
        except FileNotFoundError:
            return []
        size = os.fstat(self._fd).st_size
        self._position = size - len(_unfinished_end(self._fd, size))
        return _last_lines(self._path, self._fd, self._position, last)

    def new_lines(self) -> list[bytes]:
        """Return lines finished since the last call, at most about 1 MiB of them."""
        if self._fd is None:
            with suppress(FileNotFoundError):
                self._fd = open_for_read(self._path)
            return []
        block = os.pread(self._fd, _BATCH_BYTES, self._position)
        if not block:
            self._go_on(self._fd)
            return []
        self._position += len(block)
        *lines, self._unfinished = (self._unfinished + block).split(b"\n")
        pieces = [piece for line in lines for piece in pieces_of(line)]
        while len(self._unfinished) > LINE_CAP:
            pieces.append(self._unfinished[:LINE_CAP] + GOES_ON)
            self._unfinished = self._unfinished[LINE_CAP:]
        return pieces

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _go_on(self, fd: int) -> None:
        """Move on when this file was rotated away and read to its end, or was truncated."""
        if os.fstat(fd).st_size < self._position:
            self._position, self._unfinished = 0, b""
            return
        newer = open_newer(self._path, fd)
        if newer is None:
            return
        if os.fstat(fd).st_size > self._position:
            os.close(newer)  # more came before the rotation
            return
        os.close(fd)
        self._fd, self._position = newer, 0


def _last_lines(path: Path, fd: int, end: int, n: int) -> list[bytes]:
    """Return the `n` lines before `end` of an open file, from older files too."""
    lines = _lines_before(fd, end, n)
    older = open_older(path, fd) if len(lines) < n else None
    while older is not None:
        lines = _lines_before(older, os.fstat(older).st_size, n - len(lines)) + lines
        oldest = open_older(path, older) if len(lines) < n else None
        os.close(older)
        older = oldest
    return lines


def _unfinished_end(fd: int, size: int) -> bytes:
    """Return what stands after the last newline before `size`."""
    last = _lines_before(fd, size, 1)
    return last[0] if last and os.pread(fd, 1, size - 1) != b"\n" else b""


def _lines_before(fd: int, end: int, n: int) -> list[bytes]:
    """Return at most `n` lines of the file that end at or before `end`."""
    if n <= 0 or end <= 0:
        return []
    blocks: list[bytes] = []
    position, newlines = end, 0
    while position > max(0, end - _MOST_BYTES) and newlines <= n:
        size = min(_BLOCK, position)
        position -= size
        blocks.append(os.pread(fd, size, position))
        newlines += blocks[-1].count(b"\n")
    lines = b"".join(reversed(blocks)).removesuffix(b"\n").split(b"\n")[-n:]
    return [piece for line in lines for piece in pieces_of(line)][-n:]


def pieces_of(line: bytes) -> list[bytes]:
    """Cut a line at each MiB and mark where it goes on."""
    if len(line) <= LINE_CAP:
        return [line]
    *pieces, last = [line[at : at + LINE_CAP] for at in range(0, len(line), LINE_CAP)]
    return [*(piece + GOES_ON for piece in pieces), last]
