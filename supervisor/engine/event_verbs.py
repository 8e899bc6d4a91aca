"""The operator's verbs about the event log: read it through the archive, and move old events there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from supervisor.dispatch.archivist import Retention
from supervisor.model.event import EventFilter
from supervisor.model.wire import to_wire
from supervisor.store.event_log import opened_log

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend

EVENTS_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Arguments of `events`. With `since_time`, epoch seconds, what was not later is left out too."""

    since: int = 0
    since_time: float | None = None
    upto: int | None = None
    limit: int = EVENTS_MAX
    kinds: tuple[str, ...] = ()
    subject: str = ""
    actor: str = ""
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Arguments of `archive`: without `before`, epoch seconds, what the profile says."""

    before: float | None = None
    dry_run: bool = False


async def events(backend: Backend, asked: Events) -> dict[str, Any]:
    """Return some of the log: `until` is where to go on, `last` the newest number."""
    return await asyncio.to_thread(partial(_page, backend, asked))


def _page(backend: Backend, asked: Events) -> dict[str, Any]:
    """Read on a connection of its own: the writer is not held up."""
    wanted = EventFilter(kinds=asked.kinds, subject=asked.subject, actor=asked.actor, run=asked.run)
    limit = max(1, min(asked.limit, EVENTS_MAX))
    with opened_log(backend.coordinator.store.path, backend.archivist.directory) as log:
        since = (
            asked.since if asked.since_time is None else max(asked.since, log.last_until(asked.since_time))
        )
        page = log.page(since, limit, wanted, upto=asked.upto)
        return {
            "events": [to_wire(event) for event in page.events],
            "until": page.until,
            "last": log.last_seq,
            "gone": list(page.gone),
        }


async def archive(backend: Backend, asked: Archive) -> dict[str, Any]:
    """Move one file's worth of old events, or say what would be moved."""
    team, archivist = backend.coordinator.team, backend.archivist
    if asked.before is None:
        kept = archivist.kept(days=team.keep_events_days, runs=team.keep_runs)
    else:
        kept = Retention(before=asked.before)
    moved = None if asked.dry_run else await archivist.move(kept, whole=False)
    plan = await archivist.plan(kept)
    return {"moved": None if moved is None else asdict(moved), "left": asdict(plan)}


EVENT_VERBS: Final[dict[str, tuple[type[Any], Callable[[Backend, Any], Awaitable[dict[str, Any]]]]]] = {
    "events": (Events, events),
    "archive": (Archive, archive),
}
