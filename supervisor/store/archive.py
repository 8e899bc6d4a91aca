"""The archive: the oldest events as gzipped JSON lines, in files that are whole before a row is removed.

It goes in steps, each of which may be the last: a file is written, checked and made durable under its name;
one transaction records it, and from there on it is the place of its events; then their rows are removed in
slices, each in one transaction with the state that they led to (the base). What a kill leaves is a file that
nobody knows, which is written again, or rows that are also in a file, which are removed later.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Final

from supervisor.errors import DatabaseCorrupt, DatabaseUnavailable, InvalidArgument
from supervisor.model.event import GENESIS, Event, verify_chain
from supervisor.model.ids import SUPERVISOR
from supervisor.model.wire import from_wire, to_wire
from supervisor.model.world import ENTITIES
from supervisor.store.database import connect_read_only, named_errors
from supervisor.store.queries import QUERIES
from supervisor.store.transaction import Transaction, event_of

SEGMENT: Final = 10_000
"""How many events a full file holds. Files end at multiples of it: written again, one is the same."""

SLICE: Final = 200
"""How many rows are removed in one transaction: what else is written meanwhile waits a few ms."""

PAGE: Final = 20
"""How many rows are read and packed between two pauses: about a ms, in which nobody else computes."""

ARCHIVED: Final = "events.archived"
"""The kind of the event by which the log itself seals a file's digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One file of the archive: which events are in it, and by what it is known to be whole."""

    first: int
    last: int
    previous_hash: str
    last_hash: str
    sha256: str
    bytes: int
    first_at: float
    last_at: float

    @property
    def name(self) -> str:
        """Return the file's name."""
        return file_name(self.first, self.last)

    @property
    def span(self) -> str:
        """Spell which events are in it: `1-10000`."""
        return f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The newest event that is no longer a row; number 0 if every event is."""

    seq: int = 0
    at: float = 0.0
    run: int = 0
    hash: str = GENESIS


def file_name(first: int, last: int) -> str:
    """Name the file of these events."""
    return f"events-{first}-{last}.jsonl.gz"


def cut_of(connection: sqlite3.Connection) -> Cut:
    """Read where the log's rows begin."""
    row = connection.execute(QUERIES["archive.cut"]).fetchone()
    return Cut(**dict(row))


def segments_of(connection: sqlite3.Connection) -> tuple[Segment, ...]:
    """List the archive's files as recorded, oldest first."""
    return tuple(Segment(**dict(row)) for row in connection.execute(QUERIES["archive.segments"]))


def events_in(path: Path, *, skip: int = 0) -> Iterator[Event]:
    """Yield the events of a file, without the first `skip`; raise DatabaseCorrupt where it is damaged.

    Raises FileNotFoundError if it was removed.
    """
    try:
        with _opened(path) as file, gzip.GzipFile(fileobj=file, mode="rb") as lines:
            for line in islice(lines, skip, None):
                yield from_wire(Event, json.loads(line))
    except FileNotFoundError:
        raise
    except (OSError, EOFError, zlib.error, ValueError, InvalidArgument) as error:
        raise DatabaseCorrupt(
            f"{path} cannot be read: {error}. It was left as it is; put a copy of it in its place."
        ) from error


def sha256_of(path: Path) -> str:
    """Return the digest of a file; raise FileNotFoundError if it was removed."""
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def archivable_until(tx: Transaction, *, before: float | None, keep_runs: int | None) -> int:
    """Return the number up to which events may be moved: what ended runs told before a time.

    With `keep_runs`, whatever lies before the newest so many ended runs may go too. The newest
    event always stays: the next one is sealed with its hash. What comes after the last run's end
    stays too, so that telling of the archive is never itself a reason to archive.
    """
    old = 0 if before is None else _last_before(tx, before)
    surplus = 0 if keep_runs is None else _before_runs(tx, keep_runs)
    ended: int = tx.scalar("archive.end_of_ended")
    return max(0, min(max(old, surplus), ended, tx.end.seq - 1))


def _last_before(tx: Transaction, before: float) -> int:
    """Find the newest row that is older than a time, by halving: numbers and times rise together."""
    low, high = tx.scalar("archive.cut"), tx.end.seq
    while low < high:
        middle = (low + high + 1) // 2
        if tx.scalar("event.time_of", seq=middle) < before:
            low = middle
        else:
            high = middle - 1
    return int(low)


def _before_runs(tx: Transaction, keep: int) -> int:
    """Return the last number before the newest `keep` ended runs; 0 if there are no more than those."""
    if tx.scalar("archive.ended_runs") <= keep:
        return 0
    start = tx.scalar("archive.start_of_kept", keep=keep)
    return tx.end.seq if keep == 0 else (start or 1) - 1


