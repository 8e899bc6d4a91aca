"""Opening the database file: created whole or not at all, checked, migrated, never replaced."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from supervisor.errors import DatabaseCorrupt, DatabaseTooNew, DatabaseUnavailable, StoreError
from supervisor.store.soundness import check_log_end, check_pages, is_small

APPLICATION_ID: Final = 0x53555056
"""`SUPV`: tells our files from other programs' SQLite files."""

BACKUPS: Final = "backups"
RESCUED: Final = "coordinator-rescued-"
"""Where copies are kept beside the database, and how those begin that an engine saved of a lost file."""

_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA temp_store = MEMORY",  # else each statement that may fail halfway asks for 64 KiB, to undo it
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA busy_timeout = 5000",
)


def migrations() -> tuple[str, ...]:
    """Return the migration scripts in order; script n brings version n-1 to version n."""
    return tuple(script.read_text(encoding="utf-8") for script in sorted(_MIGRATIONS.glob("*.sql")))


def prepare_database(path: Path) -> None:
    """Make sure that `path` is a sound database of this version; create it only if nothing was there.

    Raises DatabaseCorrupt, DatabaseTooNew or DatabaseUnavailable; in those cases nothing was written.
    """
    if not path.exists():
        _create(path)
        return
    if path.stat().st_size == 0:
        raise DatabaseCorrupt(f"{path} is empty. It was left as it is; restore a copy or move it away.")
    with named_errors(path):
        with closing(connect_read_only(path)) as connection:
            _check(path, connection)
        with closing(connect(path)) as connection:
            _migrate(connection)


def connect(path: Path) -> sqlite3.Connection:
    """Open the writing connection with every pragma that durability rests on."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.row_factory = sqlite3.Row
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write and never checkpoints."""
    connection = sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a read-only connection inside one read transaction, after checking the file."""
    if decided_restore(path).exists():
        raise DatabaseUnavailable(
            f"a restore of {path} was cut off. `supervisor up` or another `supervisor restore` completes it."
        )
    with _looking(path) as connection:
        yield connection


@contextmanager
def _looking(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        _require_nothing_saved(path)
        raise DatabaseUnavailable(f"{path} does not exist. Nothing has run here yet: `supervisor up TEAM`.")
    if path.stat().st_size == 0:
        raise DatabaseCorrupt(f"{path} is empty. It was left as it is; restore a copy or move it away.")
    with named_errors(path), closing(connect_read_only(path)) as connection:
        _check(path, connection)
        connection.execute("BEGIN")
        yield connection


def is_sound(path: Path) -> bool:
    """Tell whether there is a database of ours at `path` that can be read and whose pages are whole."""
    try:
        with _looking(path):
            return True
    except StoreError:
        return False


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, which say what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise DatabaseUnavailable(
            f"{path}: {error}. Free it (disk, lock, permissions) and try again."
        ) from error
    except OSError as error:
        raise DatabaseUnavailable(
            f"{error.filename or path}: {error.strerror}. Free it (disk, lock, permissions) and try again."
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # SQLite quotes damaged names undecoded
        raise DatabaseCorrupt(
            f"{path}: {error}. It was left as it is; restore a copy or move it away."
        ) from error


def decided_restore(path: Path) -> Path:
    """Return where a copy waits that is to replace the database at `path`, if a restore was cut off."""
    return path.with_name(path.name + ".restored")


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _create(path: Path) -> None:
    if path.with_name(path.name + "-wal").exists():
        raise DatabaseCorrupt(
            f"{path} is gone but its journal is still there. Restore it, or move the journal away."
        )
    _require_nothing_saved(path)
    fresh = path.with_name(path.name + ".new")
    with named_errors(path):
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(connect(fresh)) as connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            _migrate(connection)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        fresh.replace(path)
        sync_directory(path.parent)


def _require_nothing_saved(path: Path) -> None:
    """Raise DatabaseCorrupt if an engine saved a database that it lost: nothing begins empty then."""
    saved = max(path.parent.glob(f"{BACKUPS}/{RESCUED}*.db"), default=None)
    if saved is not None:
        raise DatabaseCorrupt(
            f"{path} is gone; its engine saved what was in it. Put that back: `supervisor restore {saved}`. "
            "To begin anew, move that file away."
        )


def _check(path: Path, connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise DatabaseCorrupt(f"{path} is not a supervisor database. It was left as it is; move it away.")
    known = len(migrations())
    if version > known:
        raise DatabaseTooNew(
            f"{path} has version {version}, this supervisor knows {known}. "
            "Upgrade supervisor; it was not touched."
        )
    if is_small(path):
        check_pages(path, connection)
    else:
        check_log_end(path, connection)


def _migrate(connection: sqlite3.Connection) -> None:
    scripts = migrations()
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, script in enumerate(scripts[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
