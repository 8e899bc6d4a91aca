"""A coordinator on a real file, in this process, with agents that are only names: for the store's figures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from supervisor.clock import Clock, SystemClock
from supervisor.coordinator import mailboxes, messages, runs, work
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.agents import SlotNews
from supervisor.coordinator.coordinator import Coordinator, UseCase
from supervisor.coordinator.mailboxes import Wanted
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.upkeep import slot_changed
from supervisor.model.agent import AgentState, Role
from supervisor.model.approval import Mode
from supervisor.model.ids import new_key
from supervisor.model.task import Task
from supervisor.model.team import PoolSpec, TeamSpec
from supervisor.store.store import Store

POOL_MAX: Final = 100
HASTE: Final = 1000
EPOCH: Final = 1_700_000_000.0
"""When the hasty clock and the true one showed the same, for every process."""

LEASE_S: Final = 10_000_000.0
"""So long that none runs out, however slow a contender is."""

BODY: Final = "The grammar is in docs/grammar.md now, with three examples; the tests of section 4 still fail."
"""What agents write to each other: a line, as most messages are."""

Operation = Callable[[Scope], Any]


class HastyClock(SystemClock):
    """A clock by which no agent calls or writes too often: what is measured is the work, not the limits."""

    def now(self) -> float:
        """Return seconds that pass a thousand times as fast, so that a minute's limit is met in 60 ms."""
        return super().now() * HASTE - EPOCH * (HASTE - 1)

    def monotonic(self) -> float:
        """Return seconds that pass as fast as those."""
        return super().monotonic() * HASTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """An open coordinator and its agents, each as its key would prove it."""

    coordinator: Coordinator
    actors: tuple[Actor, ...]

    @property
    def store(self) -> Store:
        """Return the store."""
        return self.coordinator.store

    async def do(self, use_case: UseCase[Any]) -> Any:
        """Run a writing use case as the engine does."""
        return await self.coordinator.write(use_case)

    async def call(self, actor: Actor, operation: Operation) -> None:
        """Run an agent's operation with all that surrounds a tool call: its rate, its live incarnation."""

        def use_case(scope: Scope) -> dict[str, Any]:
            operation(scope)
            return {}

        await self.coordinator.call(actor, "benchmark", use_case)

    def callers(self) -> tuple[Caller, ...]:
        """Give each agent its part of the mix; each writes to the next one."""
        names = [actor.name for actor in self.actors]
        return tuple(
            Caller(actor=actor, to=to) for actor, to in zip(self.actors, names[1:] + names[:1], strict=True)
        )


@dataclass(slots=True, kw_only=True)
class Caller:
    """One agent that works: it claims, reports, writes to another, reads its mail and hands in."""

    actor: Actor
    to: str
    held: Task | None = None

    @property
    def steps(self) -> tuple[Operation, ...]:
        """List the operations of one turn, in order."""
        return (self.claim, self.progress, self.send, self.read, self.complete)

    def claim(self, scope: Scope) -> None:
        """Take the best task there is."""
        self.held = work.claim(scope, self.actor, None).task

    def progress(self, scope: Scope) -> None:
        """Say how far it came."""
        assert self.held is not None
        work.progress(scope, self.actor, self.held.id, self.held.token, percent=50, action="writes the tests")

    def send(self, scope: Scope) -> None:
        """Write to the next agent."""
        messages.send(scope, self.actor, to=self.to, body=BODY)

    def read(self, scope: Scope) -> None:
        """Fetch the unread mail and ack it."""
        mail = mailboxes.fetch(scope, self.actor, Wanted(limit=10))
        if mail:
            mailboxes.ack(scope, self.actor.name, ids=tuple(message.id for message, _ in mail))

    def complete(self, scope: Scope) -> None:
        """Hand the task in."""
        assert self.held is not None
        work.complete(scope, self.actor, self.held.id, self.held.token, "done; three files changed")
        self.held = None


def team_of(agents: int) -> TeamSpec:
    """Describe a team of so many agents that plan and work."""
    pools = tuple(
        PoolSpec(
            name=f"pool{first // POOL_MAX}",
            role=Role.SOLO,
            size=min(POOL_MAX, agents - first),
            command=("true",),
        )
        for first in range(0, agents, POOL_MAX)
    )
    return TeamSpec(
        name="bench",
        description="A team to measure with.",
        pools=pools,
        source="bench.toml",
        digest="0" * 64,
        lease_s=LEASE_S,
    )


@asynccontextmanager
async def crew(
    path: Path, agents: int, *, store_class: type[Store] = Store, clock: Clock | None = None
) -> AsyncIterator[Crew]:
    """Open the database, begin or continue the run, and let every agent be idle."""
    team, clock = team_of(agents), clock or HastyClock()
    async with store_class(path, clock) as store:
        coordinator = Coordinator(store, clock, team, Mode.HEADLESS)
        begun = await coordinator.write(lambda scope: runs.begin_run(scope, team, new=False))
        store.run = begun.run.id
        names = [name for pool in team.pools for name in pool.agent_names]
        yield Crew(
            coordinator=coordinator, actors=tuple([await _started(coordinator, name) for name in names])
        )


async def _started(coordinator: Coordinator, name: str) -> Actor:
    actor = await coordinator.admit(name, key=new_key(), session="session", boot_id="boot")
    news = SlotNews(agent=name, state=AgentState.IDLE, incarnation=actor.incarnation, pid=1)
    await coordinator.write(lambda scope: slot_changed(scope, news))
    return actor
