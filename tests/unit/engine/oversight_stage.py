"""Oversight over a real coordinator and a real supervisor; processes, samples and time are on paper."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from supervisor.clock import Clock
from supervisor.engine.backend import Backend
from supervisor.engine.oversight import DoorBook, Oversight
from supervisor.engine.staff import Staff
from supervisor.engine.vitals import Vital, Vitals
from supervisor.model.agent import Agent, MachineMetrics
from supervisor.model.event import Event
from supervisor.model.health import StallLimits
from supervisor.runtime.close_look import CloseLook
from supervisor.runtime.trees import TreeUse
from supervisor.supervision.child_spec import children_of
from supervisor.supervision.overseer import Hands
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.clock import VirtualClock
from supervisor.testing.processes import ChangeLog, PaperLauncher
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam, small_team

NAME = "worker-1"
PID = 500


@dataclass
class PaperStaff:
    """The processes that the engine thinks it has."""

    live: dict[str, Any] = field(default_factory=dict)

    def leaders(self) -> dict[str, int]:
        return {agent: process.pid for agent, process in self.live.items()}

    def process_of(self, agent: str) -> Any:
        return self.live.get(agent)


@dataclass
class Stage:
    """One agent under oversight, and the handles to move it."""

    team: SmallTeam
    clock: Clock
    supervisor: Supervisor
    staff: PaperStaff
    vitals: Vitals
    door: DoorBook
    oversight: Oversight
    backend: Backend
    use: TreeUse = field(default_factory=lambda: TreeUse(processes=1, pids=(PID,)))

    def uses(self, **changes: Any) -> None:
        """Let the tree be another from the next sample on."""
        self.use = replace(self.use, **changes)

    def writes(self) -> None:
        """Let the agent write something now."""
        self.staff.live[NAME].last_output_at = self.clock.monotonic()

    async def wait(self, seconds: int) -> None:
        """Let time pass, with a sample each second."""
        for _ in range(seconds):
            self.sample()
            await self.team.clock.advance(1.0)
        await self.settle()

    def sample(self) -> None:
        """Take a sample of every process."""
        now = self.clock.monotonic()
        samples = {
            agent: Vital(at=now, leader=process.pid, use=self.use, close=CloseLook(moved_bytes=0))
            for agent, process in self.staff.live.items()
        }
        self.vitals.note(samples, MachineMetrics())

    async def settle(self) -> None:
        """Return when all that was found is stored."""
        for _ in range(3):
            await self.team.clock.settle()
            await self.team.do(lambda _scope: None)

    async def agent(self) -> Agent:
        """Return the agent as it is stored."""
        return cast("Agent", await self.team.coordinator.read(lambda scope: scope.agent(NAME)))

    async def told(self, kind: str = "agent.judged") -> list[Event]:
        """List the events of a kind."""
        return [event for event in await self.team.events() if event.kind == kind]

    async def take_work(self) -> None:
        """Let the agent claim a task."""
        await self.team.add_task()
        await self.team.claim(NAME)

    async def why(self, agent: str = NAME) -> dict[str, Any]:
        """Ask why the agent stands where it does."""
        answer: dict[str, Any] = await self.backend.call("agent_why", {"agent": agent})
        return answer


@asynccontextmanager
async def oversight_stage(
    directory: Path,
    limits: StallLimits = StallLimits(),  # noqa: B008 - a value that cannot change
    *,
    attended: bool = False,
    hands: Hands | None = None,
    seen_by: Callable[[VirtualClock], Clock] = lambda clock: clock,
    before: Callable[[SmallTeam], Any] | None = None,
) -> AsyncIterator[Stage]:
    """Give a team in which one worker lives and is watched; `limits` are its pool's."""
    made: list[Clock] = []

    def keep_clock(machine: VirtualClock) -> Clock:
        made.append(seen_by(machine))
        return made[-1]

    pools = tuple(replace(pool, stall=limits) for pool in SMALL_TEAM.pools)
    async with small_team(directory, seen_by=keep_clock, pools=pools) as team:
        clock = made[0]
        if before is not None:
            await before(team)
        supervisor = Supervisor(
            children_of(team.coordinator.team), PaperLauncher(), ChangeLog(), clock, random.Random(1)
        )
        staff, vitals, door = PaperStaff(), Vitals(lambda _agent: "worker"), DoorBook(clock)
        oversight = Oversight(
            team.coordinator,
            clock,
            staff=cast("Staff", staff),
            supervisor=supervisor,
            vitals=vitals,
            door=door,
            attended=attended,
            hands=hands,
        )
        parts: dict[str, Any] = {each.name: None for each in fields(Backend) if each.init}
        info = SimpleNamespace(log_dir=str(directory / "logs"))
        backend = Backend(
            **parts
            | {
                "coordinator": team.coordinator,
                "supervisor": supervisor,
                "oversight": oversight,
                "info": lambda: info,
            }
        )
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(supervisor.run())
            await team.clock.settle()
            for name in supervisor.agents:
                supervisor.ready(name, 1)
            await team.clock.settle()
            staff.live[NAME] = SimpleNamespace(pid=PID, started_at=clock.monotonic(), last_output_at=None)
            keeping = tasks.create_task(oversight.keep())
            stage = Stage(team, clock, supervisor, staff, vitals, door, oversight, backend)
            await stage.settle()
            yield stage
            keeping.cancel()
            await supervisor.stop(now=True)
            await running
