"""fsck: check the invariants of the state on disk, without changing anything.

The log is read once, from the archive's first file to the newest row, and folded as it comes by, so
that nothing but the state itself is held in memory. Checks of single events stand in
`history_checks`, checks of the state in `state_checks`; each is a line of the report.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from supervisor.engine.archive_check import ArchiveCheck
from supervisor.engine.history_checks import HISTORY_CHECKS, Change, HistoryCheck
from supervisor.engine.state_checks import STATE_CHECKS, Look
from supervisor.errors import InvalidArgument, StoreError, SupervisorError
from supervisor.model.event import GENESIS, Event, sealed_hash
from supervisor.model.world import ENTITIES, World, key_of
from supervisor.store.database import reading
from supervisor.store.event_log import EventLog
from supervisor.store.rows import from_row
from supervisor.store.transaction import Transaction, log_end
from supervisor.workspace.engine_lock import holder_of
from supervisor.workspace.state_dir import open_state

SHOWN: Final = 3
CHAIN: Final = "event chain (I6)"
FOLD: Final = "state = fold of events (I6)"

Line = tuple[str, bool, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FsckReport:
    """What was checked: name, whether it holds, and what was found."""

    checks: tuple[Line, ...]

    @property
    def ok(self) -> bool:
        """Tell whether every check holds."""
        return all(holds for _, holds, _ in self.checks)


async def fsck(project: Path) -> FsckReport:
    """Check a project's state; works beside a running engine, in one read transaction."""
    state = open_state(project, create=False)
    engine_runs = holder_of(state.lock_file) is not None
    return await asyncio.to_thread(check_file, state.database, state.archive, engine_runs=engine_runs)


def check_file(database: Path, archive: Path, *, engine_runs: bool) -> FsckReport:
    """Check one file, wherever it is; `engine_runs` says that agents may be shown as running in it."""
    return FsckReport(checks=_checks(database, archive, engine_runs=engine_runs))


def _checks(database: Path, archive: Path, *, engine_runs: bool) -> tuple[Line, ...]:
    try:
        with reading(database) as connection:
            integrity = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            foreign = connection.execute("PRAGMA foreign_key_check").fetchall()
            tx = Transaction(connection, end=log_end(connection), now=0.0, run=0)
            look = Look(tx=tx, engine_runs=engine_runs)
            return (
                ("database pages", integrity == ["ok"], "; ".join(integrity)),
                ("references", not foreign, f"{len(foreign)} dangling"),
                *_history(EventLog(connection, archive), tx),
                *(_line(check.name, partial(check.judge, look)) for check in STATE_CHECKS),
            )
    except StoreError as error:
        return (("database", False, error.message),)


def _line(name: str, judge: Callable[[], str]) -> Line:
    try:
        return name, True, judge()
    except (SupervisorError, ValueError) as error:
        return name, False, str(error)


def _history(log: EventLog, tx: Transaction) -> Iterator[Line]:
    """Fold the log once, and report all that was seen on the way."""
    archive = ArchiveCheck(log)
    archive.look()
    fold = Fold() if archive.whole else Fold(world=log.base(), seal=log.cut.hash)
    begun, cut = fold.world.seq, log.cut.seq
    try:
        for event in log.after(begun):
            fold.take(event)
            archive.saw(event)
            if event.seq == cut:
                archive.compare(fold.world)
    except StoreError as error:
        fold.found(CHAIN, error.message)
    yield _line("archive", archive.verdict)
    yield _line(
        CHAIN, lambda: fold.verdict(CHAIN, f"events {begun + 1} to {fold.world.seq}, hash chain whole")
    )
    yield _line(FOLD, lambda: fold.verdict(FOLD, _same_state(tx, fold)))
    for check in HISTORY_CHECKS:
        yield _line(check.name, partial(fold.verdict, check.name, f"{fold.judged[check.name]} events"))


@dataclass(slots=True)
class Fold:
    """A world that takes in one event after the other, and the first thing wrong by each check."""

    world: World = field(default_factory=World)
    seal: str = GENESIS
    wrong: dict[str, str] = field(default_factory=dict)
    judged: Counter[str] = field(default_factory=Counter)
    _judges: dict[str, tuple[HistoryCheck, ...]] = field(default_factory=dict)

    def found(self, check: str, words: str) -> None:
        """Keep what a check found, if it is the first."""
        self.wrong.setdefault(check, words)

    def verdict(self, check: str, holds: str) -> str:
        """Return the words for a check that holds; raise ValueError with what it found."""
        if check in self.wrong:
            raise ValueError(self.wrong[check])
        return holds

    def take(self, event: Event) -> None:
        """Check an event's number and seal, fold it, and have every check of its noun judge it."""
        self._check_seal(event)
        before = self.world.tables[event.noun].get(event.subject) if event.noun in ENTITIES else None
        try:
            self.world.apply(event)
        except InvalidArgument as error:
            self.found(FOLD, f"event {event.seq}: {error.message}")
            return
        after = self.world.tables[event.noun][event.subject] if event.noun in ENTITIES else None
        change = Change(event=event, before=before, after=after, world=self.world)
        for check in self._judges_of(event.noun):
            self.judged[check.name] += 1
            if wrong := check.judge(change):
                self.found(check.name, f"event {event.seq} ({event.kind} {event.subject}): {wrong}")

    def _check_seal(self, event: Event) -> None:
        expected = self.world.seq + 1
        if event.seq != expected:
            self.found(CHAIN, f"event {expected} is missing from the log; the next one is {event.seq}")
            self.world.seq = event.seq - 1
        elif sealed_hash(self.seal, event) != event.hash:
            self.found(CHAIN, f"event {event.seq} ({event.kind}) was altered")
        self.seal = event.hash

    def _judges_of(self, noun: str) -> tuple[HistoryCheck, ...]:
        if noun not in self._judges:
            chosen = tuple(check for check in HISTORY_CHECKS if not check.nouns or noun in check.nouns)
            self._judges[noun] = chosen
        return self._judges[noun]


def _same_state(tx: Transaction, fold: Fold) -> str:
    if FOLD in fold.wrong:
        return ""
    return f"{sum(_same_table(tx, noun, fold.world.tables[noun]) for noun in ENTITIES)} rows equal"


def _same_table(tx: Transaction, noun: str, folded: dict[str, Any]) -> int:
    """Compare a table with the fold, row by row, and return how many rows it has."""
    wrong: list[str] = []
    seen: set[str] = set()
    for row in tx.each(f"{noun}.all"):
        value = from_row(ENTITIES[noun], row)
        key = key_of(noun, value)
        seen.add(key)
        if folded.get(key) != value:
            wrong.append(key)
    wrong += folded.keys() - seen
    if wrong:
        raise ValueError(
            f"{len(wrong)} rows of {noun} differ from their events: {', '.join(sorted(wrong)[:SHOWN])}"
        )
    return len(seen)
