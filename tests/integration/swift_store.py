"""The store without its thread, and databases that begin as copies: for histories by the thousand."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

from supervisor.errors import StoreError
from supervisor.store.custody import Custody
from supervisor.store.database import connect, named_errors, prepare_database
from supervisor.store.place import Place
from supervisor.store.store import Store, _Waiting
from supervisor.store.transaction import Transaction, log_end

T = TypeVar("T")


class Unwatched(Custody):
    """Does not look after each commit whether the file is still there: nobody else is."""

    def refusal(self, connection: sqlite3.Connection, *, committed: bool) -> StoreError | None:
        """Accept everything."""
        return None


class SwiftStore(Store):
    """Runs each operation at once and alone; transactions, savepoints and events are the store's."""

    _direct: sqlite3.Connection

    async def __aenter__(self) -> Self:
        """Check, migrate and open the file as every engine does."""
        prepare_database(self.path)
        self._direct = connect(self.path)
        self._end = log_end(self._direct)
        self._custody = Unwatched(Place.taken(self.path), self._clock)
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close the file."""
        self._direct.close()

    async def write(self, operation: Callable[[Transaction], T]) -> T:
        """Commit one operation as a batch of its own."""
        waiting = _Waiting(operation, asyncio.get_running_loop().create_future())
        await self._write_one_batch([waiting])
        answer: T = waiting.answer.result()
        return answer

    async def _in_thread(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        with named_errors(self.path):
            return work(self._direct)


def copied(source: Path, target: Path) -> None:
    """Copy a database as a killed process leaves it: the file and its journal, whatever state they are in."""
    for suffix in ("", "-wal"):
        if Path(f"{source}{suffix}").exists():
            shutil.copy(f"{source}{suffix}", f"{target}{suffix}")
