"""The state as it was: folded from the archive and the database, up to any event or time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from supervisor.errors import DatabaseCorrupt, NotFound
from supervisor.model.event import Event
from supervisor.model.world import World
from supervisor.store.database import reading
from supervisor.store.event_log import EventLog
from supervisor.workspace.state_dir import open_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A world as it was: after which event, and how many there are by now. `event` is None at number 0."""

    world: World
    event: Event | None
    last_seq: int


async def world_at(project: Path, *, seq: int | None = None, at: float | None = None) -> World:
    """Return the world after event `seq`, or after all that was not later than `at`; the newest without both.

    Raises NotFound if there is no such event, or if a file of the archive that is needed was removed.
    """
    return (await replay(project, seq=seq, at=at)).world


async def replay(project: Path, *, seq: int | None = None, at: float | None = None) -> Replayed:
    """Return the world at a point, with the event that led there; needs no engine and changes nothing."""
    return await asyncio.to_thread(_replay, project, seq, at)


def _replay(project: Path, seq: int | None, at: float | None) -> Replayed:
    state = open_state(project, create=False)
    with reading(state.database) as connection:
        log = EventLog(connection, state.archive)
        last = log.last_seq
        wanted = seq if seq is not None else last if at is None else log.last_until(at)
        if wanted > last:
            raise NotFound(f"there is no event {wanted} yet; the newest is {last}")
        world, event = _folded(log, wanted)
    return Replayed(world=world, event=event, last_seq=last)


def _folded(log: EventLog, wanted: int) -> tuple[World, Event | None]:
    world = log.base() if wanted >= log.cut.seq else World()
    event: Event | None = None
    if world.seq < wanted:
        for event in log.after(world.seq):
            if event.seq != world.seq + 1:
                raise _lost(log, world.seq)
            world.apply(event)
            if event.seq == wanted:
                break
    return world, event


def _lost(log: EventLog, seen: int) -> NotFound | DatabaseCorrupt:
    if not log.gone:
        return DatabaseCorrupt(f"event {seen + 1} is missing from the log. Look closer: `supervisor fsck`")
    cut = log.cut.seq
    return NotFound(
        f"{log.gone[0]} was removed from the archive, so no state before event {cut} can be rebuilt. "
        f"Put it back, or ask for {cut} or later."
    )
