"""The open database's custody: whether its file is still there and whole, and what to tell if it is not."""

from __future__ import annotations

import logging
import sqlite3

from supervisor.clock import Clock
from supervisor.errors import DatabaseCorrupt, DatabaseUnavailable, StoreError
from supervisor.store.backup import rescue
from supervisor.store.place import Place

_log = logging.getLogger(__name__)


class Custody:
    """Asked by the writer before each batch and after its commit; used in the connection's thread only."""

    def __init__(self, place: Place, clock: Clock) -> None:
        """Take the place of a database that was just opened."""
        self._place = place
        self._clock = clock
        self._loss = self._damage = ""

    @property
    def trouble(self) -> str:
        """Say why nothing is accepted and what to do; empty while all is well."""
        return self._damage or self._loss

    def refusal(self, connection: sqlite3.Connection, *, committed: bool) -> StoreError | None:
        """Return what must be answered instead of writing, or of telling that something was written.

        When the file is first found lost, all that the connection holds of it is saved to another. A file
        that was moved away and comes back is written again.
        """
        loss = self._place.loss(committed=committed)
        if not loss:
            self._loss = ""
        elif not self._loss:
            self._loss = f"{loss} while the engine works on it. {self._rescued(connection)}"
            _log.critical("%s", self._loss)
        if self._damage:
            return DatabaseCorrupt(self._damage)
        return DatabaseUnavailable(self._loss) if self._loss else None

    def damaged(self, damage: DatabaseCorrupt) -> None:
        """Accept nothing any more: a page was found damaged."""
        self._damage = (
            f"{damage.message} Nothing more is accepted: `supervisor down --now`, then "
            "`supervisor restore FILE` with a backup."
        )
        _log.critical("%s", self._damage)

    def _rescued(self, connection: sqlite3.Connection) -> str:
        try:
            saved = rescue(connection, self._place.path, now=self._clock.now())
        except (sqlite3.Error, OSError) as error:
            return (
                f"Nothing more is accepted, and no copy could be saved ({error}). Put it back, or "
                "`supervisor down --now` and `supervisor restore FILE` with a backup."
            )
        return (
            "Nothing more is accepted, and all that was acknowledged is saved: `supervisor down --now`, then "
            f"`supervisor restore {saved}` and `supervisor up`."
        )
