"""An engine's rooms, wired: who is told what, and by whom. Nothing here runs by itself."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping

from supervisor import __version__
from supervisor.adapters.adapter import Adapter
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.coordinator import Coordinator
from supervisor.dispatch.archivist import Archivist
from supervisor.dispatch.caretaker import Caretaker
from supervisor.dispatch.hooks import Hooks
from supervisor.dispatch.permissions import Permissions
from supervisor.dispatch.turns import TurnKeeper
from supervisor.engine.agents_door import AgentsDoor
from supervisor.engine.backend import Backend
from supervisor.engine.checking import Checking
from supervisor.engine.confinements import Confinements
from supervisor.engine.gauges import Gauges
from supervisor.engine.limit_keeper import LimitKeeper
from supervisor.engine.options import EngineOptions
from supervisor.engine.oversight import DoorBook, Oversight
from supervisor.engine.premises import Premises
from supervisor.engine.readiness_watch import ReadinessWatch
from supervisor.engine.reloading import Reloading
from supervisor.engine.scaling import Scaling
from supervisor.engine.signals import EngineSignals
from supervisor.engine.staff import Staff
from supervisor.engine.state_dump import state_dump
from supervisor.engine.steady_clock import SteadyClock
from supervisor.engine.stopping import StopSwitch
from supervisor.engine.talks import Talks
from supervisor.engine.vitals import Vitals
from supervisor.engine.workspaces import Workspaces
from supervisor.model.approval import Mode
from supervisor.model.event import Event
from supervisor.model.team import TeamSpec
from supervisor.model.world import EngineInfo, PoolInfo
from supervisor.notifiers.letter import Letter
from supervisor.notifiers.notifiers import Notifiers
from supervisor.supervision.child_spec import children_of, pools_of
from supervisor.supervision.supervisor import Supervisor
from supervisor.transports.control.frame_hub import FrameHub
from supervisor.transports.control.protocol import BellFrame
from supervisor.transports.mcp.server import McpServer
from supervisor.transports.mcp.team_desk import TeamDesk
from supervisor.workspace.state_dir import socket_path


def own_tools() -> frozenset[str]:
    """Name the coordinator's own tools: every agent may call those of its role without being asked."""
    from supervisor.transports.mcp.tools.table import TOOLS  # noqa: PLC0415 - loaded while the agents boot

    return frozenset(TOOLS)


