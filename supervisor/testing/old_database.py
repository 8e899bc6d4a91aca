"""A database of an earlier schema, from its dump."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from supervisor.store.database import APPLICATION_ID, migrations


def load_dump(dump: Path, path: Path, *, version: int) -> None:
    """Make the database at `path` from a dump, marked as of that version, with its journal settled."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(dump.read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
    path.chmod(0o600)


def schema_of(path: Path) -> tuple[int, frozenset[str]]:
    """Return a database's version and everything that it defines."""
    with closing(sqlite3.connect(path)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    return version, frozenset(row[0] for row in rows)


def schema_after(version: int) -> frozenset[str]:
    """Return everything that the first `version` migrations define."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for script in migrations()[:version]:
            connection.executescript(script)
        rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    return frozenset(row[0] for row in rows)
