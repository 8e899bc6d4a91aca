"""A small team on a real database with a clock that only a test moves: for tests of the coordinator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from supervisor.clock import Clock
from supervisor.coordinator import planning, runs, upkeep, work
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.agents import SlotNews
from supervisor.coordinator.coordinator import Coordinator, UseCase
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.recount import wrong_counters
from supervisor.coordinator.views import whole_world
from supervisor.coordinator.work import Claim
from supervisor.engine.fsck import Fold
from supervisor.model.agent import AgentState, ExitClass, ExitInfo, Role
from supervisor.model.approval import Mode
from supervisor.model.event import Event
from supervisor.model.task import Task
from supervisor.model.team import PoolSpec, TeamSpec
from supervisor.store.event_log import opened_log
from supervisor.store.store import Store
from supervisor.testing.clock import VirtualClock

SMALL_TEAM: Final = TeamSpec(
    name="small",
    description="one of each role",
    source="small.toml",
    digest="0" * 64,
    pools=(
        PoolSpec(name="planner", role=Role.PLANNER, command=("planner",)),
        PoolSpec(name="worker", role=Role.WORKER, size=2, command=("worker",), groups=("builders",)),
        PoolSpec(name="judge", role=Role.JUDGE, command=("judge",)),
        PoolSpec(name="voter", role=Role.JUDGE, size=3, command=("voter",), groups=("council",)),
        PoolSpec(name="watcher", role=Role.MONITOR, command=("watcher",)),
        PoolSpec(name="solo", role=Role.SOLO, command=("solo",)),
        PoolSpec(name="chief", role=Role.ORCHESTRATOR, command=("chief",)),
    ),
)


@dataclass(kw_only=True)
class SmallTeam:
    """A running coordinator whose agents are only names: tests speak for them."""

    coordinator: Coordinator
    clock: VirtualClock
    actors: dict[str, Actor] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """Return the store."""
        return self.coordinator.store

    def __getitem__(self, name: str) -> Actor:
        """Return the live incarnation of an agent."""
        return self.actors[name]

    async def do(self, use_case: UseCase[Any]) -> Any:
        """Run a writing use case."""
        return await self.coordinator.write(use_case)

    async def start(self, name: str) -> Actor:
        """Begin the next incarnation of an agent and let it be ready; its key is `key-NAME-N`."""
        number = await self.store.read(lambda tx: tx.scalar("incarnation.next_number", agent=name))
        actor = await self.coordinator.admit(
            name, key=f"key-{name}-{number}", session="session", boot_id="boot"
        )
        for state in (AgentState.STARTING, AgentState.IDLE):
            await self.news(name, state, incarnation=actor.incarnation, pid=1000 + number)
        self.actors[name] = actor
        return actor

    async def crash(self, name: str, *, to: AgentState = AgentState.BACKOFF) -> None:
        """Let an agent's incarnation die by SIGKILL."""
        actor = self.actors[name]
        self.coordinator.dismiss(name, actor.incarnation)
        killed = ExitInfo(kind=ExitClass.SIGNAL, signal=9)
        await self.news(
            name, to, incarnation=actor.incarnation, last_exit=killed, reason="killed by signal 9"
        )

    async def news(self, name: str, state: AgentState, *, incarnation: int, **more: Any) -> None:
        """Report a slot's change as supervision does."""
        news = SlotNews(agent=name, state=state, incarnation=incarnation, **more)
        await self.do(lambda scope: upkeep.slot_changed(scope, news))

    async def add_task(self, title: str = "a task", **wanted: Any) -> Task:
        """Let the planner create a task."""
        new = NewTask(title=title, **wanted)
        task: Task = await self.do(lambda scope: planning.create_task(scope, self["planner"], new))
        return task

    async def claim(self, name: str, task_id: str | None = None) -> Claim:
        """Let an agent claim a task."""
        claim: Claim = await self.do(lambda scope: work.claim(scope, self[name], task_id))
        return claim

    async def finish(self, name: str, claim: Claim, result: str = "done") -> Task:
        """Let the holder hand in what it claimed."""
        task: Task = await self.do(
            lambda scope: work.complete(scope, self[name], claim.task.id, claim.task.token, result)
        )
        return task

    async def task(self, task_id: str) -> Task:
        """Return a task as it is stored."""
        return await self.coordinator.read(lambda scope: scope.task(task_id))

    async def events(self) -> list[Event]:
        """Return the whole event log, what was archived too."""
        with opened_log(self.store.path, self.store.path.with_name("archive")) as log:
            return list(log.after(0))

    async def check_invariants(self) -> None:
        """Raise unless every event may follow the ones before, and the tables are the fold of the events."""
        stored = await self.store.read(whole_world)
        fold = Fold()
        for event in await self.events():
            if event.seq <= stored.seq:  # what came after that look, a call still under way may have written
                fold.take(event)
        if fold.wrong:
            raise AssertionError(fold.wrong)
        if fold.world.tables != stored.tables:
            raise AssertionError("the tables are not the fold of the events")
        if wrong := await self.store.read(wrong_counters):
            raise AssertionError(f"wrong counters: {wrong}")


@asynccontextmanager
async def small_team(
    directory: Path,
    *,
    mode: Mode = Mode.INTERACTIVE,
    clock: VirtualClock | None = None,
    seen_by: Callable[[VirtualClock], Clock] = lambda clock: clock,
    starts: tuple[str, ...] | None = None,
    **changes: Any,
) -> AsyncIterator[SmallTeam]:
    """Give a small team with every agent started, or only `starts`; `changes` replace fields of its spec.

    `seen_by` gives the coordinator another view of the test's clock, such as an engine has.
    """
    machine = clock or VirtualClock()
    time = seen_by(machine)
    spec = replace(SMALL_TEAM, **changes)
    async with Store(directory / "coordinator.db", time) as store:
        coordinator = Coordinator(store, time, spec, mode)
        begun = await coordinator.write(lambda scope: runs.begin_run(scope, spec, new=False))
        store.run = begun.run.id
        team = SmallTeam(coordinator=coordinator, clock=machine)
        for pool in spec.pools:
            for name in pool.first_names:
                if starts is None or name in starts:
                    await team.start(name)
        yield team
        await team.check_invariants()
