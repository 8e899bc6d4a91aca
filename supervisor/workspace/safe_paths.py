"""Look at files and directories without being led elsewhere, and write them whole."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from supervisor.errors import StateUnsafe

PRIVATE_DIR: Final = 0o700
PRIVATE_FILE: Final = 0o600
OTHERS: Final = 0o077
OTHERS_WRITE: Final = 0o022


def require_private_dir(path: Path, *, uid: int | None = None) -> None:
    """Refuse `path` unless it is a real directory of this user that nobody else can enter."""
    status = path.lstat()
    _require_own(path, status, uid=uid)
    if not stat.S_ISDIR(status.st_mode):
        raise StateUnsafe(f"{path} is not a directory. Move it away; supervisor keeps its state there.")
    if stat.S_IMODE(status.st_mode) & OTHERS:
        raise StateUnsafe(
            f"{path} is open to others (mode {stat.S_IMODE(status.st_mode):04o}), so supervisor did not make "
            f"it or somebody changed it. Look at what is in it, then `chmod 700 {path}` or move it away."
        )


def require_own_file(path: Path, *, uid: int | None = None) -> None:
    """Refuse `path` if something is there that is not a plain file of this user, closed to other writers."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    _require_own(path, status, uid=uid)
    if not stat.S_ISREG(status.st_mode):
        raise StateUnsafe(f"{path} is not a plain file. Move it away and start again.")
    if status.st_mode & OTHERS_WRITE:
        raise StateUnsafe(
            f"{path} can be written by others (mode {stat.S_IMODE(status.st_mode):04o}). "
            f"Make sure of its content, then `chmod 600 {path}`."
        )


def _require_own(path: Path, status: os.stat_result, *, uid: int | None) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise StateUnsafe(
            f"{path} is a symbolic link to {path.readlink()}. State must not lead elsewhere: remove the link."
        )
    owner = os.geteuid() if uid is None else uid
    if status.st_uid != owner:
        raise StateUnsafe(
            f"{path} belongs to user id {status.st_uid}, you are {owner}. "
            "Work as its owner, or move it away to begin a state of your own."
        )


def make_private_dir(path: Path, *, uid: int | None = None) -> None:
    """Create `path` with mode 0700, or accept what is there if it is safe.

    An own directory that is empty and that only others' reading makes unsafe is closed and taken.
    """
    try:
        path.mkdir(mode=PRIVATE_DIR)
    except FileExistsError:
        _close_if_empty(path, uid=uid)
    else:
        path.chmod(PRIVATE_DIR)
    require_private_dir(path, uid=uid)


def _close_if_empty(path: Path, *, uid: int | None) -> None:
    status = path.lstat()
    mode = stat.S_IMODE(status.st_mode)
    owner = os.geteuid() if uid is None else uid
    if stat.S_ISDIR(status.st_mode) and status.st_uid == owner and mode & OTHERS and not mode & OTHERS_WRITE:
        with os.scandir(path) as entries:
            empty = next(entries, None) is None
        if empty:
            path.chmod(PRIVATE_DIR)


def write_whole(path: Path, content: bytes) -> None:
    """Replace `path` so that a reader or a power cut sees the old content or the new, never a part."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(FileNotFoundError):
        scratch.unlink()
    descriptor = os.open(scratch, flags, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        with suppress(OSError):
            scratch.unlink()
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in `path` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
