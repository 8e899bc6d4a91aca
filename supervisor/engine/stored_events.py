"""The event log without its engine: read from disk, and archived by hand."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from supervisor.clock import SystemClock
from supervisor.dispatch.archivist import Archivist
from supervisor.errors import EngineNotRunning
from supervisor.model.event import Event, EventFilter
from supervisor.store.event_log import EventLog, opened_log
from supervisor.store.store import Store
from supervisor.workspace.engine_lock import EngineLock
from supervisor.workspace.state_dir import StateDir, open_state


def require_log(project: Path) -> StateDir:
    """Return the places of a project where something has run; raise EngineNotRunning for any other."""
    state = open_state(project, create=False)
    if not state.database.exists():
        raise EngineNotRunning(f"no team has run on {project} yet. Start one: supervisor up survey")
    return state


@contextmanager
def stored_log(project: Path) -> Iterator[EventLog]:
    """Open a project's log for reading; works beside a running engine too."""
    state = require_log(project)
    with opened_log(state.database, state.archive) as log:
        yield log


def events_of_run(project: Path, run: int) -> Iterator[Event]:
    """Yield the events of one run, one by one."""
    wanted = EventFilter(run=run)
    with stored_log(project) as log:
        yield from filter(wanted.takes, log.after(log.start_of_run(run)))


@asynccontextmanager
async def offline_archivist(project: Path) -> AsyncIterator[Archivist]:
    """Give an archivist for a project on which no engine runs; raise LockHeld if one does."""
    state = require_log(project)
    clock = SystemClock()
    lock = EngineLock.acquire(state.lock_file, {"pid": os.getpid(), "started_at": clock.now()})
    try:
        async with Store(state.database, clock) as store:
            yield Archivist(store, state.archive, clock, hurry=True)
    finally:
        lock.release()
