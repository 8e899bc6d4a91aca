"""A team's life inside one engine: everything that runs beside each other, and the way down."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from supervisor import __version__
from supervisor.adapters.adapter import Adapter
from supervisor.coordinator import runs
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.runs import Standing
from supervisor.coordinator.scope import Scope
from supervisor.dispatch.archivist import Archivist
from supervisor.dispatch.caretaker import Caretaker
from supervisor.engine import stopping
from supervisor.engine.backend import Backend
from supervisor.engine.breaker_watch import tell_of_breaker
from supervisor.engine.confinements import Confinements
from supervisor.engine.gauges import Gauges
from supervisor.engine.limit_keeper import LimitKeeper
from supervisor.engine.options import EngineOptions
from supervisor.engine.oversight import DoorBook, Oversight
from supervisor.engine.persistence import until_taken
from supervisor.engine.premises import Premises
from supervisor.engine.readiness_watch import ReadinessWatch
from supervisor.engine.reloading import Reloading
from supervisor.engine.scaling import Scaling
from supervisor.engine.signals import EngineSignals
from supervisor.engine.staff import Staff
from supervisor.engine.state_dump import state_dump
from supervisor.engine.steady_clock import SteadyClock
from supervisor.engine.stopping import StopReason, StopSwitch
from supervisor.engine.team_over import stop_when_the_tree_is_over
from supervisor.engine.time_gaps import TimeGaps
from supervisor.engine.undertaker import bury_orphans
from supervisor.engine.vitals import Vitals
from supervisor.errors import StoreError
from supervisor.model.agent import Agent, AgentState, ExitClass
from supervisor.model.approval import Mode
from supervisor.model.event import Event
from supervisor.model.ids import SUPERVISOR
from supervisor.model.team import OnDone, TeamSpec
from supervisor.model.world import EngineInfo, PoolInfo
from supervisor.notifiers.letter import Letter
from supervisor.notifiers.notifiers import Notifiers
from supervisor.runtime.guardian import Guardian
from supervisor.runtime.spawn import SpawnFailed
from supervisor.runtime.sweep import sweep_strays
from supervisor.supervision.autoscaler import TICK_S
from supervisor.supervision.child_spec import children_of, pools_of
from supervisor.supervision.supervisor import Supervisor
from supervisor.transports.control.frame_hub import FrameHub
from supervisor.transports.control.protocol import BellFrame, Bye
from supervisor.transports.control.server import ControlServer
from supervisor.transports.mcp.server import McpServer
from supervisor.transports.mcp.team_desk import TeamDesk
from supervisor.workspace.remembered_port import remember_port, remembered_port
from supervisor.workspace.state_dir import socket_path

GUARDIAN_RETRY_S: Final = 0.2
LOST_GRACE_S: Final = 10
"""How long a lost database may come back before a headless team ends for it."""

HEADSTART_S: Final = 0.25
"""How long the agents' door stays shut at most, though connections queue, while no agent has started."""

_log = logging.getLogger(__name__)


