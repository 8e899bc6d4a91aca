"""Whom the kernel killed for want of memory, as its own log tells: by pid, so that a guess is not needed."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

_RECORD_BYTES: Final = 16_384
_RECORDS: Final = 5_000
_KILLED: Final = re.compile(rb"Killed process (\d+)")
_FIRST_PID_NAMESPACE: Final = "pid:[4026531836]"


class OomLog:
    """The kernel's log from now on. Where it may not be read nothing is ever proved."""

    def __init__(self, path: str = "/dev/kmsg", *, namespace: str | None = None) -> None:
        """Begin at the end of the log.

        It counts pids as the machine does, so inside a PID namespace its numbers are not ours.
        """
        self._fd: int | None = None
        self._killed: set[int] = set()
        if (_own_namespace() if namespace is None else namespace) == _FIRST_PID_NAMESPACE:
            with suppress(OSError):
                self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                os.lseek(self._fd, 0, os.SEEK_END)

    @property
    def is_open(self) -> bool:
        """Say whether it can prove anything."""
        return self._fd is not None

    def took(self, pid: int) -> bool:
        """Say whether the kernel killed this process; each death is told once, for pids are used again."""
        for _ in range(_RECORDS):
            if not self._read():
                break
        was_killed = pid in self._killed
        self._killed.discard(pid)
        return was_killed

    def close(self) -> None:
        """Let go of the log."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _read(self) -> bool:
        """Read one record; False when there is none now."""
        if self._fd is None:
            return False
        try:
            record = os.read(self._fd, _RECORD_BYTES)
        except BrokenPipeError:
            return True  # the oldest were overwritten; the next read goes on behind the gap
        except OSError:
            return False
        found = _KILLED.search(record)
        if found and _is_of_the_kernel(record):
            self._killed.add(int(found[1]))
        return bool(record)


def _is_of_the_kernel(record: bytes) -> bool:
    """Say whether the kernel itself wrote this: what programs write there carries their facility."""
    level = record.split(b",", 1)[0]
    return level.isdigit() and int(level) >> 3 == 0


def _own_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
