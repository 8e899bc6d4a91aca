"""What a process uses that costs more to ask than the table does: shared-out memory, disk, open files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from supervisor.runtime.proc_table import read_proc


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseLook:
    """What one tree uses by a close look; None where nobody of it may be asked, as on other systems.

    `moved_bytes` is all that was read and written, pipes and sockets too; the other two are the disk's.
    """

    pss_bytes: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    moved_bytes: int | None = None
    open_files: int | None = None


def look_closely(pids: Iterable[int]) -> CloseLook:
    """Look at each process of a tree, some 0.1 ms each; who is gone or forbids it does not count. Blocks."""
    each = [_look(pid) for pid in pids]
    return CloseLook(
        pss_bytes=_sum(look.pss_bytes for look in each),
        read_bytes=_sum(look.read_bytes for look in each),
        written_bytes=_sum(look.written_bytes for look in each),
        moved_bytes=_sum(look.moved_bytes for look in each),
        open_files=_sum(look.open_files for look in each),
    )


def _look(pid: int) -> CloseLook:
    memory = _numbers(read_proc(f"/proc/{pid}/smaps_rollup"))
    traffic = _numbers(read_proc(f"/proc/{pid}/io"))
    pss = memory.get(b"Pss")
    return CloseLook(
        pss_bytes=pss * 1024 if pss is not None else None,
        read_bytes=traffic.get(b"read_bytes"),
        written_bytes=traffic.get(b"write_bytes"),
        moved_bytes=_sum((traffic.get(b"rchar"), traffic.get(b"wchar"))),
        open_files=_open_files(pid),
    )


def _numbers(text: bytes) -> dict[bytes, int]:
    """Read lines as `Pss:  123 kB` and `rchar: 456`."""
    lines = (line.split() for line in text.splitlines())
    return {words[0].rstrip(b":"): int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def _open_files(pid: int) -> int | None:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - a Path for each is not needed
    except OSError:
        return None


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
