"""What an agent waits for before a start besides its turn: what it depends on of other pools."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.branch import Condition, Dependency, Restart
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.gate import Gate


class Depended(Protocol):
    """What is looked at of an agent that others wait for."""

    @property
    def spec(self) -> ChildSpec:
        """Return its child spec."""
        ...

    @property
    def state(self) -> AgentState:
        """Return the state of its slot."""
        ...

    @property
    def is_up(self) -> bool:
        """Tell whether it has a process that is not being ended."""
        ...

    @property
    def is_ready(self) -> bool:
        """Tell whether that process has reported for work."""
        ...

    @property
    def last_exit(self) -> ExitInfo | None:
        """Tell how its last incarnation ended."""
        ...

    @property
    def lines(self) -> frozenset[str]:
        """List the patterns that its newest incarnation has written a line for."""
        ...

    @property
    def rests(self) -> bool:
        """Tell whether nothing becomes of it by itself."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """What is not there yet; `hopeless`: it cannot come by itself."""

    words: str
    hopeless: bool = False


Tell = Callable[[Lack], None]
"""Whom a wait tells what it waits for, whenever that changes."""

_DONE = {
    Condition.STARTED: "be started",
    Condition.READY: "be ready",
    Condition.COMPLETED_OK: "complete",
    Condition.LOG_LINE: "write a line",
}


class Dependencies:
    """Knows what of each pool's agents is met, and wakes who waits for it when that may have changed."""

    def __init__(self, agents_of: Callable[[str], Iterable[Depended]]) -> None:
        """Ask `agents_of` for the agents of a pool."""
        self._agents_of = agents_of
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)

    def changed(self, pool: str) -> None:
        """Hear that something of a pool's agents is not what it was."""
        for event in self._waiting.get(pool, ()):
            event.set()

    def lack(self, wants: tuple[Dependency, ...]) -> Lack | None:
        """Say what is not met, all of it; None if everything is."""
        lacks = [lack for want in wants if (lack := self._lack_of(want)) is not None]
        if not lacks:
            return None
        return Lack(
            words="waits for " + "; ".join(lack.words for lack in lacks),
            hopeless=any(lack.hopeless for lack in lacks),
        )

    async def met(self, wants: tuple[Dependency, ...], tell: Tell) -> None:
        """Return once everything is met."""
        if not wants:
            return
        changed = asyncio.Event()
        for want in wants:
            self._waiting[want.pool].add(changed)
        told: Lack | None = None
        try:
            while (lack := self.lack(wants)) is not None:
                if lack != told:
                    tell(lack)
                told = lack
                await changed.wait()
                changed.clear()
        finally:
            for want in wants:
                self._waiting[want.pool].discard(changed)

    def _lack_of(self, want: Dependency) -> Lack | None:
        agents = tuple(self._agents_of(want.pool))
        if not agents:
            return Lack(words=f"{want.pool} to {_DONE[want.condition]}, of which there is no agent")
        lacks = [_lack(agent, want) for agent in agents if not _meets(agent, want)]
        hopeless = [lack for lack in lacks if lack.hopeless]
        return next(iter(hopeless + lacks), None)


def _meets(agent: Depended, want: Dependency) -> bool:
    match want.condition:
        case Condition.STARTED:
            return agent.is_up or _completed(agent)
        case Condition.READY:
            return agent.is_ready
        case Condition.COMPLETED_OK:
            return _completed(agent)
        case _:
            return want.pattern in agent.lines


def _completed(agent: Depended) -> bool:
    ended_well = agent.last_exit is not None and agent.last_exit.kind is ExitClass.OK
    return agent.state is AgentState.EXITED and ended_well


def _lack(agent: Depended, want: Dependency) -> Lack:
    words = f"{agent.spec.name} to {_DONE[want.condition]}"
    if agent.rests:
        return Lack(words=f"{words}, but it is {agent.state} and will not by itself", hopeless=True)
    if want.condition is Condition.COMPLETED_OK and agent.spec.restart is Restart.PERMANENT:
        return Lack(words=f"{words}, but it is permanent and never does", hopeless=True)
    return Lack(words=words)


class Turn:
    """One agent's turn to start: the gate of its pool is open, and what it depends on is met."""

    def __init__(self, gate: Gate, dependencies: Dependencies, wants: tuple[Dependency, ...]) -> None:
        """Wait at `gate`, then for `wants`."""
        self._gate = gate
        self._dependencies = dependencies
        self._wants = wants

    @property
    def may_go_on(self) -> bool:
        """Tell whether a start under way may still be carried out."""
        return self._gate.is_open

    @property
    def has_come(self) -> bool:
        """Tell whether a start may be begun."""
        return self._gate.is_open and self._dependencies.lack(self._wants) is None

    async def come(self, tell: Tell) -> None:
        """Return once it has come."""
        while not self.has_come:
            if not self._gate.is_open:
                tell(Lack(words=self._gate.why))
                await self._gate.opened()
            await self._dependencies.met(self._wants, tell)