class TeamLife:
    """One team's rooms, wired; `run` lets them live until the stop switch is thrown."""

    def __init__(
        self,
        coordinator: Coordinator,
        adapters: Mapping[str, Adapter],
        premises: Premises,
        options: EngineOptions,
        clock: SteadyClock,
    ) -> None:
        """Wire everything and take the agents' port; nothing runs yet."""
        self._coordinator = coordinator
        self._options = options
        self._clock = clock
        self._started_at = clock.now()
        self._premises = premises
        self._switch = StopSwitch()
        self._signals = EngineSignals(
            self._switch,
            foreground=options.mode is Mode.HEADLESS,
            dump_file=premises.state.dump_file,
        )
        self._hub = FrameHub()
        self._ending = False
        self._over = False
        self._door = DoorBook(clock)
        self._desk = TeamDesk(
            coordinator,
            facts={"project": str(premises.state.project), "report_dir": str(premises.report_dir)},
            on_call=self._heard_from,
            stopping=lambda _name: self._ending,
            during=self._door.during,
        )
        self._mcp = McpServer(self._desk)
        self._known_port = remembered_port(premises.state)
        self._mcp.bind(self._known_port)
        self._readiness = ReadinessWatch(
            coordinator, clock, directory=socket_path(premises.state.project).parent
        )
        self._confinements = Confinements(coordinator.team, premises.session)
        self._staff = Staff(
            coordinator,
            premises,
            clock,
            adapters=adapters,
            url=self._mcp.url,
            readiness=self._readiness,
            confinements=self._confinements,
        )
        self._supervisor = Supervisor(
            children_of(coordinator.team),
            self._staff,
            self._staff,
            clock,
            random.Random(),  # noqa: S311 - jitter
            top=coordinator.team.supervision,
            branches=coordinator.team.branches,
            pools=pools_of(coordinator.team),
        )
        self._readiness.answer_to(self._supervisor)
        self._caretaker = Caretaker(coordinator, clock, signs_of_life=self._signs_of_life)
        self._archivist = Archivist(coordinator.store, premises.state.archive, clock)
        self._vitals = Vitals(lambda agent: coordinator.team.pool_of(agent).name)
        self._limits = LimitKeeper(
            coordinator,
            clock,
            judge=self._supervisor,
            vitals=self._vitals,
            confinements=self._confinements,
            incarnation_of=self._staff.incarnation_of,
        )
        self._oversight = Oversight(
            coordinator,
            clock,
            staff=self._staff,
            supervisor=self._supervisor,
            vitals=self._vitals,
            door=self._door,
            attended=options.mode is Mode.INTERACTIVE,
        )
        self._scaling = Scaling(
            coordinator,
            self._supervisor,
            clock,
            machine=lambda: self._vitals.machine,
            memory_of=self._vitals.pool_memory,
            stopping=lambda: self._ending,
        )
        self._gauges = Gauges(self._staff, self._hub, clock, self._vitals, session=premises.session)
        self._notifiers = Notifiers(
            coordinator,
            clock,
            random.Random(),  # noqa: S311 - jitter
            ring=self._ring,
            project=premises.state.project.name,
        )
        self._reloading = Reloading(
            coordinator,
            self._supervisor,
            project=premises.state.project,
            on_new_plan=self._take_plan,
            stopping=lambda: self._switch.reason is not None,
        )
        self._backend = Backend(
            coordinator=coordinator,
            supervisor=self._supervisor,
            hub=self._hub,
            switch=self._switch,
            info=self.info,
            notifiers=self._notifiers,
            archivist=self._archivist,
            oversight=self._oversight,
            reloading=self._reloading,
        )
        coordinator.store.listen(self._committed)

    def info(self) -> EngineInfo:
        """Describe this engine for viewers."""
        team, premises = self._coordinator.team, self._premises
        return EngineInfo(
            team=team.name,
            description=team.description,
            project=str(premises.state.project),
            mode=self._options.mode,
            pid=os.getpid(),
            started_at=self._started_at,
            pools=tuple(
                PoolInfo(name=pool.name, role=pool.role.value, size=pool.most, scale=pool.scale)
                for pool in team.pools
            ),
            log_dir=str(premises.state.logs),
            report_dir=str(premises.report_dir),
            endpoint=self._mcp.url,
            version=__version__,
            trouble=self._coordinator.store.trouble,
        )

    async def run(self, socket: Path) -> StopReason:
        """Serve at `socket` and keep the team until it is done or stopped; return why it ended."""
        with self._signals.taken(self._describe):
            async with self._confinements.opened(), self._guarded(), ControlServer(self._backend, socket):
                self._premises.publish(socket, started_at=self._started_at, team=self._coordinator.team.name)
                if self._options.on_ready is not None:
                    self._options.on_ready(socket)
                return await self._live()

    def _take_plan(self, team: TeamSpec, adapters: Mapping[str, Adapter]) -> None:
        self._staff.take_adapters(adapters)
        self._scaling.take_plan(team)

    def _describe(self) -> str:
        """Tell what goes on inside this engine."""
        return state_dump(
            coordinator=self._coordinator, supervisor=self._supervisor, hub=self._hub, clock=self._clock
        )

    async def _live(self) -> StopReason:
        await self._restore_agents()
        async with asyncio.TaskGroup() as tasks:
            agents = tasks.create_task(self._supervisor.run(), name="supervisor")
            beside = [
                tasks.create_task(work, name=name)
                for name, work in self._beside(self._coordinator.team).items()
            ]
            reason = await self._switch.asked()
            _log.info("stopping: %s", reason.words)
            await self._end_agents()
            await agents
            if self._supervisor.stuck:
                reason = stopping.left_behind(reason, self._supervisor.stuck)
            with suppress(StoreError):  # the next engine does it then, as after a crash
                await self._coordinator.outsiders.leave(reason="no engine runs")
            await sweep_strays()
            await self._notifiers.last_words(self._switch.hurried)
            self._coordinator.close()
            for task in beside:
                task.cancel()
        await self._staff.logs.close()
        self._hub.publish(Bye(reason=reason.words))
        return reason

    def _beside(self, team: TeamSpec) -> dict[str, Coroutine[Any, Any, None]]:
        """List what runs beside the agents until they have ended."""
        works = {
            "mcp": self._open_door(),
            "reloads": self._reloading.keep(self._signals.reload_asked),
            "time gaps": TimeGaps(self._coordinator, self._clock).keep(),
            "caretaker": self._caretaker.keep(),
            "archivist": self._archivist.keep(days=team.keep_events_days, runs=team.keep_runs),
            "gauges": self._gauges.measure(),
            "limits": self._limits.keep(),
            "undertaker": bury_orphans(self._clock),
            "readiness": self._readiness.keep(),
            "logs": self._staff.logs.keep_watch(self._coordinator, self._clock),
            "oversight": self._oversight.keep(),
            "drains": self._backend.drains.keep(),
            "scaling": self._scaling.keep(),
            "notifiers": self._notifiers.keep(),
            "work over": self._finish_when_over(),
            "gave up": self._stop_when_nobody_is_left(),
            "tree": stop_when_the_tree_is_over(
                self._supervisor,
                self._coordinator,
                self._switch,
                self._clock,
                is_watched=lambda: self._over or self._options.mode is Mode.INTERACTIVE,
            ),
            "breaker": tell_of_breaker(self._supervisor, self._coordinator, self._clock),
            "database": self._stop_without_database(),
        }
        seconds = self._options.deadline_s or team.deadline_s
        if seconds is not None:
            works["deadline"] = self._stop_at_deadline(seconds)
        return works

    async def _open_door(self) -> None:
        """Serve the agents, but let the first one start before: loading the SDK takes the interpreter."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEADSTART_S):
                await self._staff.began.wait()
        await self._keep_port()
        await self._mcp.serve()

    async def _keep_port(self) -> None:
        """Remember the port for the next start; one that is taken just now is tried again then."""
        if self._known_port is None:
            try:
                await asyncio.to_thread(remember_port, self._premises.state, self._mcp.port)
            except OSError:
                _log.exception("port %d could not be remembered for the next start", self._mcp.port)
        elif self._known_port != self._mcp.port:
            _log.warning(
                "port %d is taken, so agents are served at %d; outside agents will not find it. Free it and "
                "start again, or remove %s to settle for another",
                self._known_port,
                self._mcp.port,
                self._premises.state.port_file,
            )

    async def _restore_agents(self) -> None:
        """Go on where a former engine was; agents that had ended well in this run stay at rest."""
        await self._scaling.restore()
        known = await self._coordinator.read(lambda scope: scope.agents())
        for agent in known:
            if agent.name not in self._supervisor.agents:  # from outside, or not wanted by its scaled pool
                continue
            self._supervisor.restore(
                agent.name,
                agent.next_start_at,
                agent.restarts,
                incarnation=agent.incarnation,
                last_exit=agent.last_exit,
                at_rest=_has_finished(agent) and self._coordinator.team.pool_of(agent.name).scale is None,
            )

    async def _finish_when_over(self) -> None:
        standing = await self._caretaker.work_over()
        if self._coordinator.team.on_done is OnDone.KEEP and self._options.mode is Mode.INTERACTIVE:
            return
        self._over = True
        _log.info("the run is over: %s", standing.words)
        if self._options.mode is Mode.INTERACTIVE:
            await self._end_agents()
        await until_taken(
            lambda: self._coordinator.write(lambda scope: runs.finish_run(scope, words=standing.words)),
            self._clock,
            what="the end of the run",
        )
        if self._options.mode is Mode.HEADLESS:
            self._switch.ask(stopping.done(failed=standing.failed, words=standing.words))

    async def _stop_when_nobody_is_left(self) -> None:
        """Without a person to restart parked agents, a team that all gave up is at its end."""
        await self._supervisor.settled()
        while self._scaling.is_needed and not await self._scaling.has_failed():
            await self._clock.sleep(TICK_S)
        nobody_comes = self._supervisor.gave_up or self._supervisor.stranded
        if self._options.mode is Mode.HEADLESS and not self._over and nobody_comes:
            standing: Standing | None = await until_taken(
                lambda: self._coordinator.read(runs.standing), self._clock, what="how the run stands"
            )
            if standing is not None and not standing.over:
                words = f"nobody is left to work: {self._supervisor.why_nobody_comes}"
                self._switch.ask(stopping.gave_up(words))

    async def _stop_without_database(self) -> None:
        """End a team that nobody watches once its database was away for so long that it stays so."""
        lost_for_s = 0
        while self._options.mode is Mode.HEADLESS and lost_for_s < LOST_GRACE_S:
            await self._clock.sleep(1.0)
            lost_for_s = lost_for_s + 1 if self._coordinator.store.trouble else 0
        if lost_for_s:
            self._switch.ask(stopping.database_lost(self._coordinator.store.trouble))

    async def _stop_at_deadline(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._switch.ask(stopping.deadline_passed(seconds))

    async def _end_agents(self) -> None:
        """Stop all agents in reverse order; at once if somebody will not wait."""
        self._ending = self._staff.ending = True
        async with asyncio.TaskGroup() as tasks:
            hurry = tasks.create_task(self._hurry())
            await self._supervisor.stop()
            hurry.cancel()

    async def _hurry(self) -> None:
        await self._switch.hurried()
        await self._supervisor.stop(now=True)

    @asynccontextmanager
    async def _guarded(self) -> AsyncIterator[None]:
        """Keep a guardian while the team lives: should we be killed, it ends every agent."""
        guardian = await Guardian.start(self._premises.session, cgroup=self._confinements.cgroup)
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(self._keep_guardian(guardian), name="guardian")
            try:
                yield
            finally:
                watch.cancel()

    async def _keep_guardian(self, guardian: Guardian) -> None:
        async with asyncio.TaskGroup() as notes:
            try:
                while True:
                    await asyncio.shield(guardian.exited)
                    _log.warning("the guardian died; starting another")
                    await guardian.close()
                    guardian = await self._next_guardian()
                    notes.create_task(self._note_new_guardian())
            finally:
                await guardian.close()

    async def _note_new_guardian(self) -> None:
        def note(scope: Scope) -> None:
            scope.tx.tell("engine.guardian_replaced", "guardian", actor=SUPERVISOR)

        await until_taken(
            lambda: self._coordinator.write(note), self._clock, what="that the guardian was replaced"
        )

    async def _next_guardian(self) -> Guardian:
        while True:
            with suppress(SpawnFailed):
                return await Guardian.start(self._premises.session, cgroup=self._confinements.cgroup)
            await self._clock.sleep(GUARDIAN_RETRY_S)

    def _heard_from(self, actor: Actor) -> None:
        if not self._coordinator.outsiders.knows(actor.name):
            self._readiness.heard_from(actor.name, actor.incarnation)

    def _signs_of_life(self) -> Mapping[str, float]:
        return {**self._staff.signs_of_life(), **self._coordinator.outsiders.signs_of_life()}

    def _ring(self, letter: Letter) -> None:
        self._hub.publish(BellFrame(at=self._clock.now(), about=letter.kind))

    def _committed(self, events: list[Event]) -> None:
        for event in events:
            self._hub.publish(event)


def _has_finished(agent: Agent) -> bool:
    ended_well = agent.last_exit is not None and agent.last_exit.kind is ExitClass.OK
    return agent.state is AgentState.EXITED and ended_well
