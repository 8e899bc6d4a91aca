"""The event log as one: what was archived and what is in the database, in order, without a seam."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from supervisor.errors import DatabaseCorrupt, InvalidArgument
from supervisor.model.event import Event, EventFilter
from supervisor.model.wire import from_wire
from supervisor.model.world import ENTITIES, World
from supervisor.store.archive import Cut, Segment, cut_of, events_in, segments_of
from supervisor.store.database import connect_read_only, named_errors
from supervisor.store.queries import QUERIES
from supervisor.store.transaction import event_of

ROWS: Final = 1000
SCANNED: Final = 20_000
"""How many events one page looks at, at most, for those that are wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the log: `until` is the last number that was looked at, `gone` the files that are missing."""

    events: tuple[Event, ...]
    until: int
    gone: tuple[str, ...] = ()


@dataclass(slots=True)
class EventLog:
    """Reads the log through a connection, and through the archive's files for what is no row any more.

    `gone` gathers the names of files that were needed and are missing: their events are left out.
    """

    connection: sqlite3.Connection
    archive: Path
    gone: list[str] = field(default_factory=list)

    @property
    def cut(self) -> Cut:
        """Return the newest event that is no row any more."""
        return cut_of(self.connection)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """List the archive's files as recorded."""
        return segments_of(self.connection)

    @property
    def last_seq(self) -> int:
        """Return the number of the newest event."""
        rows = self._rows("event.last")
        return int(rows[0]["seq"]) if rows else 0

    def base(self) -> World:
        """Return the world after the newest event that is no row any more: here the fold of rows begins."""
        cut = self.cut
        world = World(seq=cut.seq, run=cut.run)
        for noun, subject, value in self.base_values():
            world.tables[noun][subject] = value
        return world

    def base_values(self) -> Iterator[tuple[str, str, Any]]:
        """Yield the values of the base with their nouns and ids, one by one."""
        try:
            for row in self.connection.execute(QUERIES["archive.base"]):
                noun = row["noun"]
                yield noun, row["subject"], from_wire(ENTITIES[noun], json.loads(row["after"]))
        except (InvalidArgument, ValueError, KeyError) as error:
            raise DatabaseCorrupt(f"the state that the archive led to cannot be read: {error}") from error

    def start_of_run(self, run: int) -> int:
        """Return the number before the first event of a run; 0 if that was archived."""
        first = self._rows("event.start_of_run", subject=str(run))[0][0]
        return 0 if first is None else int(first) - 1

    def after(self, since: int) -> Iterator[Event]:
        """Yield every event after a number, one by one; rows that are archived meanwhile are not missed."""
        while rows := self._rows("event.since", since=since, limit=ROWS):
            first = rows[0]["seq"]
            if first > since + 1:
                yield from self._archived(since, before=first)
                since = first - 1
                continue
            yield from map(event_of, rows)
            since = rows[-1]["seq"]

    def page(
        self,
        since: int,
        limit: int,
        wanted: EventFilter,
        *,
        upto: int | None = None,
        scanned: int = SCANNED,
    ) -> Page:
        """Return the wanted events after a number, up to another: at most `limit`, of the next `scanned`."""
        found: list[Event] = []
        until = since
        for count, event in enumerate(self.after(since), start=1):
            if upto is not None and event.seq > upto:
                break
            until = event.seq
            if wanted.takes(event):
                found.append(event)
            if len(found) >= limit or count >= scanned:
                break
        return Page(events=tuple(found), until=until, gone=tuple(self.gone))

    def last_until(self, at: float) -> int:
        """Return the number of the newest event that is not later than a time; 0 if there is none."""
        cut = self.cut
        if at < cut.at:
            return self._archived_until(at)
        low, high = cut.seq, self.last_seq
        while low < high:
            middle = (low + high + 1) // 2
            if self._rows("event.time_of", seq=middle)[0]["at"] <= at:
                low = middle
            else:
                high = middle - 1
        return low

    def _archived_until(self, at: float) -> int:
        newest = 0
        for segment in self.segments:
            if segment.last_at <= at:
                newest = segment.last
            elif segment.first_at <= at:
                for event in self._archived(segment.first - 1, before=segment.last + 1):
                    if event.at > at:
                        break
                    newest = event.seq
        return newest

    def _archived(self, since: int, *, before: int) -> Iterator[Event]:
        """Yield the archived events between two numbers, both excluded."""
        for segment in self.segments:
            if segment.last <= since or segment.first >= before:
                continue
            path = self.archive / segment.name
            skip = max(0, since + 1 - segment.first)
            try:
                for event in events_in(path, skip=skip):
                    if event.seq >= before:
                        break
                    yield event
            except FileNotFoundError:
                self.gone.append(segment.name)

    def _rows(self, query: str, **params: Any) -> list[sqlite3.Row]:
        return self.connection.execute(QUERIES[query], params).fetchall()


@contextmanager
def opened_log(database: Path, archive: Path) -> Iterator[EventLog]:
    """Open the log of a database that its engine, or somebody else, has checked."""
    with named_errors(database):
        connection = connect_read_only(database)
        try:
            yield EventLog(connection, archive)
        finally:
            connection.close()
