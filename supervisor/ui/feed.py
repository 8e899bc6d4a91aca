"""The UI's picture of the team: one snapshot, then every event folded in; it never touches a widget."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, Protocol, assert_never

from supervisor.clock import Clock
from supervisor.errors import SupervisorError
from supervisor.model.agent import AgentMetrics
from supervisor.model.event import Event
from supervisor.model.wire import from_wire
from supervisor.model.world import EngineInfo, Snapshot, World
from supervisor.transports.control.client import FeedItem
from supervisor.transports.control.protocol import BellFrame, Bye, MetricsFrame
from supervisor.ui.glyphs import Glyphs
from supervisor.ui.scene import Link, Scene

RECENT_MAX: Final = 2000
RECALLED: Final = 500
RETRY_S: Final = (0.25, 0.5, 1.0, 2.0)
"""How long to wait before trying to reach the engine again; the last one repeats."""


class Engine(Protocol):
    """What the UI needs of a connection to the engine."""

    def feed(self) -> AsyncGenerator[FeedItem, None]:
        """Yield a snapshot, then what happens."""
        ...

    async def call(self, verb: str, **args: Any) -> Any:
        """Have one verb carried out; raise the engine's refusal."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


Connect = Callable[[], Awaitable[Engine]]


class LiveTeam:
    """The team as the feed tells it. `version` rises with everything that could change a pixel.

    `rings` counts how often the engine asked for the bell.
    """

    def __init__(self, clock: Clock) -> None:
        """Know nothing yet."""
        self._clock = clock
        self._world = World()
        self._engine: EngineInfo | None = None
        self._metrics: dict[str, AgentMetrics] = {}
        self._recent: deque[Event] = deque(maxlen=RECENT_MAX)
        self._link = Link.CONNECTING
        self._reason = ""
        self._heard_at = clock.now()
        self.version = 0
        self.rings = 0

    def scene(self, glyphs: Glyphs) -> Scene:
        """Return what is known at this instant."""
        return Scene(
            world=self._world,
            engine=self._engine,
            metrics=self._metrics,
            recent=tuple(self._recent),
            link=self._link,
            link_reason=self._reason,
            heard_at=self._heard_at,
            now=self._clock.now(),
            glyphs=glyphs,
        )

    def take(self, item: FeedItem) -> None:
        """Fold one item of the feed in."""
        self._heard_at = self._clock.now()
        self.version += 1
        match item:
            case Snapshot():
                self._world, self._engine = World.of(item), item.engine
                self._link, self._reason = Link.LIVE, ""
            case Event():
                self._world.apply(item)
                self._recent.append(item)
            case MetricsFrame():
                self._metrics = {each.name: each for each in item.agents}
            case BellFrame():
                self.rings += 1
            case Bye():
                self._cut(Link.LOST if item.reason == "lost" else Link.ENDED, item.reason)
            case _:
                assert_never(item)

    def _cut(self, link: Link, reason: str) -> None:
        self._link, self._reason = link, reason
        self._metrics = {}
        self.version += 1

    async def follow(self, connect: Connect) -> None:
        """Keep the picture up to date for ever: whenever the engine is lost, try again."""
        failures = 0
        while True:
            try:
                engine = await connect()
            except SupervisorError as error:
                self._lose(str(error))
            else:
                failures = 0 if await self._listen(engine) else failures
            await self._clock.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    async def _listen(self, engine: Engine) -> bool:
        """Take everything the engine says; tell whether it said anything."""
        heard = False
        try:
            async with aclosing(engine.feed()) as items:
                async for item in items:
                    self.take(item)
                    if not heard:
                        heard = True
                        await self._recall(engine)
        except SupervisorError as error:
            self._lose(str(error))
        else:
            if self._link is Link.LIVE:
                self._lose("the connection ended")
        finally:
            await engine.close()
        return heard

    async def _recall(self, engine: Engine) -> None:
        """Ask for the last events before the snapshot, so that there is a past to read."""
        since = max(self._world.seq - RECALLED, 0)
        answer = await engine.call("events", since=since, limit=RECALLED)
        past = [from_wire(Event, each) for each in answer.get("events", ())]
        self._recent.clear()
        self._recent.extend(event for event in past if event.seq <= self._world.seq)
        self.version += 1

    def _lose(self, reason: str) -> None:
        if self._link is not Link.ENDED and (self._link, self._reason) != (Link.LOST, reason):
            self._cut(Link.LOST, reason)
