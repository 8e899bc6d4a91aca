"""Whether a database is whole: all of it where that is quick, else what the next write stands on."""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from pathlib import Path
from typing import Final

from supervisor.errors import DatabaseCorrupt
from supervisor.model.event import verify_chain
from supervisor.store.queries import QUERIES
from supervisor.store.transaction import event_of

WHOLE_MAX: Final = 32 * 1024 * 1024
"""Bytes up to which a file is checked whole each time it is opened: that takes some 20 ms."""

LAST_EVENTS: Final = 100
"""How many events at the log's end are verified in a larger one."""


def is_small(path: Path) -> bool:
    """Tell whether the whole file is checked when it is opened."""
    return path.stat().st_size <= WHOLE_MAX


def check_pages(path: Path, connection: sqlite3.Connection) -> None:
    """Raise DatabaseCorrupt if a page of the database is damaged; takes a second per gigabyte or more."""
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise DatabaseCorrupt(f"{path}: {verdict}. It was left as it is; restore a copy or move it away.")


def check_log_end(path: Path, connection: sqlite3.Connection) -> None:
    """Raise DatabaseCorrupt if the newest events are not whole and in their chain."""
    rows = connection.execute(QUERIES["event.newest"], {"limit": LAST_EVENTS}).fetchall()
    events = [event_of(row) for row in reversed(rows)]
    try:
        for before, event in pairwise(events):
            verify_chain([event], previous=before.hash, first_seq=before.seq + 1)
    except DatabaseCorrupt as error:
        raise DatabaseCorrupt(
            f"{path}: {error.message}. It was left as it is; restore a copy or move it away."
        ) from error
