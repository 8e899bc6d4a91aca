"""A team's life inside one engine: everything that runs beside each other, and the way down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from supervisor.coordinator import runs
from supervisor.engine import stopping
from supervisor.engine.breaker_watch import tell_of_breaker
from supervisor.engine.guarding import Guarding
from supervisor.engine.late_reports import LateReports
from supervisor.engine.persistence import until_taken
from supervisor.engine.rooms import Rooms
from supervisor.engine.stopping import StopReason
from supervisor.engine.team_over import standing_after_checks, stop_when_the_tree_is_over
from supervisor.engine.time_gaps import TimeGaps
from supervisor.engine.undertaker import bury_orphans
from supervisor.errors import StoreError
from supervisor.model.agent import Agent, AgentState, ExitClass
from supervisor.model.approval import Mode
from supervisor.model.team import OnDone, TeamSpec
from supervisor.runtime.sweep import sweep_strays
from supervisor.supervision.autoscaler import TICK_S
from supervisor.transports.control.protocol import Bye
from supervisor.transports.control.server import ControlServer

LOST_GRACE_S: Final = 10
"""How long a lost database may come back before a headless team ends for it."""

_log = logging.getLogger(__name__)


class TeamLife:
    """One team's life; `run` lets its rooms live until the stop switch is thrown."""

    def __init__(self, rooms: Rooms) -> None:
        """Begin with rooms that were just wired."""
        self._rooms = rooms
        self._coordinator = rooms.coordinator
        self._supervisor = rooms.supervisor
        self._clock = rooms.clock
        self._switch = rooms.switch
        self._guarding = Guarding(
            rooms.coordinator,
            rooms.clock,
            session=rooms.premises.session,
            cgroup=lambda: rooms.confinements.cgroup,
        )
        self._over = False

    async def run(self, socket: Path) -> StopReason:
        """Serve at `socket` and keep the team until it is done or stopped; return why it ended."""
        rooms = self._rooms
        server = ControlServer(rooms.backend, socket)
        with rooms.signals.taken(rooms.describe):
            async with rooms.confinements.opened(), self._guarding.kept(), server:
                rooms.premises.publish(socket, started_at=rooms.started_at, team=self._coordinator.team.name)
                if rooms.options.on_ready is not None:
                    rooms.options.on_ready(socket)
                return await self._live()

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
            await self._rooms.checking.stop()  # else what the sweep kills would be taken for a failure
            await sweep_strays()
            await self._rooms.notifiers.last_words(self._switch.hurried)
            self._coordinator.close()
            for task in beside:
                task.cancel()
        await self._rooms.staff.logs.close()
        self._rooms.hub.publish(Bye(reason=reason.words))
        return reason

    def _beside(self, team: TeamSpec) -> dict[str, Coroutine[Any, Any, None]]:
        """List what runs beside the agents until they have ended."""
        works = {
            "mcp": self._rooms.agents_door.serve(self._rooms.staff.began),
            "reloads": self._rooms.reloading.keep(self._rooms.signals.reload_asked),
            "late reports": LateReports(self._coordinator, self._clock).keep(),
            "time gaps": TimeGaps(self._coordinator, self._clock).keep(),
            "caretaker": self._rooms.caretaker.keep(),
            "archivist": self._rooms.archivist.keep(days=team.keep_events_days, runs=team.keep_runs),
            "gauges": self._rooms.gauges.measure(),
            "limits": self._rooms.limits.keep(),
            "undertaker": bury_orphans(self._clock),
            "readiness": self._rooms.readiness.keep(),
            "talks": self._rooms.talks.keep(),
            "checks": self._rooms.checking.keep(),
            "permissions": self._rooms.permissions.keep(),
            "turns": self._rooms.turns.keep(),
            "logs": self._rooms.staff.logs.keep_watch(self._coordinator, self._clock),
            "oversight": self._rooms.oversight.keep(),
            "drains": self._rooms.backend.drains.keep(),
            "scaling": self._rooms.scaling.keep(),
            "notifiers": self._rooms.notifiers.keep(),
            "work over": self._finish_when_over(),
            "gave up": self._stop_when_nobody_is_left(),
            "tree": stop_when_the_tree_is_over(
                self._supervisor,
                self._coordinator,
                self._switch,
                self._clock,
                is_watched=lambda: self._over or self._rooms.options.mode is Mode.INTERACTIVE,
            ),
            "breaker": tell_of_breaker(self._supervisor, self._coordinator, self._clock),
            "database": self._stop_without_database(),
        }
        seconds = self._rooms.options.deadline_s or team.deadline_s
        if seconds is not None:
            works["deadline"] = self._stop_at_deadline(seconds)
        return works

    async def _restore_agents(self) -> None:
        """Go on where a former engine was; agents that had ended well in this run stay at rest."""
        await self._rooms.scaling.restore()
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
        standing = await self._rooms.caretaker.work_over()
        if self._coordinator.team.on_done is OnDone.KEEP and self._rooms.options.mode is Mode.INTERACTIVE:
            return
        self._over = True
        _log.info("the run is over: %s", standing.words)
        if self._rooms.options.mode is Mode.INTERACTIVE:
            await self._end_agents()
        await until_taken(
            lambda: self._coordinator.write(lambda scope: runs.finish_run(scope, words=standing.words)),
            self._clock,
            what="the end of the run",
        )
        if self._rooms.options.mode is Mode.HEADLESS:
            self._switch.ask(stopping.done(failed=standing.failed, words=standing.words))

    async def _stop_when_nobody_is_left(self) -> None:
        """Without a person to restart parked agents, a team that all gave up is at its end."""
        await self._supervisor.settled()
        while self._rooms.scaling.is_needed and not await self._rooms.scaling.has_failed():
            await self._clock.sleep(TICK_S)
        nobody_comes = self._supervisor.gave_up or self._supervisor.stranded
        if self._rooms.options.mode is Mode.HEADLESS and not self._over and nobody_comes:
            standing = await standing_after_checks(self._coordinator, self._clock)
            if standing is not None and not standing.over:
                words = f"nobody is left to work: {self._supervisor.why_nobody_comes}"
                self._switch.ask(stopping.gave_up(words))

    async def _stop_without_database(self) -> None:
        """End a team that nobody watches once its database was away for so long that it stays so."""
        lost_for_s = 0
        while self._rooms.options.mode is Mode.HEADLESS and lost_for_s < LOST_GRACE_S:
            await self._clock.sleep(1.0)
            lost_for_s = lost_for_s + 1 if self._coordinator.store.trouble else 0
        if lost_for_s:
            self._switch.ask(stopping.database_lost(self._coordinator.store.trouble))

    async def _stop_at_deadline(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._switch.ask(stopping.deadline_passed(seconds))

    async def _end_agents(self) -> None:
        """Stop all agents in reverse order; at once if somebody will not wait."""
        self._rooms.ending = self._rooms.staff.ending = True
        async with asyncio.TaskGroup() as tasks:
            hurry = tasks.create_task(self._hurry())
            await self._supervisor.stop()
            hurry.cancel()

    async def _hurry(self) -> None:
        await self._switch.hurried()
        await self._supervisor.stop(now=True)


def _has_finished(agent: Agent) -> bool:
    ended_well = agent.last_exit is not None and agent.last_exit.kind is ExitClass.OK
    return agent.state is AgentState.EXITED and ended_well
