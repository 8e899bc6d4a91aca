"""Files that appear whole or not at all, and never through somebody else's symbolic link."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from supervisor.errors import ProjectNotWritable, StateUnsafe

NEXT_STEP: Final = "Mend that, or name another directory with `--report`."


def require_place(path: Path) -> None:
    """Refuse a directory that could not be made or written, before a team works towards it."""
    try:
        is_link = path.is_symlink()
        there = next(each for each in (path, *path.parents) if each.exists())
    except OSError as error:
        raise ProjectNotWritable(f"cannot create {path}: {error.strerror}. {NEXT_STEP}") from error
    if is_link:
        raise StateUnsafe(f"{path} is a symbolic link; a report is not written through one. {NEXT_STEP}")
    if not there.is_dir():
        raise StateUnsafe(f"{there} is not a directory. {NEXT_STEP}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ProjectNotWritable(f"{there} cannot be written, so no report can be left there. {NEXT_STEP}")


def made_directory(path: Path) -> Path:
    """Create the directory with its parents; refuse one that is a symbolic link or a file."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise StateUnsafe(f"{path} is not a directory. {NEXT_STEP}") from error
    except OSError as error:
        raise ProjectNotWritable(f"cannot create {path}: {error.strerror}. {NEXT_STEP}") from error
    if path.is_symlink():
        raise StateUnsafe(f"{path} is a symbolic link; a report is not written through one. {NEXT_STEP}")
    return path


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """Give a stream whose content takes the place of `path` when the block ends well."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ProjectNotWritable(f"cannot write {path}: {error.strerror}. {NEXT_STEP}") from error
    finally:
        temporary.unlink(missing_ok=True)
