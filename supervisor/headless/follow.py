"""Follow a run through the control client's feed and tell it, until it is over."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Protocol

from supervisor.headless.line_writer import LineWriter
from supervisor.headless.printer import Printer
from supervisor.model.event import Event
from supervisor.model.team import RunState
from supervisor.model.wire import from_wire
from supervisor.model.world import EngineInfo, Snapshot, World
from supervisor.transports.control.client import FeedItem
from supervisor.transports.control.protocol import Bye

PAGE: Final = 1000


class Feed(Protocol):
    """What is needed of a control client."""

    def feed(self) -> AsyncGenerator[FeedItem, None]:
        """Yield a snapshot, then what follows it; a new snapshot after a gap; last a Bye."""
        ...

    async def call(self, verb: str, **args: Any) -> Any:
        """Ask the engine something."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """What was seen when the following ended. `over` is False if the engine went before the run was over."""

    world: World
    engine: EngineInfo | None
    over: bool
    farewell: str = ""


class RunFollower:
    """Keeps a world up to date from the feed and hands every event once to the printer."""

    def __init__(
        self,
        client: Feed,
        printer: Printer,
        out: LineWriter,
        *,
        on_over: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Follow until the run is over; with `on_over` await that once and go on until the farewell."""
        self._client = client
        self._printer = printer
        self._out = out
        self._on_over = on_over
        self._world = World()
        self._engine: EngineInfo | None = None
        self._over = False

    async def follow(self) -> RunEnd:
        """Tell the run and return what was seen last."""
        farewell = ""
        async with aclosing(self._client.feed()) as feed:
            async for frame in feed:
                if isinstance(frame, Bye):
                    farewell = frame.reason
                    break
                await self._take(frame)
                if self._over and self._on_over is None:
                    break
        return RunEnd(world=self._world, engine=self._engine, over=self._over, farewell=farewell)

    async def _take(self, frame: FeedItem) -> None:
        was_over = self._over
        if isinstance(frame, Snapshot):
            await self._open(frame)
        elif isinstance(frame, Event):
            await self._tell(frame)
        if self._over and not was_over and self._on_over is not None:
            await self._on_over()

    async def _open(self, snapshot: Snapshot) -> None:
        if self._engine is None:
            self._world = World.of(snapshot)
            await self._out.write(self._printer.opened(snapshot, self._world))
        else:
            await self._catch_up(snapshot)
        self._engine = snapshot.engine
        self._look_for_end()

    async def _catch_up(self, snapshot: Snapshot) -> None:
        """Tell what was missed between the last event and a later snapshot."""
        while self._world.seq < snapshot.version:
            page = await self._client.call("events", since=self._world.seq, limit=PAGE)
            if not page["events"]:
                break
            for data in page["events"]:
                await self._tell(from_wire(Event, data))
        if self._world.seq < snapshot.version:
            self._world = World.of(snapshot)

    async def _tell(self, event: Event) -> None:
        if event.seq <= self._world.seq:
            return
        lines = self._printer.happened(event, self._world)
        self._world.apply(event)
        await self._out.write(lines)
        if event.noun == "run":
            self._look_for_end()

    def _look_for_end(self) -> None:
        """Note the end of the run, unless it is an earlier engine's finished run that is still shown."""
        run, engine = self._world.current_run, self._engine
        if run is None or engine is None or run.state is RunState.ACTIVE:
            return
        self._over = self._over or (run.finished_at or 0.0) >= engine.started_at
