"""The archivist: moves old events out of the database while nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.clock import Clock
from supervisor.errors import DatabaseUnavailable, StoreError
from supervisor.store.archive import (
    Segment,
    archivable_until,
    next_end,
    record_segment,
    remove_slice,
    write_segment,
)
from supervisor.store.store import Store
from supervisor.store.transaction import Transaction

FIRST_S: Final = 60.0
"""How long after its start an engine looks for the first time: the team's own start comes before."""

PERIOD_S: Final = 3600.0
PAUSE_S: Final = 0.005
"""How long its thread lets go of the interpreter after every few rows."""

QUIET_S: Final = 0.05
PATIENCE: Final = 10
"""A slice waits until nothing was written for so long, but not more often than this."""

DAY_S: Final = 86_400.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What may be moved: the events from `first` to `last`; none if `last` is less."""

    first: int
    last: int

    @property
    def events(self) -> int:
        """Return how many those are."""
        return max(0, self.last - self.first + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What stays in the database: what is not older than `before`, and the newest `keep_runs` ended runs."""

    before: float | None
    keep_runs: int | None = None


class Archivist:
    """Moves one file at a time. With `hurry` it waits for nobody: for a database without an engine."""

    def __init__(self, store: Store, directory: Path, clock: Clock, *, hurry: bool = False) -> None:
        """Move events of `store` into `directory`."""
        self.directory = directory
        self._store = store
        self._clock = clock
        self._hurry = hurry
        self._turn = asyncio.Lock()
        self._stopping = threading.Event()

    async def keep(self, *, days: float, runs: int) -> None:
        """Move whole files of what need not stay, hourly, until cancelled; a failure is tried again."""
        try:
            await self._clock.sleep(FIRST_S)
            while True:
                await self._move_all(days=days, runs=runs)
                await self._clock.sleep(PERIOD_S)
        finally:
            self._stopping.set()

    async def _move_all(self, *, days: float, runs: int) -> None:
        try:
            while (moved := await self.move(self.kept(days=days, runs=runs), whole=True)) is not None:
                _log.info("events %s were moved to archive/%s", moved.span, moved.name)
        except StoreError:
            _log.exception("events could not be archived; trying again in %.0f s", PERIOD_S)

    def kept(self, *, days: float, runs: int) -> Retention:
        """Return what a profile wants to keep, as of now."""
        return Retention(before=self._clock.now() - days * DAY_S, keep_runs=runs)

    async def plan(self, kept: Retention) -> Plan:
        """Say what could be moved now, and change nothing."""
        return await self._store.read(lambda tx: _plan(tx, kept))

    async def move(self, kept: Retention, *, whole: bool) -> Segment | None:
        """Move the next file of events, with `whole` only a full one; None if there is nothing for one.

        What a former attempt left undone is done first. Raises StoreError; nothing is lost then.
        """
        async with self._turn:
            await self._remove_rows()
            plan = await self.plan(kept)
            last = next_end(plan.first - 1, plan.last, whole=whole)
            if last is None:
                return None
            segment = await asyncio.to_thread(
                write_segment, self._store.path, self.directory, last=last, pause=self._pause
            )
            await self._store.write(lambda tx: record_segment(tx, segment))
            await self._remove_rows()
            return segment

    async def _remove_rows(self) -> None:
        """Remove the rows that are in a file, slice by slice, each once the writer has nothing else to do."""
        more = await self._store.read(lambda tx: tx.scalar("archive.newest") > tx.scalar("archive.cut"))
        while more:
            await self._quiet()
            more = await self._store.write(remove_slice)

    async def _quiet(self) -> None:
        for _ in range(0 if self._hurry else PATIENCE):
            newest = self._store.last_seq
            await self._clock.sleep(QUIET_S)
            if self._store.last_seq == newest:
                return

    def _pause(self) -> None:
        if self._stopping.is_set():
            raise DatabaseUnavailable("the engine is stopping; the rest is archived by the next one")
        if not self._hurry:
            time.sleep(PAUSE_S)


def _plan(tx: Transaction, kept: Retention) -> Plan:
    first = tx.scalar("archive.newest") + 1
    return Plan(first=first, last=archivable_until(tx, before=kept.before, keep_runs=kept.keep_runs))
