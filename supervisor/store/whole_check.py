"""The check of every page of a large database, beside the engine that works on it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from supervisor.errors import DatabaseCorrupt, DatabaseUnavailable
from supervisor.store.database import connect_read_only, named_errors
from supervisor.store.soundness import check_pages


class WholeCheck:
    """Runs in a thread of its own through its own connection; `stop` ends it from another."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is read yet."""
        self._path = path
        self._stopped = False
        self._connection: sqlite3.Connection | None = None

    def run(self) -> DatabaseCorrupt | None:
        """Return what is damaged, or None if nothing is, or if that could not be found out."""
        try:
            with named_errors(self._path), closing(connect_read_only(self._path)) as connection:
                self._connection = connection
                if not self._stopped:
                    check_pages(self._path, connection)
        except DatabaseCorrupt as error:
            return error
        except DatabaseUnavailable:
            return None
        return None

    def stop(self) -> None:
        """End the check, whether it has begun, runs or is over."""
        self._stopped = True
        if self._connection is not None:
            with suppress(sqlite3.ProgrammingError):  # it is closed already
                self._connection.interrupt()
