"""Whole copies of the database, and putting one in its place so that no crash leaves half of either."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from supervisor.store.database import (
    BACKUPS,
    RESCUED,
    connect,
    decided_restore,
    is_sound,
    named_errors,
    reading,
    sync_directory,
)

JOURNALS: Final = ("-wal", "-journal")
"""What a damaged database may leave beside it, and what must not meet another database."""


def copy_database(source: Path, fresh: Path) -> None:
    """Write a whole, durable copy of what is committed in `source` to the new file `fresh`, mode 0600.

    Works beside a running engine, as one reader. The copy is a single file without a journal, so it can
    be read on a medium that cannot be written. What was begun is removed if it fails.
    """
    with reading(source) as connection, named_errors(fresh):
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        try:
            _copy(connection, fresh)
        except BaseException:
            clear_away(fresh)
            raise


def rescue(connection: sqlite3.Connection, database: Path, *, now: float) -> Path:
    """Save what an open connection holds of a file that lost its name; return where it is.

    Raises OSError or sqlite3.Error if that cannot be done; then nothing is left of the attempt.
    """
    directory = database.with_name(BACKUPS)
    database.parent.mkdir(mode=0o700, exist_ok=True)  # it may have been removed with all that was in it
    directory.mkdir(mode=0o700, exist_ok=True)
    saved = directory / f"{RESCUED}{utc(now)}.db"
    fresh = saved.with_name(f".{saved.name}.new")
    clear_away(fresh)
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        _copy(connection, fresh)
        with closing(sqlite3.connect(fresh)) as copy:
            verdict = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        publish(fresh, saved, replace=True)
    finally:
        clear_away(fresh)
    return saved


def _copy(connection: sqlite3.Connection, fresh: Path) -> None:
    with closing(sqlite3.connect(fresh, isolation_level=None)) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    sync_file(fresh)


def utc(seconds: float) -> str:
    """Spell a time for a file's name: `20250131T235959Z`."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def clear_away(path: Path) -> None:
    """Remove a database that nobody may use, with what SQLite left beside it."""
    for suffix in (*JOURNALS, "-shm", ""):
        _with(path, suffix).unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(fresh: Path, target: Path, *, replace: bool) -> None:
    """Give a durable file its name; without `replace` raise FileExistsError if that is taken."""
    if replace:
        fresh.replace(target)
    else:
        _rename_beside(fresh, target)
    sync_directory(target.parent)


def _rename_beside(fresh: Path, target: Path) -> None:
    try:
        target.hardlink_to(fresh)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, as on many sticks
        if os.path.lexists(target):
            raise FileExistsError(str(target)) from None
        fresh.rename(target)
        return
    fresh.unlink()


def decide_restore(fresh: Path, database: Path) -> None:
    """Make it certain that `fresh` becomes the database: from here on any start completes it."""
    sync_file(fresh)
    fresh.replace(decided_restore(database))
    sync_directory(database.parent)


def finish_restore(database: Path) -> Path | None:
    """Put a decided restore in place, if there is one; return where the replaced database is kept.

    May be cut off anywhere and called again: the copy waits under its own name until all that stood at
    the place, journals too, is kept under another, durably.
    """
    decided = decided_restore(database)
    if not decided.exists():
        return None
    kept = _kept_name(database, decided.stat().st_mtime)
    if is_sound(database):
        _settle(database)
    for suffix in (*JOURNALS, ""):
        with suppress(FileNotFoundError):
            _with(database, suffix).rename(_with(kept, suffix))
    _with(database, "-shm").unlink(missing_ok=True)
    sync_directory(database.parent)
    decided.replace(database)
    sync_directory(database.parent)
    return kept if kept.exists() else None


def _kept_name(database: Path, decided_at: float) -> Path:
    """Return the name for what is replaced: the same each time for one restore, never one that is taken."""
    stem, number = f"coordinator-before-restore-{utc(decided_at)}", 1
    kept = database.with_name(f"{stem}.db")
    while database.exists() and kept.exists():
        number += 1
        kept = database.with_name(f"{stem}-{number}.db")
    return kept


def _settle(database: Path) -> None:
    """Bring the journal into the file, so that one file is all that is kept."""
    with suppress(sqlite3.Error), closing(connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _with(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
