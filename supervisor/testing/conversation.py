"""A conversation with a real process, through its adapter: what a test says, and events that it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from supervisor.adapters.adapter import Adapter, LaunchContext
from supervisor.adapters.driver import Answer, Driver
from supervisor.adapters.events import AgentEvent, Permission, Started, TurnEnd
from supervisor.adapters.kit import add_to_kit, write_kit
from supervisor.clock import SystemClock
from supervisor.model.agent import Role
from supervisor.model.team import PoolSpec, StopLadder
from supervisor.runtime.launch import Launch
from supervisor.runtime.process import Process
from supervisor.runtime.spawn import ProcessExit, TreeEnd, spawn

DEADLINE_S: Final = 40.0
STOP: Final = StopLadder(polite_s=3, leader_s=2, group_s=1, sweep_s=3)

_Event = TypeVar("_Event", bound=AgentEvent)


class NotHeard(AssertionError):
    """What a test waited for did not come in time; says what came instead."""


def context_in(
    directory: Path,
    pool: PoolSpec,
    *,
    url: str,
    key: str,
    environ: dict[str, str],
    incarnation: int = 1,
    resume: str = "",
    role: str = "Do as you are told.",
) -> LaunchContext:
    """Write the common part of a kit, and say how an incarnation of `worker-1` is launched."""
    kit_directory, project = directory / "kit", directory / "project"
    kit_directory.mkdir(mode=0o700, exist_ok=True)
    project.mkdir(exist_ok=True)
    kit = write_kit(
        kit_directory,
        url=url,
        key=key,
        agent="worker-1",
        incarnation=incarnation,
        role=Role.WORKER,
        prompt=role,
    )
    return LaunchContext(
        agent="worker-1",
        incarnation=incarnation,
        pool=pool,
        project=project,
        profile_dir=directory,
        report_dir=directory / "report",
        kit=kit,
        session=directory.name,
        resume=resume,
        environ=environ,
    )


@dataclass(slots=True)
class Conversation:
    """One incarnation. `events` is all that its driver told, `faults` what it raised by mistake."""

    context: LaunchContext
    launch: Launch
    events: list[AgentEvent] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    prompts: int = 0
    is_closed: bool = False
    sent: bytearray = field(default_factory=bytearray, repr=False)
    errors: bytearray = field(default_factory=bytearray, repr=False)
    _driver: Driver | None = None
    _process: Process | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    # ------------------------------------------------------------ as its driver sees it

    def send(self, data: bytes) -> bool:
        """Write to the agent's stdin."""
        self.sent += data
        return self.process.tell(data)

    def tell(self, event: AgentEvent) -> None:
        """Keep an event, and wake who waits for one."""
        self.events.append(event)
        self._changed.set()

    # ------------------------------------------------------------ as a test sees it

    @property
    def driver(self) -> Driver:
        """Return the driver."""
        assert self._driver is not None, "this adapter holds no conversation"  # noqa: S101 - for a test
        return self._driver

    @property
    def process(self) -> Process:
        """Return the process."""
        assert self._process is not None, "nothing was spawned"  # noqa: S101 - for a test
        return self._process

    @property
    def project(self) -> Path:
        """Return the directory in which it works."""
        return self.context.directory

    def all(self, kind: type[_Event], *, after: int = 0) -> list[_Event]:
        """Return the events of one kind; `after` so many of all."""
        return [event for event in self.events[after:] if isinstance(event, kind)]

    @property
    def session(self) -> str:
        """Return the agent's own name of the conversation that runs."""
        return self.all(Started)[-1].session_id

    async def until(
        self,
        kind: type[_Event],
        *,
        fits: Callable[[_Event], bool] = lambda _event: True,
        after: int = 0,
        timeout_s: float = DEADLINE_S,
    ) -> _Event:
        """Return the first event of a kind that fits, after the first `after`; NotHeard if it is late."""

        def is_it(event: AgentEvent) -> bool:
            return isinstance(event, kind) and fits(event)

        found = await self.until_any(is_it, what=kind.__name__, after=after, timeout_s=timeout_s)
        assert isinstance(found, kind)  # noqa: S101 - it fits
        return found

    async def until_any(
        self,
        fits: Callable[[AgentEvent], bool],
        *,
        what: str,
        after: int = 0,
        timeout_s: float = DEADLINE_S,
    ) -> AgentEvent:
        """Return the first event of whatever kind that fits; NotHeard says that there was none of `what`."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    self._changed.clear()
                    for event in self.events[after:]:
                        if fits(event):
                            return event
                    await self._changed.wait()
        except TimeoutError:
            raise NotHeard(self.story(f"no {what} in {timeout_s:g} s")) from None

    def prompt(self, text: str, *, fresh: bool = False) -> int:
        """Begin a turn; returns how many events there were before it."""
        before = len(self.events)
        self.driver.prompt(text, fresh=fresh)
        self.prompts += 1
        return before

    async def turn(self, text: str, *, fresh: bool = False, timeout_s: float = DEADLINE_S) -> TurnEnd:
        """Have a whole turn."""
        before = self.prompt(text, fresh=fresh)
        return await self.until(TurnEnd, after=before, timeout_s=timeout_s)

    def answer(self, request: str, answer: Answer) -> bool:
        """Answer a request."""
        was_taken = self.driver.answer(request, answer)
        if was_taken:
            self.answered.append(request)
        return was_taken

    async def allow_all(self, before: int) -> TurnEnd:
        """Allow whatever is asked until the turn that began after so many events has ended."""
        seen: set[str] = set()

        def is_next(event: AgentEvent) -> bool:
            return isinstance(event, TurnEnd) or (isinstance(event, Permission) and event.request not in seen)

        while True:
            event = await self.until_any(is_next, what="permission or end", after=before)
            if isinstance(event, TurnEnd):
                return event
            assert isinstance(event, Permission)  # noqa: S101 - there is no third
            seen.add(event.request)
            self.answer(event.request, Answer(allow=True))

    async def ended(self, *, timeout_s: float = DEADLINE_S) -> ProcessExit:
        """Wait until the process has ended, and close the conversation."""
        try:
            async with asyncio.timeout(timeout_s):
                found = await self.process.wait()
        except TimeoutError:
            raise NotHeard(self.story(f"it has not ended in {timeout_s:g} s")) from None
        self.close()
        return found

    def close(self) -> None:
        """Tell the driver that the process is gone, once."""
        if not self.is_closed:
            self.is_closed = True
            self.driver.close()

    async def stop(self, ladder: StopLadder = STOP) -> TreeEnd:
        """Stop the whole tree, in the agent's own way first, and close the conversation."""
        end = await self.process.stop(ladder)
        self.close()
        return end

    def story(self, problem: str) -> str:
        """Say what went wrong and what was heard."""
        told = "\n".join(f"  {event!r}"[:400] for event in self.events[-40:])
        errors = bytes(self.errors[-2_000:]).decode("utf-8", "replace")
        return f"{problem}; exit: {self.process.exit}; heard:\n{told}\nstderr:\n{errors}"


