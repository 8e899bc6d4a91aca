"""An engine for tests of the UI: a world in memory, a feed to speak into, calls written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Self

from supervisor.clock import Clock
from supervisor.errors import EngineNotRunning, SupervisorError
from supervisor.model.agent import AgentMetrics
from supervisor.model.approval import Mode
from supervisor.model.event import Event
from supervisor.model.wire import to_wire
from supervisor.model.world import EngineInfo, PoolInfo, Snapshot, World, key_of
from supervisor.transports.control.client import FeedItem
from supervisor.transports.control.protocol import BellFrame, Bye, MetricsFrame

_NOUNS = {
    "Run": "run",
    "Agent": "agent",
    "Milestone": "milestone",
    "Task": "task",
    "Note": "note",
    "Board": "board",
    "Checkpoint": "checkpoint",
    "Message": "message",
    "Delivery": "delivery",
    "Vote": "vote",
    "Ballot": "ballot",
    "Approval": "approval",
    "MemoryEntry": "memory",
    "WorkState": "work_state",
    "Question": "question",
    "Handoff": "handoff",
    "Pool": "pool",
}


class FakeEngine:
    """Holds a world; every `put` becomes an event for those who listen.

    `calls` lists what was asked for; `answers` holds what is answered, by verb. Set `refusal` to
    have the next calls refused, `is_up` to False to have nobody answer.
    """

    def __init__(self, clock: Clock, engine: EngineInfo | None = None) -> None:
        """Begin with an empty world."""
        self.clock = clock
        self.engine = engine or an_engine(clock)
        self.world = World(run=1)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.events: list[Event] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.refusal: SupervisorError | None = None
        self.is_up = True
        self._listeners: list[asyncio.Queue[FeedItem]] = []

    def put(self, *values: Any, verb: str = "changed", actor: str = "supervisor", reason: str = "") -> None:
        """Make values part of the world and tell the listeners, one event each."""
        for value in values:
            noun = _NOUNS[type(value).__name__]
            event = Event(
                seq=self.world.seq + 1,
                at=self.clock.now(),
                run=self.world.run,
                kind=f"{noun}.{verb}",
                subject=key_of(noun, value),
                actor=actor,
                after=to_wire(value),
                reason=reason,
            )
            self.world.apply(event)
            self.events.append(event)
            self._tell(event)

    def measure(self, *metrics: AgentMetrics) -> None:
        """Tell the listeners what the agents use."""
        self._tell(MetricsFrame(at=self.clock.now(), agents=metrics))

    def ring(self, about: str = "help") -> None:
        """Ask the listeners for their bell."""
        self._tell(BellFrame(at=self.clock.now(), about=about))

    def end(self, reason: str = "the run is finished") -> None:
        """Say goodbye, as an engine that stops does."""
        self.is_up = False
        self._tell(Bye(reason=reason))

    def drop(self) -> None:
        """Break all connections without a word, as a killed engine does."""
        self.is_up = False
        self._tell(Bye(reason="lost"))

    def snapshot(self) -> Snapshot:
        """Return everything at this instant."""
        return Snapshot(
            version=self.world.seq,
            at=self.clock.now(),
            run=self.world.run,
            engine=self.engine,
            tables=self.world.wire_tables(),
        )

    async def connect(self) -> FakeConnection:
        """Answer like an engine's socket."""
        if not self.is_up:
            raise EngineNotRunning
        return FakeConnection(self)

    def _tell(self, item: FeedItem) -> None:
        for listener in self._listeners:
            listener.put_nowait(item)

    async def listen(self) -> AsyncGenerator[FeedItem, None]:
        """Yield a snapshot, then what is told."""
        told: asyncio.Queue[FeedItem] = asyncio.Queue()
        self._listeners.append(told)
        try:
            yield self.snapshot()
            while True:
                item = await told.get()
                yield item
                if isinstance(item, Bye):
                    return
        finally:
            self._listeners.remove(told)


class FakeConnection:
    """One connection to a FakeEngine."""

    def __init__(self, engine: FakeEngine) -> None:
        """Belong to an engine."""
        self._engine = engine

    async def __aenter__(self) -> Self:
        """Return the connection."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""

    def feed(self) -> AsyncGenerator[FeedItem, None]:
        """Yield a snapshot, then what happens."""
        return self._engine.listen()

    async def call(self, verb: str, **args: Any) -> Any:
        """Write the call down, or refuse it."""
        if verb == "events":
            told = [event for event in self._engine.events if event.seq > args["since"]]
            return {"events": [to_wire(event) for event in told[: args["limit"]]]}
        self._engine.calls.append((verb, args))
        if self._engine.refusal is not None:
            raise self._engine.refusal
        return self._engine.answers.get(verb, {})

    async def close(self) -> None:
        """Hang up."""


def an_engine(clock: Clock, *, team: str = "survey", log_dir: str = "/nowhere/logs") -> EngineInfo:
    """Describe an engine that runs the survey team."""
    return EngineInfo(
        team=team,
        description="Surveys a code base",
        project="/home/someone/project",
        mode=Mode.INTERACTIVE,
        pid=4242,
        started_at=clock.now() - 95,
        pools=(
            PoolInfo(name="planner", role="planner", size=1),
            PoolInfo(name="worker", role="worker", size=4),
            PoolInfo(name="judge", role="judge", size=1),
            PoolInfo(name="reviewer", role="judge", size=3),
        ),
        log_dir=log_dir,
        report_dir="/home/someone/project/.supervisor/reports/run-1",
        version="0.1.0",
    )
