"""One transaction: named queries, and `record`, the only way to write an entity."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from supervisor.errors import DatabaseCorrupt
from supervisor.model.event import GENESIS, Event, seal
from supervisor.model.wire import to_json, to_wire
from supervisor.model.world import ENTITIES, key_of
from supervisor.store.queries import QUERIES
from supervisor.store.rows import from_row, in_order, put_of, row_reader

T = TypeVar("T")

_APPEND: Final = in_order("event.append")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEnd:
    """The number and hash of the newest event; the next one is sealed with them."""

    seq: int = 0
    hash: str = GENESIS


class Transaction:
    """What an operation may do with the database while it alone holds it.

    Events that `record` adds are numbered at once and become visible with the commit.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, end: LogEnd, now: float, run: int, session: str = ""
    ) -> None:
        """Start from the log's end; `now`, `run` and `session` stamp the events."""
        self._connection = connection
        self.end = end
        self.now = now
        self.run = run
        self.session = session
        self.events: list[Event] = []
        self._caller = ("", 0)

    @contextmanager
    def called_by(self, agent: str, incarnation: int) -> Iterator[None]:
        """Let the events whose actor is `agent` tell which of its incarnations acted."""
        self._caller = (agent, incarnation)
        try:
            yield
        finally:
            self._caller = ("", 0)

    def one(self, query: str, /, **params: Any) -> sqlite3.Row | None:
        """Return the first row of a named query, or None."""
        row: sqlite3.Row | None = self._connection.execute(QUERIES[query], params).fetchone()
        return row

    def all(self, query: str, /, **params: Any) -> list[sqlite3.Row]:
        """Return all rows of a named query."""
        return self._connection.execute(QUERIES[query], params).fetchall()

    def each(self, query: str, /, **params: Any) -> Generator[sqlite3.Row, None, None]:
        """Yield the rows of a named query one by one: for tables that need not fit into memory."""
        yield from self._connection.execute(QUERIES[query], params)

    def each_value(self, kind: type[T], query: str, /, **params: Any) -> Generator[T, None, None]:
        """Yield the rows of a named query one by one as model values."""
        for row in self.each(query, **params):
            yield from_row(kind, row)

    def execute(self, query: str, /, **params: Any) -> int:
        """Run a named statement about bookkeeping and return how many rows it changed."""
        return self._connection.execute(QUERIES[query], params).rowcount

    def scalar(self, query: str, /, **params: Any) -> Any:
        """Return the only value of a named query that always has one row."""
        return self._connection.execute(QUERIES[query], params).fetchone()[0]

    def value(self, kind: type[T], query: str, /, **params: Any) -> T | None:
        """Return the first row of a named query as a model value, or None."""
        row = self.one(query, **params)
        return None if row is None else from_row(kind, row)

    def values(self, kind: type[T], query: str, /, **params: Any) -> tuple[T, ...]:
        """Return the rows of a named query as model values."""
        rows = self.all(query, **params)
        return tuple(map(row_reader(kind, rows[0]), rows)) if rows else ()

    def record(self, kind: str, value: T, *, actor: str, reason: str = "") -> T:
        """Write an entity and its event `noun.verb` together; return the entity."""
        noun = kind.partition(".")[0]
        if not isinstance(value, ENTITIES[noun]):
            raise TypeError(f"{kind} needs a {ENTITIES[noun].__name__}")
        after = to_wire(value)
        put = put_of(noun)
        self._connection.execute(put.ordered.statement, put.values(after))
        self._append(kind, key_of(noun, value), actor, after, reason)
        return value

    def tell(self, kind: str, subject: str, *, actor: str, reason: str = "", **facts: Any) -> None:
        """Add an event about something that is no entity (`engine.started`); it changes no state."""
        if kind.partition(".")[0] in ENTITIES:
            raise ValueError(f"{kind} changes an entity: use record")
        self._append(kind, subject, actor, facts, reason)

    def _append(self, kind: str, subject: str, actor: str, after: dict[str, Any], reason: str) -> None:
        agent, incarnation = self._caller
        told: dict[str, Any] = {
            "seq": self.end.seq + 1,
            "at": self.now,
            "run": self.run,
            "kind": kind,
            "subject": subject,
            "actor": actor,
            "reason": reason,
            "session": self.session,
            "incarnation": incarnation if actor == agent else 0,
        }
        spelled = to_json(after)  # once: the seal covers exactly what the row holds
        told["hash"] = seal(self.end.hash, after=spelled, **told)
        row = {**told, "after": spelled}
        self._connection.execute(_APPEND.statement, [row[name] for name in _APPEND.names])
        event = Event(after=after, **told)
        self.events.append(event)
        self.end = LogEnd(seq=event.seq, hash=event.hash)


def event_of(row: sqlite3.Row) -> Event:
    """Build an event from its row, whose types the table holds; raise DatabaseCorrupt if it makes none."""
    try:
        after = json.loads(row["after"])
    except ValueError as error:
        raise DatabaseCorrupt(f"event {row['seq']} cannot be read: {error}") from error
    if not isinstance(after, dict):
        raise DatabaseCorrupt(f"event {row['seq']} cannot be read: its value is no object")
    return Event(**(dict(row) | {"after": after}))


def log_end(connection: sqlite3.Connection) -> LogEnd:
    """Read where the event log ends."""
    row = connection.execute(QUERIES["event.last"]).fetchone()
    return LogEnd() if row is None else LogEnd(seq=row["seq"], hash=row["hash"])