def next_end(archived: int, until: int, *, whole: bool) -> int | None:
    """Return where the next file ends, or None if there is nothing for one; `whole` asks for a full file."""
    end = (archived // SEGMENT + 1) * SEGMENT
    if end <= until:
        return end
    return None if whole or until <= archived else until


def write_segment(
    database: Path, directory: Path, *, last: int, pause: Callable[[], None] = lambda: None
) -> Segment:
    """Write the oldest rows that are in no file yet, up to number `last`, into one; return what to record.

    The file is durable and was read back. Takes its own connection, and `pause` after every few
    rows, so that a thread of an engine can do it beside its work. Raises DatabaseCorrupt for
    rows whose chain is broken: those stay where they are.
    """
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        for scrap in directory.glob(".events-*.new"):
            scrap.unlink()
        with named_errors(database), closing(connect_read_only(database)) as connection:
            previous = (*segments_of(connection), None)[-2:][0]
            first, seal = (1, GENESIS) if previous is None else (previous.last + 1, previous.last_hash)
            path = directory / file_name(first, last)
            scratch = directory / f".{path.name}.new"
            _pack(scratch, _rows(connection, first, last, pause))
        segment = _read_back(scratch, first=first, last=last, previous=seal, pause=pause)
        _move_to(path, scratch, segment.sha256)
    except OSError as error:
        raise DatabaseUnavailable(
            f"{directory}: {error.strerror or error}. Nothing was removed; free it (disk, permissions)."
        ) from error
    return segment


def _rows(
    connection: sqlite3.Connection, first: int, last: int, pause: Callable[[], None]
) -> Iterator[Event]:
    since = first - 1
    while since < last:
        limit = min(PAGE, last - since)
        rows = connection.execute(QUERIES["event.since"], {"since": since, "limit": limit}).fetchall()
        if not rows:
            raise DatabaseCorrupt(f"event {since + 1} is missing from the log; nothing was moved")
        yield from map(event_of, rows)
        since = rows[-1]["seq"]
        pause()


def _pack(scratch: Path, events: Iterator[Event]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(scratch, flags, 0o600), "wb") as file:
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as lines:
            for event in events:
                lines.write(json.dumps(to_wire(event), separators=(",", ":")).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _read_back(scratch: Path, *, first: int, last: int, previous: str, pause: Callable[[], None]) -> Segment:
    ends: list[Event] = []

    def passing() -> Iterator[Event]:
        for number, event in enumerate(events_in(scratch)):
            ends[min(number, 1) :] = [event]
            yield event
            if number % PAGE == 0:
                pause()

    verify_chain(passing(), previous=previous, first_seq=first)
    return Segment(
        first=first,
        last=last,
        previous_hash=previous,
        last_hash=ends[-1].hash,
        sha256=sha256_of(scratch),
        bytes=scratch.stat().st_size,
        first_at=ends[0].at,
        last_at=ends[-1].at,
    )


def _move_to(path: Path, scratch: Path, digest: str) -> None:
    """Give the file its name; what stands there and is not the same is kept beside it."""
    with suppress(FileNotFoundError):
        found = sha256_of(path)
        if found != digest:
            path.replace(path.with_name(f"{path.name}.{found[:12]}"))
    scratch.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _opened(path: Path) -> BufferedReader:
    """Open a file for reading, but not through a symbolic link."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def record_segment(tx: Transaction, segment: Segment) -> None:
    """Make a durable file the place of its events, and let the log seal its digest."""
    tx.execute("archive.add", **asdict(segment))
    tx.tell(ARCHIVED, segment.span, actor=SUPERVISOR, sha256=segment.sha256, bytes=segment.bytes)


def remove_slice(tx: Transaction, *, limit: int = SLICE) -> bool:
    """Remove the oldest rows that are in a file, keeping the state they led to; tell if more are left."""
    newest, cut = tx.scalar("archive.newest"), tx.scalar("archive.cut")
    upto = min(newest, cut + limit)
    if upto <= cut:
        return False
    if tx.scalar("archive.rows_until", upto=upto) != upto - cut:
        raise DatabaseCorrupt(f"events {cut + 1} to {upto} are not all in the log; none was removed")
    tx.execute("archive.fold", upto=upto, nouns=json.dumps(list(ENTITIES)))
    tx.execute("archive.move_cut", upto=upto)
    tx.execute("archive.remove", upto=upto)
    return bool(upto < newest)
