"""Conversations with live incarnations: their bytes go to a driver, its events to the log and to dispatch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from supervisor.adapters.adapter import Adapter, LaunchContext
from supervisor.adapters.driver import Answer, Capabilities, Driver
from supervisor.adapters.events import AgentEvent
from supervisor.adapters.pty_driver import PtyDriver
from supervisor.adapters.screen import Screen
from supervisor.dispatch.ports import Listener
from supervisor.engine.event_lines import lines_of
from supervisor.runtime.output import OnOutput
from supervisor.runtime.process import Process
from supervisor.runtime.screen_matcher import ScreenMatcher
from supervisor.runtime.terminal import TerminalSize

_log = logging.getLogger(__name__)


class Change:
    """Lets any number wait for the next of a row of happenings; costs nothing while nobody does."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._next: asyncio.Event | None = None

    def tell(self) -> None:
        """Wake all who wait."""
        if self._next is not None:
            self._next.set()
            self._next = None

    async def wait(self) -> None:
        """Wait for the next one."""
        self._next = self._next or asyncio.Event()
        await self._next.wait()


class Talk:
    """One conversation: what `dispatch` may ask of a live incarnation. Fills its port `Partner`."""

    def __init__(
        self, context: LaunchContext, capabilities: Capabilities, *, log: OnOutput, matcher: ScreenMatcher
    ) -> None:
        """Begin before the process is there."""
        self.agent: Final = context.agent
        self.incarnation: Final = context.incarnation
        self.pool: Final = context.pool
        self.directory: Final = context.directory
        self.resumed: Final = context.resume
        self.capabilities: Final = capabilities
        self._log: Final = log
        self._matcher: Final = matcher
        self._timers: Final[set[asyncio.TimerHandle]] = set()
        self._driver: Driver | None = None
        self._process: Process | None = None
        self._change: Final = Change()
        self._on_event: Callable[[AgentEvent], None] = lambda _event: None

    def join(self, driver: Driver) -> None:
        """Speak by this driver."""
        self._driver = driver

    # ------------------------------------------------------------ as its driver sees it

    def send(self, data: bytes) -> bool:
        """Write to the agent's stdin."""
        return self._process is not None and self._process.tell(data)

    def tell(self, event: AgentEvent) -> None:
        """Write what the agent did into its log, and hand it on."""
        for line in lines_of(event):
            self._log(line)
        self._on_event(event)

    def later(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call in so many seconds, unless the conversation is over by then."""

        def ring() -> None:
            self._timers.discard(timer)
            try:
                call()
            except Exception:  # noqa: BLE001 - a fault of a plug-in is this agent's, not the team's
                _log.exception("the driver of %s failed at its own time", self.agent)

        def call_off() -> None:
            self._timers.discard(timer)
            timer.cancel()

        timer = asyncio.get_running_loop().call_later(seconds, ring)
        self._timers.add(timer)
        return call_off

    def look_for(
        self,
        patterns: Mapping[str, str],
        lines: Sequence[str],
        found: Callable[[dict[str, tuple[int, ...]]], None],
    ) -> None:
        """Say later which lines match which expression."""
        self._matcher.ask(self, patterns, lines, found, who=self.agent)

    # ------------------------------------------------------------ as its owner sees it

    def hear(self, data: bytes) -> None:
        """Hand what the agent wrote to the driver; a fault of a plug-in ends no reader."""
        if self._driver is None:
            return
        try:
            self._driver.hear(data)
        except Exception:  # noqa: BLE001 - a fault of a plug-in is this agent's, not the team's
            _log.exception("the driver of %s could not take what it wrote", self.agent)
        self._change.tell()

    def begin(self, process: Process, on_event: Callable[[AgentEvent], None]) -> None:
        """Open the conversation with the process that was just spawned."""
        self._process, self._on_event = process, on_event
        if self._driver is not None:
            self._driver.open()

    async def last(self) -> None:
        """Wait for the process's end, and close the conversation."""
        if self._process is not None and self._driver is not None:
            await self._process.wait()
            self._matcher.forget(self)
            for timer in self._timers:
                timer.cancel()
            self._timers.clear()
            self._driver.close()
            self._change.tell()

    # ------------------------------------------------------------ as a person at its terminal sees it

    @property
    def screen(self) -> Screen | None:
        """Return what stands on its terminal; None for an agent without one."""
        return self._driver.screen if isinstance(self._driver, PtyDriver) else None

    async def changed(self) -> None:
        """Wait until it writes again, or has ended."""
        await self._change.wait()

    def resize(self, size: TerminalSize) -> bool:
        """Give its terminal another size; False for an agent without one."""
        if self.screen is None or self._process is None or not self._process.resize(size):
            return False
        self.screen.resize(size.rows, size.columns)
        self._change.tell()
        return True

    # ------------------------------------------------------------ as dispatch sees it

    def prompt(self, text: str, *, fresh: bool = False) -> None:
        """Begin a turn, as `Driver.prompt` says."""
        if self._driver is not None:
            self._driver.prompt(text, fresh=fresh)

    def inject(self, text: str) -> bool:
        """Say something during a turn."""
        return self._driver is not None and self._driver.inject(text)

    def interrupt(self) -> bool:
        """Have the turn end soon."""
        return self._driver is not None and self._driver.interrupt()

    def answer(self, request: str, answer: Answer) -> bool:
        """Answer an open request."""
        return self._driver is not None and self._driver.answer(request, answer)


class Talks:
    """All conversations of this engine's agents, by agent."""

    def __init__(self) -> None:
        """Begin with none; `listen` before anything is spawned."""
        self._listeners: Final[list[Listener]] = []
        self._live: Final[dict[str, Talk]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._early: Final[list[Talk]] = []
        self._matcher: Final = ScreenMatcher()

    def listen(self, listener: Listener) -> None:
        """Tell of each conversation's begin, events and end; in the order of those who asked to hear."""
        self._listeners.append(listener)

    def of(self, agent: str) -> Talk | None:
        """Return the conversation with a live agent."""
        return self._live.get(agent)

    def prepare(self, context: LaunchContext, adapter: Adapter, *, log: OnOutput) -> Talk | None:
        """Make a conversation ready before the spawn; None for agents that one does not talk with."""
        talk = Talk(context, adapter.capabilities(context.pool), log=log, matcher=self._matcher)
        driver = adapter.driver(context, talk)
        if driver is None:
            return None
        talk.join(driver)
        return talk

    def begin(self, talk: Talk, process: Process) -> None:
        """Begin a conversation with a process that was just spawned."""
        self._live[talk.agent] = talk
        for listener in self._listeners:
            listener.began(talk)
        talk.begin(process, partial(self._heard, talk))
        if self._tasks is None:
            self._early.append(talk)
        else:
            self._tasks.create_task(self._follow(talk), name=f"talk with {talk.agent}")

    async def keep(self) -> None:
        """See every conversation to its end, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._matcher.run(), name="screen matcher")
            for talk in self._early:
                tasks.create_task(self._follow(talk), name=f"talk with {talk.agent}")
            self._early.clear()
            await asyncio.Event().wait()

    async def _follow(self, talk: Talk) -> None:
        try:
            await talk.last()
        except Exception:  # noqa: BLE001 - a fault of a plug-in is this agent's, not the team's
            _log.exception("the conversation with %s could not be closed", talk.agent)
        if self._live.get(talk.agent) is talk:  # else the next one has begun
            del self._live[talk.agent]
        for listener in self._listeners:
            listener.ended(talk)

    def _heard(self, talk: Talk, event: AgentEvent) -> None:
        for listener in self._listeners:
            listener.heard(talk, event)