@asynccontextmanager
async def conversing(adapter: Adapter, context: LaunchContext) -> AsyncIterator[Conversation]:
    """Start an agent and speak with it; at the end of the block nothing of it is left."""
    for file in adapter.files(context):
        add_to_kit(context.kit, file.name, file.text, link=file.link)
    talk = Conversation(context=context, launch=adapter.launch(context))
    talk._driver = adapter.driver(context, talk)  # noqa: SLF001 - it is ours, half made

    def hear(data: bytes) -> bool:
        try:
            talk.driver.hear(data)
        except Exception as fault:  # noqa: BLE001 - a driver never raises: what it raised is the finding
            talk.faults.append(fault)
        return True

    def err(data: bytes) -> bool:
        talk.errors.extend(data)
        return True

    talk._process = spawn(talk.launch, on_output=hear, on_errors=err, clock=SystemClock())  # noqa: SLF001 - as above
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_follow(talk))
            try:
                talk.driver.open()
                yield talk
            finally:
                with suppress(AssertionError):
                    await talk.stop()
    except BaseExceptionGroup as several:
        if len(several.exceptions) > 1:
            raise
        raise several.exceptions[0] from None  # what a test asserts is its own, not a group's


async def _follow(talk: Conversation) -> None:
    """Close the conversation as soon as its process has ended, as the engine does."""
    await talk.process.wait()
    talk.close()
