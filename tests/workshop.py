"""Supervision over the real runtime: a launcher of real children and a reporter, in real time."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from supervisor.clock import SystemClock
from supervisor.model.team import Backoff, StopLadder
from supervisor.runtime.spawn import Confinement, Launch, Process, SpawnFailed, spawn
from supervisor.runtime.sweep import sweep_session
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.ports import AgentProcess, SlotChange, SpawnFailure
from supervisor.supervision.supervisor import Supervisor

DEADLINE_S = 30.0
QUICK = StopLadder(leader_s=0.2, group_s=0.2, sweep_s=5.0)
TREE_PIDS = b'"ready"'


class Workshop:
    """A launcher of chaos children and a reporter, both as the engine's would be, and real time."""

    def __init__(
        self,
        *children: ChildSpec,
        commands: dict[str, tuple[str, ...]],
        cwd: str = "/",
        confinement: Confinement | None = None,
    ) -> None:
        self.session = f"it{os.getpid()}x{random.randrange(1 << 40)}"
        self.commands, self.cwd, self.confinement = commands, cwd, confinement or Confinement()
        self.live: dict[str, Process] = {}
        self.changes: list[SlotChange] = []
        self.output: dict[str, bytes] = {}
        self.numbers: dict[str, int] = {}
        self.something = asyncio.Event()
        self.supervisor = Supervisor(children, self, self, SystemClock(), random.Random(5))

    async def prepare(self, agent: str) -> int:
        self.numbers[agent] = self.numbers.get(agent, 0) + 1
        return self.numbers[agent]

    def spawn(self, agent: str, incarnation: int) -> AgentProcess:
        marker = f"{agent}#{incarnation}"
        launch = Launch(
            argv=self.commands[agent],
            cwd=self.cwd,
            env={"PATH": os.environ["PATH"]},
            session=self.session,
            agent=marker,
        )
        self.output[marker] = b""
        try:
            self.live[agent] = spawn(
                launch,
                on_output=lambda chunk: self._hear(marker, chunk),
                clock=SystemClock(),
                confinement=self.confinement,
            )
        except SpawnFailed as failure:
            raise SpawnFailure(failure.detail, permanent=failure.permanent) from failure
        return self.live[agent]

    async def slot_changed(self, change: SlotChange) -> None:
        self.changes.append(change)
        self.something.set()

    def _hear(self, marker: str, chunk: bytes) -> bool:
        self.output[marker] += chunk
        self.something.set()
        return True

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not holds():
                self.something.clear()
                await self.something.wait()

    async def tree(self, marker: str) -> tuple[int, ...]:
        """Return the pids of an incarnation's whole tree, once all of it stands."""
        await self.until(lambda: self.output.get(marker, b"").count(b"\n") > 0)
        return tuple(int(pid) for pid in self.output[marker].split(b"[")[1].split(b"]")[0].split(b","))

    def last(self, agent: str) -> SlotChange:
        """Return the newest change of an agent."""
        return [change for change in self.changes if change.agent == agent][-1]


@asynccontextmanager
async def at_work(workshop: Workshop) -> AsyncIterator[Workshop]:
    try:
        async with asyncio.timeout(2 * DEADLINE_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(workshop.supervisor.run())
            yield workshop
            await workshop.supervisor.stop(now=True)
    finally:
        await sweep_session(workshop.session)


def agent(name: str, **changes: object) -> ChildSpec:
    rules = {"backoff": Backoff(base_s=0.05, jitter=0.0), "stop": QUICK, **changes}
    return ChildSpec(name=name, pool=name, **rules)  # type: ignore[arg-type]
