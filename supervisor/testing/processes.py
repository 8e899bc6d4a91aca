"""Processes that live only on paper: for supervision in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from supervisor.model.team import StopLadder
from supervisor.supervision.ports import SlotChange, SpawnFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperExit:
    """How a paper process ended."""

    code: int | None = None
    signal: int | None = None
    oom: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTree:
    """What is left of a paper process tree."""

    leftovers: tuple[int, ...] = ()
    escaped: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Tell whether nothing is left."""
        return not self.leftovers


class PaperProcess:
    """Fill the AgentProcess protocol with a process that ends when a test says so.

    `obeys`: a polite stop ends it at once; else only the one with `now` does, and a polite stop
    hangs. `leftovers` are reported by every clearing until a test empties them.
    """

    def __init__(self, pid: int, *, obeys: bool = True) -> None:
        """Begin alive."""
        self.pid = pid
        self.obeys = obeys
        self.leftovers: tuple[int, ...] = ()
        self.stops: list[str] = []
        self.clearings = 0
        self.frozen = False
        self.aborted = False
        self._exit: PaperExit | None = None
        self._over = asyncio.Event()

    @property
    def alive(self) -> bool:
        """Tell whether the leader lives."""
        return not self._over.is_set()

    def exit(self, code: int) -> None:
        """End with an exit code."""
        self._end(PaperExit(code=code))

    def kill(self, signal: int = 9) -> None:
        """End by a signal that nobody of ours sent."""
        self._end(PaperExit(signal=signal))

    def _end(self, how: PaperExit) -> None:
        if self._exit is None:
            self._exit = how
            self._over.set()

    async def wait(self) -> PaperExit:
        """Return when the leader has ended."""
        await self._over.wait()
        return self._exit or PaperExit()

    async def stop(self, ladder: StopLadder, *, now: bool = False) -> PaperTree:
        """End the tree; how it was asked is kept in `stops`."""
        self.stops.append("now" if now else "politely")
        if self.obeys or now:
            self._end(PaperExit(signal=9 if now else 15))
        await self._over.wait()
        return PaperTree(leftovers=self.leftovers)

    async def freeze(self) -> None:
        """Stand still."""
        self.frozen = True

    async def thaw(self) -> None:
        """Go on."""
        self.frozen = False

    def abort(self) -> None:
        """Keep that it was asked to abort."""
        self.aborted = True

    async def clean_up(self) -> PaperTree:
        """Report what is left."""
        self.clearings += 1
        return PaperTree(leftovers=self.leftovers)


@dataclass
class PaperLauncher:
    """Fill the Launcher protocol; every start is kept, and can be made to fail, hang or refuse to stop.

    `failures` maps an agent to the failure that its every start meets. `on_spawn` is called with each
    new process, for agents that live by a script. `gate`, while unset, holds every preparation.
    """

    failures: dict[str, Exception] = field(default_factory=dict)
    unpreparable: dict[str, Exception] = field(default_factory=dict)
    on_spawn: Callable[[str, int, PaperProcess], None] | None = None
    obeys: bool = True
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    spawned: list[tuple[str, int]] = field(default_factory=list)
    prepared: list[tuple[str, int]] = field(default_factory=list)
    processes: dict[str, list[PaperProcess]] = field(default_factory=dict)
    most_alive: int = 0

    def __post_init__(self) -> None:
        """Begin with the gate open."""
        self.gate.set()

    async def prepare(self, agent: str) -> int:
        """Hand out the agent's next number."""
        await self.gate.wait()
        if agent in self.unpreparable:
            raise self.unpreparable[agent]
        number = sum(1 for name, _ in self.prepared if name == agent) + 1
        self.prepared.append((agent, number))
        return number

    def spawn(self, agent: str, incarnation: int) -> PaperProcess:
        """Start a paper process, or fail as told."""
        self.spawned.append((agent, incarnation))
        if agent in self.failures:
            raise self.failures[agent]
        process = PaperProcess(1000 + len(self.spawned), obeys=self.obeys)
        siblings = self.processes.setdefault(agent, [])
        siblings.append(process)
        self.most_alive = max(self.most_alive, sum(sibling.alive for sibling in siblings))
        if self.on_spawn is not None:
            self.on_spawn(agent, incarnation, process)
        return process

    def last(self, agent: str) -> PaperProcess:
        """Return the agent's newest process."""
        return self.processes[agent][-1]

    def starts(self, agent: str) -> int:
        """Count how often the agent was started, or tried to be."""
        return sum(1 for name, _ in self.spawned if name == agent)


@dataclass
class ChangeLog:
    """Fill the Reporter protocol by keeping every change; it can be made slow or faulty."""

    changes: list[SlotChange] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    fault: Exception | None = None

    def __post_init__(self) -> None:
        """Begin with the gate open."""
        self.gate.set()

    async def slot_changed(self, change: SlotChange) -> None:
        """Keep the change once the gate is open."""
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.changes.append(change)

    def of(self, agent: str) -> list[SlotChange]:
        """List the changes of one agent."""
        return [change for change in self.changes if change.agent == agent]

    def states(self, agent: str) -> list[str]:
        """List the states that one agent went through, without repeats."""
        states: list[str] = []
        for change in self.of(agent):
            if not states or states[-1] != change.state:
                states.append(change.state)
        return states

    def last(self, agent: str) -> SlotChange:
        """Return the newest change of one agent."""
        return self.of(agent)[-1]


def cannot_start(detail: str = "no such program", *, permanent: bool = True) -> SpawnFailure:
    """Make the failure of a start."""
    return SpawnFailure(detail, permanent=permanent)
