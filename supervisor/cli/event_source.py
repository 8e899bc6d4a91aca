"""Where the command line reads the log: from the engine if one runs, else from disk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from supervisor.cli.output import note
from supervisor.errors import EngineNotRunning

if TYPE_CHECKING:
    from supervisor.model.event import Event, EventFilter
    from supervisor.store.event_log import EventLog
    from supervisor.transports.control.client import ControlClient

PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Wanted events, up to number `until`; `last` is the newest there is, `gone` what the archive lacks."""

    events: tuple[Event, ...]
    until: int
    last: int
    gone: tuple[str, ...]


class EventSource(Protocol):
    """Gives the log in pages."""

    async def page(
        self,
        since: int,
        wanted: EventFilter,
        *,
        limit: int = PAGE,
        since_time: float | None = None,
        upto: int | None = None,
    ) -> LogPage:
        """Return what is wanted of the events after a number, and after a time, up to a number."""
        ...


@dataclass(frozen=True, slots=True)
class EngineSource:
    """Asks the engine."""

    client: ControlClient

    async def page(
        self,
        since: int,
        wanted: EventFilter,
        *,
        limit: int = PAGE,
        since_time: float | None = None,
        upto: int | None = None,
    ) -> LogPage:
        """Return what the engine answers."""
        from supervisor.model.event import Event
        from supervisor.model.wire import from_wire

        told: dict[str, Any] = asdict(wanted) | {"kinds": list(wanted.kinds)}
        answer = await self.client.call(
            "events", since=since, since_time=since_time, upto=upto, limit=limit, **told
        )
        return LogPage(
            events=tuple(from_wire(Event, each) for each in answer["events"]),
            until=answer["until"],
            last=answer["last"],
            gone=tuple(answer["gone"]),
        )


@dataclass(frozen=True, slots=True)
class DiskSource:
    """Reads the database and the archive's files."""

    log: EventLog

    async def page(
        self,
        since: int,
        wanted: EventFilter,
        *,
        limit: int = PAGE,
        since_time: float | None = None,
        upto: int | None = None,
    ) -> LogPage:
        """Return what is on disk."""
        if since_time is not None:
            since = max(since, self.log.last_until(since_time))
        page = self.log.page(since, limit, wanted, upto=upto)
        return LogPage(events=page.events, until=page.until, last=self.log.last_seq, gone=page.gone)


@asynccontextmanager
async def event_source(project: Path, *, live: bool = False) -> AsyncIterator[EventSource]:
    """Open the project's log; with `live` raise EngineNotRunning if no engine runs."""
    from supervisor.cli.engine_door import connected

    async with AsyncExitStack() as stack:
        try:
            source: EventSource = EngineSource(await stack.enter_async_context(connected(project)))
        except EngineNotRunning:
            if live:
                raise
            source = DiskSource(stack.enter_context(_log_on_disk(project)))
        yield source


@contextmanager
def _log_on_disk(project: Path) -> Iterator[EventLog]:
    from supervisor.engine.stored_events import require_log, stored_log

    require_log(project)
    note("no engine runs here; this is the log on disk")
    with stored_log(project) as log:
        yield log
