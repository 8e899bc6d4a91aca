"""Copies of the agents' logs that are safe to `cat`: every hidden character spelled out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from supervisor.headless.whole_file import written_whole
from supervisor.model.escape import visible

LINE_MAX: Final = 1 << 20


def safe_line(raw: bytes) -> str:
    """Decode one line of output and make it visible; undecodable bytes become escapes."""
    return visible(raw.rstrip(b"\r\n").decode("utf-8", "backslashreplace"))


def copy_log(log: Path, target: Path) -> None:
    """Write `log`, its rotated parts first, to `target`, escaped; a missing part is left out."""
    with written_whole(target) as stream:
        for part in _parts(log):
            for line in _lines(part):
                stream.write(f"{safe_line(line)}\n")


def _parts(log: Path) -> list[Path]:
    """List the rotated files from the oldest (the highest number) to the current one."""
    numbered = [path for path in log.parent.glob(f"{log.name}.*") if path.suffix[1:].isdigit()]
    return [*sorted(numbered, key=lambda path: -int(path.suffix[1:])), log]


def _lines(path: Path) -> Iterator[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    with os.fdopen(descriptor, "rb") as stream:
        yield from _capped(stream)


def _capped(stream: BinaryIO) -> Iterator[bytes]:
    """Yield lines; one that is longer than the cap comes in several."""
    while line := stream.readline(LINE_MAX):
        yield line
