"""The watch over every incarnation whose pool has something to watch, and who is told what of it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from supervisor.adapters.adapter import LaunchContext
from supervisor.clock import Clock
from supervisor.config.placeholders import fill
from supervisor.coordinator import self_reports
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.fitting import Fitting
from supervisor.engine.persistence import until_taken
from supervisor.errors import NotFound
from supervisor.model.agent import ExitClass
from supervisor.model.health import Probe, ReadyBy
from supervisor.runtime.line_matcher import LineMatcher
from supervisor.runtime.notification import Notification
from supervisor.runtime.notify_socket import remove_stale
from supervisor.runtime.probes import ProbeResult, ask_program, ask_url
from supervisor.runtime.process import Process
from supervisor.runtime.spawn import Launch
from supervisor.supervision.notices import Condemned
from supervisor.supervision.readiness import Watch, needs_watch
from supervisor.supervision.supervisor import Supervisor

TELL_EVERY_S: Final = 1.0
"""How often what one agent says of itself is written at most; the last word counts."""

_log = logging.getLogger(__name__)


class ReadinessWatch:
    """Fits out incarnations for their spawn, and watches those whose pool has something to watch.

    Where an agent's first call makes it ready and nothing else is asked of it, it costs nothing.
    """

    def __init__(self, coordinator: Coordinator, clock: Clock, *, directory: Path) -> None:
        """Put sockets in `directory`, which is this engine's own; what a killed one left there is removed."""
        remove_stale(directory)
        self._coordinator: Final = coordinator
        self._clock: Final = clock
        self._directory: Final = directory
        self._matcher: Final = LineMatcher()
        self._supervisor: Supervisor | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._wards: Final[dict[str, Ward]] = {}

    def answer_to(self, supervisor: Supervisor) -> None:
        """Tell this supervisor what is found; before anything is spawned."""
        self._supervisor = supervisor

    async def keep(self) -> None:
        """Watch until cancelled."""
        early = tuple(self._wards.values())
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._matcher.run(), name="line matcher")
            for ward in early:
                tasks.create_task(self._follow(ward))

    def heard_from(self, agent: str, incarnation: int) -> None:
        """Hear that an agent called: where that is how it becomes ready, it is. Comes with every call."""
        ward = self._wards.get(agent)
        if ward is not None and ward.number == incarnation:
            ward.watch.announced(ReadyBy.CALL)
            pool = ward.pool  # as it was when this one was started, whatever the profile says by now
        else:
            pool = self._coordinator.team.pool_of(agent)
        if pool.ready.by is ReadyBy.CALL and self._supervisor is not None:
            self._supervisor.ready(agent, incarnation)

    def fit_out(self, context: LaunchContext, launch: Launch) -> Fitting:
        """Give an incarnation what its pool asks for; raises OSError."""
        return Fitting(
            context.pool,
            launch,
            directory=self._directory,
            matcher=self._matcher,
            awaited=self._supervisor.awaited_lines(context.agent) if self._supervisor else (),
        )

    def begin(self, context: LaunchContext, fitting: Fitting, process: Process) -> None:
        """Watch an incarnation that was just spawned."""
        if self._supervisor is None or not (needs_watch(context.pool) or fitting.awaited):
            return
        ward = Ward(
            context,
            fitting,
            process,
            coordinator=self._coordinator,
            supervisor=self._supervisor,
            clock=self._clock,
        )
        fitting.listen(process, ward.hear, partial(ward.watch.announced, ReadyBy.FD), ward.wrote)
        self._wards[context.agent] = ward
        if self._tasks is not None:
            self._tasks.create_task(self._follow(ward), name=f"watch of {context.marker}")

    async def _follow(self, ward: Ward) -> None:
        try:
            await ward.live()
        except* Exception:  # noqa: BLE001 - a fault of one watch is not the team's
            _log.exception("the watch of %s failed; it goes on unwatched", ward.marker)
            await ward.process.wait()
        finally:
            ward.fitting.close()
            if self._wards.get(ward.agent) is ward:  # else the next one has begun
                del self._wards[ward.agent]
                self._coordinator.hold_back(ward.agent, "")


