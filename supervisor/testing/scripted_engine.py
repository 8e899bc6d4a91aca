"""A control socket with a scripted team behind it: what looks at engines can be tested without one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

from supervisor.errors import NotFound
from supervisor.model.event import Event, EventFilter
from supervisor.model.wire import to_wire
from supervisor.model.world import Snapshot
from supervisor.testing.scripted_team import ScriptedTeam
from supervisor.transports.control.frame_hub import FrameHub
from supervisor.transports.control.protocol import Bye, Frame
from supervisor.transports.control.server import ControlServer


class ScriptedEngine:
    """Serves a team's story; verbs that change something are kept in `asked` and answered from `answers`.

    An answer is JSON data, an error to raise, or a function of the arguments that returns data.
    """

    def __init__(self, team: ScriptedTeam) -> None:
        """Serve `team` as far as it has come."""
        self.team = team
        self.hub = FrameHub()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {}

    def publish(self, *events: Event) -> None:
        """Send events that the team's story just got to every follower."""
        for event in events:
            self.hub.publish(event)

    def say_bye(self, reason: str) -> None:
        """End every feed."""
        self.hub.publish(Bye(reason=reason))

    async def snapshot(self) -> Snapshot:
        """Return the team's snapshot."""
        return self.team.snapshot()

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        """Answer `events` and `hello` from the story, all else from `answers`; nothing was measured yet."""
        if verb == "events":
            return self._events(args)
        if verb == "metrics" and verb not in self.answers:
            return {"at": None, "agents": []}
        self.asked.append((verb, args))
        if verb == "hello":
            return {"protocol": 1, "version": "0", "team": self.team.engine.team, "pid": self.team.engine.pid}
        answer = self.answers.get(verb, NotFound(f"nothing is scripted for {verb}"))
        if isinstance(answer, Exception):
            raise answer
        return answer(args) if callable(answer) else answer

    def _events(self, args: dict[str, Any]) -> dict[str, Any]:
        given = {name: args[name] for name in ("subject", "actor", "run") if name in args}
        wanted = EventFilter(kinds=tuple(args.get("kinds", ())), **given)
        last = len(self.team.events)
        early = sum(event.at <= (args.get("since_time") or 0.0) for event in self.team.events)
        looked = self.team.events[max(args["since"], early) : args.get("upto")]
        found = [to_wire(event) for event in looked if wanted.takes(event)]
        return {"events": found[: args["limit"]], "until": last, "last": last, "gone": []}

    def subscribe(self) -> AbstractAsyncContextManager[AsyncIterator[Frame]]:
        """Open a feed."""
        return self.hub.subscribe()


@contextmanager
def served_in_a_thread(engine: ScriptedEngine, socket: Path) -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Serve the engine at `socket` in a loop of its own; give a function that runs a call in that loop."""
    ready = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def _serve() -> None:
        over = asyncio.Event()
        loops.append((asyncio.get_running_loop(), over))
        async with ControlServer(engine, socket):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(_serve()), daemon=True)
    thread.start()
    if not ready.wait(10):
        raise TimeoutError("the scripted engine did not come up")
    loop, over = loops[0]
    try:
        yield loop.call_soon_threadsafe  # type: ignore[misc]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