class Rooms:
    """All parts of one engine, joined; `ending` is set by who ends the team."""

    def __init__(
        self,
        coordinator: Coordinator,
        adapters: Mapping[str, Adapter],
        premises: Premises,
        options: EngineOptions,
        clock: SteadyClock,
    ) -> None:
        """Wire everything and take the agents' port; nothing runs yet."""
        self.coordinator = coordinator
        self.premises = premises
        self.options = options
        self.clock = clock
        self.ending = False
        self.switch = StopSwitch()
        self.signals = EngineSignals(
            self.switch, foreground=options.mode is Mode.HEADLESS, dump_file=premises.state.dump_file
        )
        self.hub = FrameHub()
        self.started_at = clock.now()
        self._face_agents()
        self._hire(adapters)
        self._look_after()
        self._face_people()
        coordinator.store.listen(self._committed)

    def _face_agents(self) -> None:
        coordinator, premises, clock = self.coordinator, self.premises, self.clock
        self.door = DoorBook(clock)
        self.desk = TeamDesk(
            coordinator,
            facts={"project": str(premises.state.project), "report_dir": str(premises.report_dir)},
            on_call=self._heard_from,
            stopping=lambda _name: self.ending,
            during=self.door.during,
        )
        self.hooks = Hooks(
            coordinator,
            workspace=str(premises.state.project),
            own_tools=own_tools,
            on_call=self._heard_from,
        )
        self.mcp = McpServer(self.desk, hooks=self.hooks)
        self.agents_door = AgentsDoor(self.mcp, premises.state)

    def _hire(self, adapters: Mapping[str, Adapter]) -> None:
        coordinator, premises, clock = self.coordinator, self.premises, self.clock
        self.readiness = ReadinessWatch(
            coordinator, clock, directory=socket_path(premises.state.project).parent
        )
        self.confinements = Confinements(coordinator.team, premises.session)
        self.talks = Talks()
        self.workspaces = Workspaces(premises.state, coordinator.team.name)
        self.permissions = Permissions(coordinator, own_tools=own_tools)
        self.talks.listen(self.permissions)
        self.staff = Staff(
            coordinator,
            premises,
            clock,
            adapters=adapters,
            url=self.mcp.url,
            readiness=self.readiness,
            confinements=self.confinements,
            talks=self.talks,
            workspaces=self.workspaces,
        )
        self.checking = Checking(
            coordinator,
            clock,
            workspaces=self.workspaces,
            confinements=self.confinements,
            logs=self.staff.logs,
            session=premises.session,
        )
        self.supervisor = Supervisor(
            children_of(coordinator.team),
            self.staff,
            self.staff,
            clock,
            random.Random(),  # noqa: S311 - jitter
            top=coordinator.team.supervision,
            branches=coordinator.team.branches,
            pools=pools_of(coordinator.team),
        )
        self.readiness.answer_to(self.supervisor)
        self.turns = TurnKeeper(
            coordinator,
            clock,
            random.Random(),  # noqa: S311 - jitter
            self.supervisor,
        )
        self.talks.listen(self.turns)

    def _look_after(self) -> None:
        coordinator, premises, clock = self.coordinator, self.premises, self.clock
        self.caretaker = Caretaker(coordinator, clock, signs_of_life=self._signs_of_life)
        self.archivist = Archivist(coordinator.store, premises.state.archive, clock)
        self.vitals = Vitals(lambda agent: coordinator.team.pool_of(agent).name)
        self.limits = LimitKeeper(
            coordinator,
            clock,
            judge=self.supervisor,
            vitals=self.vitals,
            confinements=self.confinements,
            incarnation_of=self.staff.incarnation_of,
        )
        self.oversight = Oversight(
            coordinator,
            clock,
            staff=self.staff,
            supervisor=self.supervisor,
            vitals=self.vitals,
            door=self.door,
            attended=self.options.mode is Mode.INTERACTIVE,
            hands=self.turns,
        )
        self.turns.watched_by(self.oversight)
        self.scaling = Scaling(
            coordinator,
            self.supervisor,
            clock,
            machine=lambda: self.vitals.machine,
            memory_of=self.vitals.pool_memory,
            stopping=lambda: self.ending,
        )
        self.gauges = Gauges(self.staff, self.hub, clock, self.vitals, session=premises.session)

    def _face_people(self) -> None:
        coordinator, premises, clock = self.coordinator, self.premises, self.clock
        self.notifiers = Notifiers(
            coordinator,
            clock,
            random.Random(),  # noqa: S311 - jitter
            ring=self._ring,
            project=premises.state.project.name,
        )
        self.reloading = Reloading(
            coordinator,
            self.supervisor,
            project=premises.state.project,
            on_new_plan=self._take_plan,
            stopping=lambda: self.switch.reason is not None,
        )
        self.backend = Backend(
            coordinator=coordinator,
            supervisor=self.supervisor,
            hub=self.hub,
            switch=self.switch,
            info=self.info,
            notifiers=self.notifiers,
            archivist=self.archivist,
            oversight=self.oversight,
            reloading=self.reloading,
            talks=self.talks,
        )

    def info(self) -> EngineInfo:
        """Describe this engine for viewers."""
        team, premises = self.coordinator.team, self.premises
        return EngineInfo(
            team=team.name,
            description=team.description,
            project=str(premises.state.project),
            mode=self.options.mode,
            pid=os.getpid(),
            started_at=self.started_at,
            pools=tuple(
                PoolInfo(name=pool.name, role=pool.role.value, size=pool.most, scale=pool.scale)
                for pool in team.pools
            ),
            log_dir=str(premises.state.logs),
            report_dir=str(premises.report_dir),
            endpoint=self.mcp.url,
            version=__version__,
            trouble=self.coordinator.store.trouble,
        )

    def describe(self) -> str:
        """Tell what goes on inside this engine."""
        return state_dump(
            coordinator=self.coordinator, supervisor=self.supervisor, hub=self.hub, clock=self.clock
        )

    def _take_plan(self, team: TeamSpec, adapters: Mapping[str, Adapter]) -> None:
        self.staff.take_adapters(adapters)
        self.scaling.take_plan(team)

    def _heard_from(self, actor: Actor) -> None:
        if not self.coordinator.outsiders.knows(actor.name):
            self.readiness.heard_from(actor.name, actor.incarnation)

    def _signs_of_life(self) -> Mapping[str, float]:
        """Map each live agent to its last sign of life, which for one that waits for an answer is now."""
        heard, now = self.staff.signs_of_life(), self.clock.now()
        waiting = dict.fromkeys(heard.keys() & self.door.present(), now)
        return {**heard, **waiting, **self.coordinator.outsiders.signs_of_life()}

    def _ring(self, letter: Letter) -> None:
        self.hub.publish(BellFrame(at=self.clock.now(), about=letter.kind))

    def _committed(self, events: list[Event]) -> None:
        for event in events:
            self.hub.publish(event)
