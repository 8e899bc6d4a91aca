"""Paper processes whose starts and stops make one story, and chance that takes the middle."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from supervisor.model.team import StopLadder
from supervisor.testing.clock import VirtualClock
from supervisor.testing.processes import PaperLauncher, PaperProcess, PaperTree

Event = tuple[str, str]
"""A start, an abort, a stop or a kill, and whose."""


class Middle(random.Random):
    """Chance that always takes the middle, so that a model can say what follows."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def move(gate: asyncio.Event, *, held: bool) -> None:
    """Shut or open a gate."""
    if held:
        gate.clear()
    else:
        gate.set()


class TracedProcess(PaperProcess):
    """A paper process that tells when it is asked to end, and when it must not have been started."""

    def __init__(self, pid: int, agent: str, trace: list[Event], *, obeys: bool = True) -> None:
        super().__init__(pid, obeys=obeys)
        self._agent = agent
        self._trace = trace

    def abort(self) -> None:
        self._trace.append(("abort", self._agent))
        super().abort()

    async def stop(self, ladder: StopLadder, *, now: bool = False) -> PaperTree:
        self._trace.append(("kill" if now else "stop", self._agent))
        return await super().stop(ladder, now=now)


@dataclass
class TracedLauncher(PaperLauncher):
    """A paper launcher that keeps one story of all starts and stops, and judges each start."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    kit_s: dict[str, float] = field(default_factory=dict)
    trace: list[Event] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    forbidden: bool = False

    asked: list[str] = field(default_factory=list)
    kits: Counter[str] = field(default_factory=Counter)

    async def prepare(self, agent: str) -> int:
        self.asked.append(agent)
        await self.gate.wait()
        await self.clock.sleep(self.kit_s[agent])
        if agent in self.unpreparable:
            raise self.unpreparable[agent]
        self.kits[agent] += 1
        return self.kits[agent]

    def spawn(self, agent: str, incarnation: int) -> PaperProcess:
        self._judge(agent, self.processes.get(agent, ()))
        self.trace.append(("start", agent))
        self.spawned.append((agent, incarnation))
        if agent in self.failures:
            raise self.failures[agent]
        process = TracedProcess(1000 + len(self.spawned), agent, self.trace, obeys=self.obeys)
        self.processes.setdefault(agent, []).append(process)
        return process

    def _judge(self, agent: str, formers: Sequence[PaperProcess]) -> None:
        """Keep what is wrong: an exception would only be taken for a start that failed."""
        if self.forbidden:
            self.faults.append(f"{agent} is started after the stop mark")
        if any(former.alive for former in formers):
            self.faults.append(f"{agent} has two live incarnations")
        if any(former.leftovers for former in formers):
            self.faults.append(f"{agent} starts over the remains of its last incarnation")
