"""Scaled pools on a stage: a real database, real supervision, paper processes, and time that a test moves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from supervisor.coordinator import upkeep, work
from supervisor.coordinator.agents import SlotNews
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.drains import Drains
from supervisor.engine.scaling import Scaling
from supervisor.model.agent import AgentState, MachineMetrics, Role
from supervisor.model.event import Event
from supervisor.model.scale import Pool, Scale
from supervisor.model.team import PoolSpec
from supervisor.store.transaction import Transaction
from supervisor.supervision.autoscaler import TICK_S
from supervisor.supervision.child_spec import children_of
from supervisor.supervision.ports import SlotChange
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.processes import PaperLauncher
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam, small_team

PLANNER: Final = SMALL_TEAM.pools[0]
ROUNDS: Final = 4
"""How often what the tasks set off and what the database answers take turns before all is quiet."""


def hands(name: str = "hand", *, least: int = 0, most: int = 4, **more: Any) -> PoolSpec:
    """Make a scaled pool of workers; `preset`, `cooldown_s` and `target_backlog` are its scale's."""
    ours = {key: more.pop(key) for key in ("preset", "cooldown_s", "target_backlog") if key in more}
    scale = Scale(min=least, max=most, **ours)
    return PoolSpec(name=name, role=Role.WORKER, command=(name,), size=most, scale=scale, **more)


class _Launcher(PaperLauncher):
    """Admits each incarnation to the coordinator, as the engine does."""

    def __init__(self, team: SmallTeam) -> None:
        super().__init__()
        self._team = team

    async def prepare(self, agent: str) -> int:
        """Give the incarnation its number and its key."""
        await self.gate.wait()
        number = await super().prepare(agent)
        key = f"key-{agent}-{number}"
        actor = await self._team.coordinator.admit(agent, key=key, session="s", boot_id="b")
        self._team.actors[agent] = actor
        return actor.incarnation


@dataclass
class _Reporter:
    """Writes every change into the coordinator, as the engine does."""

    coordinator: Coordinator
    gone: list[str] = field(default_factory=list)

    async def slot_changed(self, change: SlotChange) -> None:
        """Write one change."""
        news = SlotNews(
            agent=change.agent,
            state=change.state,
            incarnation=change.incarnation,
            pid=change.pid,
            reason=change.reason,
            restarts=change.restarts,
            next_start_at=change.next_start_at,
            last_exit=change.last_exit,
        )
        await self.coordinator.write(lambda scope: upkeep.slot_changed(scope, news))


@dataclass(kw_only=True)
class PoolStage:
    """The team, its supervisor and its scaling. Agents report for work at once unless they are `slow`."""

    team: SmallTeam
    supervisor: Supervisor
    launcher: PaperLauncher
    drains: Drains
    scaling: Scaling = field(init=False)
    machine: MachineMetrics = field(default_factory=MachineMetrics)
    memory: dict[str, int] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    stopping: bool = False

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(ROUNDS):
            await self.team.clock.settle()
            await self.team.store.write(_nothing)
            for name in self.supervisor.agents:
                is_starting = self.supervisor.state_of(name) is AgentState.STARTING
                if is_starting and name not in self.slow:
                    self.supervisor.ready(name, self.team.actors[name].incarnation)
            await self.team.clock.settle()
            await self.drains.look()

    async def look(self) -> None:
        """Let the scaling look once, and all follow that needs no time."""
        await self.scaling.look()
        await self.settle()

    async def pass_time(self, seconds: float, *, step_s: float = TICK_S) -> None:
        """Let time pass with a look at each step."""
        for _ in range(round(seconds / step_s)):
            await self.team.clock.advance(step_s)
            await self.look()

    async def work(self, count: int = 1, **wanted: Any) -> None:
        """Let tasks come; what they set off follows at the next look."""
        for _ in range(count):
            await self.team.add_task(**wanted)

    async def begin(self, *names: str) -> None:
        """Let each agent claim the best task it may."""
        for name in names:
            await self.team.claim(name)

    async def end(self, name: str) -> None:
        """Let an agent finish what it holds."""
        held = await self.team.store.read(lambda tx: tx.all("task.held_by", agent=name))
        for row in held:
            await self.team.do(lambda scope, row=row: _finish(scope, self.team, name, row))  # type: ignore[misc]
        await self.settle()

    def alive(self, pool: str = "hand") -> list[str]:
        """Name the agents of a pool that have a slot."""
        spec = next(each for each in self.team.coordinator.team.pools if each.name == pool)
        return [name for name in self.supervisor.agents if spec.holds(name)]

    async def pool(self, name: str = "hand") -> Pool:
        """Return what a pool is set to."""
        found = await self.team.store.read(lambda tx: tx.value(Pool, "pool.get", name=name))
        if found is None:
            raise LookupError(name)
        return found

    async def told(self, kind: str = "pool.scaled") -> list[Event]:
        """Return the events of this kind."""
        return [event for event in await self.team.events() if event.kind == kind]


def _nothing(_tx: Transaction) -> None:
    """Come after all that was to be written before."""


def _finish(scope: Scope, team: SmallTeam, name: str, row: Any) -> None:
    work.complete(scope, team[name], row["id"], row["token"], "done")


@asynccontextmanager
async def pool_stage(
    directory: Path, *pools: PoolSpec, cores: int = 100, **team: Any
) -> AsyncIterator[PoolStage]:
    """Give a planner and these pools; their agents are started by supervision, the planner is there."""
    async with small_team(directory, pools=(PLANNER, *pools), starts=("planner",), **team) as small:
        launcher, reporter = _Launcher(small), _Reporter(small.coordinator)
        children = [child for child in children_of(small.coordinator.team) if child.pool != PLANNER.name]
        supervisor = Supervisor(children, launcher, reporter, small.clock, random.Random(1))  # noqa: S311 - jitter
        drains = Drains(small.coordinator, supervisor)
        stage = PoolStage(team=small, supervisor=supervisor, launcher=launcher, drains=drains)
        stage.scaling = Scaling(
            small.coordinator,
            supervisor,
            small.clock,
            machine=lambda: stage.machine,
            memory_of=stage.memory.get,
            stopping=lambda: stage.stopping,
            cores=cores,
        )
        await stage.scaling.restore()
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tasks.create_task(supervisor.run())
            await stage.settle()
            yield stage
            stage.stopping = True
            await supervisor.stop(now=True)