class Ward:
    """One watched incarnation: fills the ports of its watch, and writes down what it says."""

    def __init__(
        self,
        context: LaunchContext,
        fitting: Fitting,
        process: Process,
        *,
        coordinator: Coordinator,
        supervisor: Supervisor,
        clock: Clock,
    ) -> None:
        """Begin to keep in mind what it says; nothing is asked or written before `live`."""
        self.agent: Final = context.agent
        self.number: Final = context.incarnation
        self.marker: Final = context.marker
        self.pool: Final = context.pool
        self.fitting: Final = fitting
        self.process: Final = process
        self._places: Final = context.places
        self._coordinator: Final = coordinator
        self._supervisor: Final = supervisor
        self._clock: Final = clock
        self._news: Final = asyncio.Event()
        self._untold: Final[dict[str, Callable[[Scope], bool]]] = {}
        self._was_ready = False
        self._asked = 0
        self.watch: Final = Watch(context.pool, self, self, clock)

    async def live(self) -> None:
        """Watch, ask and write until it has ended."""
        async with asyncio.TaskGroup() as tasks:
            works = [tasks.create_task(self.watch.run()), tasks.create_task(self._tell())]
            await self.process.wait()
            for work in works:
                work.cancel()

    # ------------------------------------------------------------ as its watch sees it

    @property
    def started_at(self) -> float:
        """Return when it was started."""
        return self.process.started_at

    @property
    def thawed_at(self) -> float:
        """Return when it was last let go on."""
        return self.process.thawed_at

    @property
    def is_frozen(self) -> bool:
        """Tell whether it is paused."""
        return self.process.is_frozen

    @property
    def is_ending(self) -> bool:
        """Tell whether it has ended or is being ended."""
        return self.process.is_ending

    async def ask(self, probe: Probe) -> ProbeResult:
        """Put a probe's question; a program runs as a part of the agent's tree, in its environment."""
        if probe.url:
            return await ask_url(probe.url)
        if self.process.is_ending:  # its tree may be verified empty by now: nothing may be added to it
            return ProbeResult(passed=False, detail="it is ending")
        self._asked += 1
        launch = replace(
            self.fitting.launch,
            argv=fill(probe.command, self._places),
            agent=f"{self.marker}:probe-{self._asked}",
            within=self.marker,
            pass_fds=(),
            takes_input=False,
            polite=None,
        )
        return await ask_program(launch, clock=self._clock)

    # ------------------------------------------------------------ what its watch finds

    def ready(self) -> None:
        """Tell the supervisor that it can work."""
        self._was_ready = True
        with suppress(NotFound):  # it was retired and forgotten
            self._supervisor.ready(self.agent, self.number)

    def more_time(self, seconds: float) -> None:
        """Tell the supervisor that it asks for more time."""
        with suppress(NotFound):
            self._supervisor.more_time(self.agent, self.number, seconds)

    def condemn(self, cause: ExitClass, detail: str, *, abort: bool = False) -> None:
        """Have it ended."""
        with suppress(NotFound):
            self._supervisor.condemn(
                self.agent, Condemned(incarnation=self.number, cause=cause, detail=detail, abort=abort)
            )

    def obstacle(self, why: str) -> None:
        """Have no new work given to it; that is told of one that was ready, others are shown as starting."""
        self._coordinator.hold_back(self.agent, why)
        if self._was_ready:
            self._say(
                "dispatch", partial(self_reports.held_back, name=self.agent, number=self.number, why=why)
            )

    # ------------------------------------------------------------ what it says

    def hear(self, said: Notification) -> None:
        """Take in one message of its own tree."""
        if said.beat:
            self.watch.beat()
        if said.extend_s is not None:
            self.watch.asks_for(said.extend_s)
        if said.ready:
            self.watch.announced(ReadyBy.NOTIFY)
        if said.stopping:
            self.watch.stops()
        if said.trigger:
            self.watch.trigger()
        if said.status is not None or said.errno is not None:
            words = _words(said)
            self._say("status", partial(self_reports.says, name=self.agent, number=self.number, words=words))

    def wrote(self, pattern: str) -> None:
        """Take in that it wrote a line that is waited for: by its own pool, or by those that depend on it."""
        if pattern == self.pool.ready.pattern:
            self.watch.announced(ReadyBy.LOG)
        if pattern in self.fitting.awaited:
            with suppress(NotFound):
                self._supervisor.log_line_seen(self.agent, self.number, pattern)

    def _say(self, about: str, use_case: Callable[[Scope], bool]) -> None:
        self._untold[about] = use_case
        self._news.set()

    async def _tell(self) -> None:
        """Write the last word on each matter, again later if its start is not written yet."""
        while True:
            await self._news.wait()
            self._news.clear()
            for about, use_case in tuple(self._untold.items()):
                is_taken = await until_taken(
                    partial(self._coordinator.write, use_case), self._clock, what=f"what {self.marker} says"
                )
                if not is_taken:
                    self._news.set()
                elif self._untold[about] is use_case:
                    del self._untold[about]
            await self._clock.sleep(TELL_EVERY_S)


def _words(said: Notification) -> str:
    parts = [] if said.status is None else [said.status]
    if said.errno is not None:
        parts.append(f"errno {said.errno}: {os.strerror(said.errno)}")
    return " · ".join(parts)
