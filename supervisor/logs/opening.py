"""Opening log files so that nothing but a plain file in its place is ever read or written."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

_FLAGS: Final = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_MODE: Final = 0o600


def open_for_append(path: Path) -> int:
    """Open or create a log file that only its owner may read; raises OSError."""
    return _checked(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _FLAGS, _MODE), path)


def open_for_read(path: Path) -> int:
    """Open a log file; raises OSError, FileNotFoundError among them."""
    return _checked(os.open(path, os.O_RDONLY | _FLAGS), path)


def rotated(path: Path, number: int) -> Path:
    """Name the file that holds what was written `number` rotations before `path`."""
    return path.with_name(f"{path.name}.{number}") if number else path


def _checked(fd: int, path: Path) -> int:
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "not a plain file", str(path))
