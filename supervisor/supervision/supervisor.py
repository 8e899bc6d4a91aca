"""The supervisor: all slots of a team, started in order and stopped in reverse."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from supervisor.clock import Clock
from supervisor.errors import NotFound, WrongState
from supervisor.model.agent import AgentState, ExitInfo
from supervisor.supervision.breaker import Breaker, limit_for
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.lifecycle import SETTLED
from supervisor.supervision.notices import Condemned, Order
from supervisor.supervision.ports import Launcher, Reporter
from supervisor.supervision.slot import Slot


class Supervisor:
    """Keeps a team's agents alive, each for itself (one_for_one), until it is stopped.

    All methods belong to the loop that runs `run`. An agent that gives up does not stop the team.
    """

    def __init__(
        self,
        children: Sequence[ChildSpec],
        launcher: Launcher,
        reporter: Reporter,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        """Lay out one slot per child, in start order; nothing starts before `run`."""
        self._launcher = launcher
        self._reporter = reporter
        self._clock = clock
        self._rng = rng
        self._breaker = Breaker(limit=limit_for(len(children)), clock=clock)
        self._settled = asyncio.Event()
        self._stop_asked = asyncio.Event()
        self._stopping = False
        self._tasks: asyncio.TaskGroup | None = None
        self._slots: dict[str, Slot] = {}
        self._successors: dict[str, ChildSpec] = {}
        for child in children:
            self._slots[child.name] = self._slot_for(child)
        self._note_move()

    async def run(self) -> None:
        """Start all agents and keep them until `stop`; return when no process is left and all is told."""
        if self._stopping:
            return
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for slot in tuple(self._slots.values()):
                self._own(slot)
            await self._stop_asked.wait()

    def add(self, child: ChildSpec) -> None:
        """Take an agent in as the last of its pool, and start it if the team runs.

        While a retired one of the same name is still leaving, it starts once that one is gone.
        """
        if self._stopping:
            raise WrongState("the team is stopping; nothing is started any more")
        former = self._slots.get(child.name)
        if former is not None and not former.leaving:
            raise WrongState(f"{child.name} is in the team already")
        if former is not None:
            self._successors[child.name] = child
            return
        self._slots[child.name] = slot = self._slot_for(child)
        self._breaker.resize(len(self._slots))
        self._note_move()
        if self._tasks is not None:
            self._own(slot)

    def retire(self, agent: str) -> None:
        """Let an agent finish what it holds, stop it then, and forget it; one that is leaving still does.

        Whoever knows that it holds nothing any more calls `drained`.
        """
        slot = self._slot(agent)
        self._successors.pop(agent, None)
        slot.order(Order.LEAVE)
        if self._tasks is None:
            self._forget(slot)

    async def stop(self, *, now: bool = False) -> None:
        """Stop pool by pool in reverse start order, agents of a pool at once; return when all ended.

        From the call on nothing is started. A second call with `now` hurries: every tree that is
        left is killed at once, and the first call returns then too.
        """
        self._stopping = True
        self._stop_asked.set()
        for slot in self._slots.values():
            slot.order(Order.END_NOW if now else Order.RETIRE)
        if self._tasks is None:
            return
        for pool in self._pools_in_reverse():
            for slot in pool:
                slot.order(Order.END)
            for slot in pool:
                await slot.ended.wait()

    def restore(
        self,
        agent: str,
        next_start_at: float | None,
        restarts: int,
        *,
        incarnation: int = 0,
        last_exit: ExitInfo | None = None,
        at_rest: bool = False,
    ) -> None:
        """Continue an agent where a former engine was; before `run`.

        Its count and its last incarnation are told on with its next change; a wait goes on. One that
        is `at_rest` stays exited, of which nothing is told, until a person restarts it.
        """
        self._slot(agent).restore(
            next_start_at=next_start_at,
            restarts=restarts,
            incarnation=incarnation,
            last_exit=last_exit,
            at_rest=at_rest,
        )
        self._note_move()

    def ready(self, agent: str, incarnation: int) -> None:
        """Hear that an incarnation has reported for work; one that is not the live one is ignored."""
        self._slot(agent).ready(incarnation)

    def more_time(self, agent: str, incarnation: int, seconds: float) -> None:
        """Let an incarnation that is not ready yet take so long from now, or as long as it has, if longer."""
        self._slot(agent).more_time(incarnation, seconds)

    def restart(self, agent: str) -> None:
        """Start an agent anew by a person's order, whatever state it rests in; its record is wiped."""
        if self._stopping:
            raise WrongState("the team is stopping; nothing is started any more")
        self._slot(agent).order(Order.RESTART)

    def stop_agent(self, agent: str) -> None:
        """Stop one agent by a person's order; it stays down until it is restarted."""
        self._slot(agent).order(Order.STOP)

    def kill(self, agent: str) -> None:
        """Kill an agent's tree at once, without asking it; it stays down until it is restarted."""
        self._slot(agent).order(Order.KILL)

    def pause(self, agent: str) -> None:
        """Freeze an agent where it is; it keeps its process and what it holds. One at rest stays so."""
        self._slot(agent).order(Order.PAUSE)

    def resume(self, agent: str) -> None:
        """Let a paused agent go on."""
        self._slot(agent).order(Order.RESUME)

    def drain(self, agent: str) -> None:
        """Let an agent finish what it holds and stop it then; whoever knows that it has, calls `drained`."""
        self._slot(agent).order(Order.DRAIN)

    def drained(self, agent: str) -> None:
        """Hear that a draining agent holds nothing any more."""
        self._slot(agent).order(Order.DRAINED)

    def condemn(self, agent: str, condemned: Condemned) -> None:
        """Have an incarnation ended for a cause, and judged by it; another than the live one is ignored."""
        self._slot(agent).condemn(condemned)

    @property
    def agents(self) -> tuple[str, ...]:
        """Name the agents that have a slot, in start order."""
        return tuple(self._slots)

    def state_of(self, agent: str) -> AgentState:
        """Return the state of an agent's slot."""
        return self._slot(agent).state

    @property
    def holds_starts(self) -> bool:
        """Tell whether the circuit breaker keeps agents from starting."""
        return not self._breaker.closed

    @property
    def gave_up(self) -> tuple[str, ...]:
        """Name the agents that are parked."""
        return tuple(name for name, slot in self._slots.items() if slot.state is AgentState.PARKED)

    @property
    def all_settled(self) -> bool:
        """Tell whether every agent is exited, parked or stuck."""
        return all(slot.state in SETTLED for slot in self._slots.values())

    async def settled(self) -> None:
        """Return as soon as every agent is exited, parked or stuck."""
        await self._settled.wait()

    def _slot_for(self, child: ChildSpec) -> Slot:
        return Slot(
            child,
            launcher=self._launcher,
            reporter=self._reporter,
            breaker=self._breaker,
            clock=self._clock,
            rng=self._rng,
            on_move=self._note_move,
        )

    def _own(self, slot: Slot) -> None:
        if self._tasks is not None:
            self._tasks.create_task(self._live(slot), name=f"slot {slot.spec.name}")

    async def _live(self, slot: Slot) -> None:
        await slot.run()
        if slot.leaving and not self._stopping:
            self._forget(slot)

    def _forget(self, slot: Slot) -> None:
        del self._slots[slot.spec.name]
        self._breaker.resize(len(self._slots))
        self._note_move()
        successor = self._successors.pop(slot.spec.name, None)
        if successor is not None:
            self.add(successor)

    def _pools_in_reverse(self) -> list[list[Slot]]:
        pools: dict[str, list[Slot]] = {}
        for slot in self._slots.values():
            pools.setdefault(slot.spec.pool, []).append(slot)
        return list(pools.values())[::-1]

    def _slot(self, agent: str) -> Slot:
        slot = self._slots.get(agent)
        if slot is None:
            raise NotFound(f"no agent of this team is called `{agent[:70]}`")
        return slot

    def _note_move(self) -> None:
        if self.all_settled:
            self._settled.set()
        else:
            self._settled.clear()
