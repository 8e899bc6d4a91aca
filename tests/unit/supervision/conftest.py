"""A team in virtual time: paper processes, a clock that stands still, and every change kept."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from supervisor.model.agent import AgentState
from supervisor.model.team import Backoff
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.slot import Slot
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.clock import VirtualClock
from supervisor.testing.processes import ChangeLog, PaperLauncher, PaperProcess

STEADY = Backoff(jitter=0.0)
"""The default ladder without jitter: 1, 2, 4, 8, … 60 seconds."""


def child(name: str, **changes: object) -> ChildSpec:
    """Make a child spec in a pool of its own, without jitter."""
    return ChildSpec(**{"name": name, "pool": name, "backoff": STEADY, **changes})  # type: ignore[arg-type]


@dataclass
class Team:
    """A supervisor at work and all that surrounds it."""

    supervisor: Supervisor
    launcher: PaperLauncher
    log: ChangeLog
    clock: VirtualClock
    tasks: asyncio.TaskGroup
    running: asyncio.Task[None] = field(init=False)

    def slot(self, agent: str) -> Slot:
        """Return an agent's slot."""
        return self.supervisor._slots[agent]

    def last(self, agent: str) -> PaperProcess:
        """Return an agent's newest process."""
        return self.launcher.last(agent)

    def state(self, agent: str) -> AgentState:
        """Return what an agent's slot does."""
        return self.supervisor.state_of(agent)

    def starts(self, agent: str) -> int:
        """Count an agent's starts."""
        return self.launcher.starts(agent)

    async def make_ready(self, *agents: str) -> None:
        """Let agents report for work."""
        for agent in agents:
            self.supervisor.ready(agent, self.starts(agent))
        await self.clock.settle()

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        await self.clock.advance(seconds)

    async def settle(self) -> None:
        """Let everything happen that can."""
        await self.clock.settle()

    async def stop(self, *, now: bool = False) -> None:
        """Stop the team, and see that it ends without more time than given here."""
        stopping = self.tasks.create_task(self.supervisor.stop(now=now))
        await self.clock.settle()
        assert stopping.done(), "the stop waits for something"


RunTeam = Callable[..., AbstractAsyncContextManager[Team]]


@pytest.fixture
def run_team() -> RunTeam:
    """Return a context manager that runs a team of child specs, and kills it in the end."""

    @asynccontextmanager
    async def run(
        *children: ChildSpec,
        launcher: PaperLauncher | None = None,
        log: ChangeLog | None = None,
        clock: VirtualClock | None = None,
        restore: Sequence[tuple[str, float | None, int]] = (),
        at_rest: Sequence[tuple[str, int]] = (),
        **tree: Any,
    ) -> AsyncIterator[Team]:
        clock = clock or VirtualClock(now=0.0, monotonic=0.0)
        launcher, log = launcher or PaperLauncher(), log or ChangeLog()
        supervisor = Supervisor(children, launcher, log, clock, random.Random(7), **tree)
        for agent, next_start_at, restarts in restore:
            supervisor.restore(agent, next_start_at, restarts)
        for agent, incarnation in at_rest:
            supervisor.restore(agent, None, 0, incarnation=incarnation, at_rest=True)
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            team = Team(supervisor, launcher, log, clock, tasks)
            team.running = tasks.create_task(supervisor.run())
            await clock.settle()
            yield team
            launcher.gate.set()
            log.gate.set()
            ending = tasks.create_task(supervisor.stop(now=True))
            await clock.advance(30.0)
            assert ending.done()
            assert team.running.done()

    return run
