"""Backup and restore: whole, checked copies of a project's database, while the engine runs or without it."""

from __future__ import annotations

import asyncio
import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.clock import Clock
from supervisor.coordinator.restoring import Fenced, Future, fence_off, future_of
from supervisor.engine.fsck import check_file
from supervisor.errors import DatabaseCorrupt, ProjectNotWritable, StoreError, UsageInvalid
from supervisor.model.team import Run
from supervisor.store.backup import clear_away, copy_database, decide_restore, finish_restore, publish, utc
from supervisor.store.database import BACKUPS, connect, named_errors, prepare_database, reading
from supervisor.store.transaction import Transaction, log_end
from supervisor.workspace.engine_lock import EngineLock
from supervisor.workspace.safe_paths import make_private_dir
from supervisor.workspace.state_dir import StateDir, open_state

SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in a database: its newest event, and when that was (None if it is empty)."""

    path: Path
    events: int
    until: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did: what is there now, where the replaced database is kept, who was shut out."""

    contents: Contents
    kept: Path | None
    fenced: Fenced


async def back_up(project: Path, target: Path | None, *, replace: bool, clock: Clock) -> Contents:
    """Write a whole, checked copy of the project's database to `target`, or to a name with the time.

    Beside a running engine it is what was committed when it began. Raises UsageInvalid if the target is
    taken and `replace` is not given, or cannot be there; then nothing was written.
    """
    state = open_state(project, create=False)
    return await asyncio.to_thread(_back_up, state, target, replace=replace, now=clock.now())


def _back_up(state: StateDir, target: Path | None, *, replace: bool, now: float) -> Contents:
    place = target or state.root / BACKUPS / f"coordinator-{utc(now)}.db"
    if target is None and state.root.exists():
        _make_backups(state.root / BACKUPS)
    _check_place(state, place, replace=replace)
    fresh = place.with_name(f".{place.name}.{os.getpid()}.new")
    with named_errors(fresh):
        clear_away(fresh)
    copy_database(state.database, fresh)
    try:
        _require_sound(fresh, state, what=f"the copy of {state.database}")
        contents = contents_of(fresh)
        _publish(fresh, place, replace=replace)
    finally:
        clear_away(fresh)
    return Contents(path=place, events=contents.events, until=contents.until)


def _publish(fresh: Path, place: Path, *, replace: bool) -> None:
    with named_errors(place):
        try:
            publish(fresh, place, replace=replace)
        except FileExistsError as error:
            raise _taken(place) from error


def _make_backups(directory: Path) -> None:
    try:
        make_private_dir(directory)
    except OSError as error:
        raise ProjectNotWritable(f"cannot make {directory}: {error.strerror}.") from error


def _check_place(state: StateDir, place: Path, *, replace: bool) -> None:
    if not place.parent.is_dir():
        raise UsageInvalid(f"there is no directory {place.parent}. Make it, or name another file.")
    if place.is_dir():
        raise UsageInvalid(f"{place} is a directory. Name a file in it.")
    live = state.database.name
    if place.parent.resolve() == state.root and place.name.startswith(live):
        raise UsageInvalid(f"{place} is where the engine keeps its own files. Name another file.")
    if not replace and os.path.lexists(place):
        raise _taken(place)


def _taken(place: Path) -> UsageInvalid:
    return UsageInvalid(f"{place} is there already. Name another file, or give `--force` to replace it.")


async def restore(project: Path, source: Path, *, clock: Clock) -> Restored:
    """Put a copy of `source` in the place of the project's database, whole or not at all.

    Raises LockHeld while an engine runs, and a StoreError if the copy is not sound: then nothing was
    changed. From the moment it is decided a crash does not undo it: the next start completes it.
    """
    state = open_state(project, create=True)
    return await asyncio.to_thread(_restore, state, source, now=clock.now())


def _restore(state: StateDir, source: Path, *, now: float) -> Restored:
    lock = EngineLock.acquire(state.lock_file, {"pid": os.getpid(), "started_at": now})
    try:
        with named_errors(state.database):
            finish_restore(state.database)
        fresh = state.database.with_name(f"{state.database.name}.restoring")
        fenced, contents = _make_copy(state, source, fresh, now=now)
        with named_errors(state.database):
            decide_restore(fresh, state.database)
            kept = finish_restore(state.database)
        return Restored(contents=contents, kept=kept, fenced=fenced)
    finally:
        lock.release()


def _make_copy(state: StateDir, source: Path, fresh: Path, *, now: float) -> tuple[Fenced, Contents]:
    """Copy the source beside the database, bring it up to date, shut out its future, and check it."""
    with named_errors(fresh):
        clear_away(fresh)
    copy_database(source, fresh)
    try:
        prepare_database(fresh)
        _require_sound(fresh, state, what=str(source))  # before the fence writes what is there into the log
        return _fence(fresh, state, source=str(source), now=now)
    except BaseException:
        clear_away(fresh)
        raise


def _fence(fresh: Path, state: StateDir, *, source: str, now: float) -> tuple[Fenced, Contents]:
    future = _future_of(state.database)
    with named_errors(fresh), closing(connect(fresh)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        tx = Transaction(connection, end=log_end(connection), now=now, run=0)
        run = tx.value(Run, "run.latest")
        tx.run = 0 if run is None else run.id
        fenced = fence_off(tx, future, source=source)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # one file, so that a rename moves all of it
    return fenced, Contents(path=state.database, events=tx.end.seq, until=now)


def _future_of(database: Path) -> Future | None:
    """Read what the database that is to be replaced knows; None if it is not there or cannot be read."""
    try:
        with reading(database) as connection:
            return future_of(Transaction(connection, end=log_end(connection), now=0.0, run=0))
    except StoreError:
        return None


def contents_of(database: Path) -> Contents:
    """Tell what is in a database; raise StoreError if it cannot be read."""
    with reading(database) as connection:
        end = log_end(connection)
        tx = Transaction(connection, end=end, now=0.0, run=0)
        until = tx.one("event.time_of", seq=end.seq)
    return Contents(path=database, events=end.seq, until=None if until is None else float(until["at"]))


def _require_sound(database: Path, state: StateDir, *, what: str) -> None:
    report = check_file(database, state.archive, engine_runs=True)
    wrong = [f"{name}: {detail}" for name, holds, detail in report.checks if not holds]
    if wrong:
        more = f" (and {len(wrong) - SHOWN} more)" if len(wrong) > SHOWN else ""
        raise DatabaseCorrupt(
            f"{what} is not sound: {'; '.join(wrong[:SHOWN])}{more}. Nothing was changed; "
            "try another copy, and see `supervisor fsck`."
        )
