"""The supervisor: all slots of a team in their tree, started in order and stopped in reverse."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from supervisor.clock import Clock
from supervisor.errors import NotFound, WrongState
from supervisor.model.agent import AgentState, ExitInfo
from supervisor.model.branch import BranchSpec, Condition
from supervisor.supervision.branch import Mode
from supervisor.supervision.breaker import Breaker, limit_for
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.notices import Condemned, Order
from supervisor.supervision.pool import Pool
from supervisor.supervision.ports import Launcher, Reporter
from supervisor.supervision.roster import Roster
from supervisor.supervision.slot import Slot
from supervisor.supervision.tree import Tree

_TOP = BranchSpec()


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamOver:
    """Why the top of the tree has ended by itself: it failed, or its significant agents are done."""

    failed: bool
    words: str


class Supervisor:
    """Keeps a team's agents alive, as the tree says, until it is stopped.

    All methods belong to the loop that runs `run`.
    """

    def __init__(
        self,
        children: Sequence[ChildSpec],
        launcher: Launcher,
        reporter: Reporter,
        clock: Clock,
        rng: random.Random,
        *,
        top: BranchSpec = _TOP,
        branches: Sequence[BranchSpec] = (),
        pools: Mapping[str, str] | None = None,
    ) -> None:
        """Lay out one slot per child, in start order; nothing starts before `run`.

        `pools` names the branch of each pool in start order, also of those that begin with nobody;
        without it, it is what the children say.
        """
        self._launcher = launcher
        self._reporter = reporter
        self._clock = clock
        self._rng = rng
        self._breaker = Breaker(limit=limit_for(len(children)), clock=clock)
        self._settled = asyncio.Event()
        self._over = asyncio.Event()
        self._stop_asked = asyncio.Event()
        self._stopping = False
        self._seen_restless: Slot | None = None
        self._tree = Tree(clock=clock, rng=rng, note=self._note_move)
        self._roster = Roster(self._tree, self._breaker, slot_for=self._slot_for, note=self._note_move)
        self._slots = self._roster.slots
        self._tree.lay_out(top, branches, _pools_of(children) if pools is None else pools)
        for child in children:
            self._roster.take_in(child)
        self._note_move("")

    async def run(self) -> None:
        """Start all agents and keep them until `stop`; return when no process is left and all is told."""
        if self._stopping:
            return
        async with asyncio.TaskGroup() as tasks:
            self._tree.top.open()
            self._roster.begin(tasks)
            await self._stop_asked.wait()

    # ------------------------------------------------------------ who is in the team

    def add(self, child: ChildSpec) -> None:
        """Take an agent in as the last of its pool, and start it if the team runs.

        While a retired one of the same name is still leaving, it starts once that one is gone. In a
        branch that is over it waits for the branch.
        """
        if self._stopping:
            raise WrongState("the team is stopping; nothing is started any more")
        self._roster.add(child)

    def retire(self, agent: str) -> None:
        """Let an agent finish what it holds, stop it then, and forget it; one that is leaving still does.

        Whoever knows that it holds nothing any more calls `drained`.
        """
        self._roster.dismiss(self._slot(agent), Order.LEAVE)

    def reload(
        self,
        children: Sequence[ChildSpec],
        branches: Sequence[BranchSpec] = (),
        *,
        top: BranchSpec = _TOP,
        pools: Mapping[str, str] | None = None,
        changed: Collection[str] = (),
    ) -> None:
        """Make the team what a new plan says; who is the same in it is not touched, whatever it does.

        An agent is the same if its spec is, but for its branch, and it is not `changed`: that names those
        whose way to be started is another. The others are stopped; those still in the plan start again
        when they have ended, unless a person had stopped them.
        """
        if self._stopping:
            raise WrongState("the team is stopping; nothing is changed any more")
        self._tree.lay_out(top, branches, _pools_of(children) if pools is None else pools)
        self._roster.follow(children, changed=changed)

    def _slot_for(self, child: ChildSpec, pool: Pool) -> Slot:
        return Slot(
            child,
            place=pool,
            dependencies=self._tree.dependencies,
            launcher=self._launcher,
            reporter=self._reporter,
            breaker=self._breaker,
            clock=self._clock,
            rng=self._rng,
        )

    # ------------------------------------------------------------ the end

    async def stop(self, *, now: bool = False) -> None:
        """Stop pool by pool in reverse start order, agents of a pool at once; return when all ended.

        Who depends on a pool is stopped before it. From the call on nothing is started. A second call
        with `now` hurries: every tree that is left is killed at once, and the first call returns then too.
        """
        self._stopping = self._roster.is_closed = True
        self._stop_asked.set()
        for branch in self._tree.branches.values():
            branch.seal()
        for slot in self._slots.values():
            slot.order(Order.END_NOW if now else Order.RETIRE)
        if not self._roster.has_begun:
            return
        for pool in self._tree.stop_order():
            for slot in pool.slots.values():
                slot.order(Order.END)
            for slot in pool.slots.values():
                await slot.ended.wait()

    @property
    def over(self) -> TeamOver | None:
        """Tell why the top of the tree ended by itself; None while it has not."""
        top = self._tree.top
        if top.mode is not Mode.OVER:
            return None
        return TeamOver(failed=top.failed, words=top.why_over)

    async def top_over(self) -> TeamOver:
        """Return why the top of the tree ended by itself, once it has and all its agents are down."""
        while (over := self.over) is None:
            await self._over.wait()
        return over

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
        self._note_move("")

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
        slot = self._slot(agent)
        slot.order(Order.RESTART)
        self._tree.pools[slot.spec.pool].branch.wake()

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

    def awaited_lines(self, agent: str) -> frozenset[str]:
        """List the patterns (regexes) that others wait for this agent to write a line for."""
        pool = self._slot(agent).spec.pool
        wants = (want for slot in self._slots.values() for want in slot.spec.depends_on)
        return frozenset(
            want.pattern for want in wants if want.pool == pool and want.condition is Condition.LOG_LINE
        )

    def log_line_seen(self, agent: str, incarnation: int, pattern: str) -> None:
        """Hear that an incarnation has written a line that matches `pattern`, one of `awaited_lines`.

        One that is not the newest is ignored.
        """
        self._slot(agent).saw_line(incarnation, pattern)

    @property
    def agents(self) -> tuple[str, ...]:
        """Name the agents that have a slot, in start order."""
        return tuple(self._slots)

    def describe(self) -> dict[str, str]:
        """Tell what is under way in each slot, while the team runs."""
        return {name: slot.inside for name, slot in self._slots.items()}

    def state_of(self, agent: str) -> AgentState:
        """Return the state of an agent's slot."""
        return self._slot(agent).state

    @property
    def holds_starts(self) -> bool:
        """Tell whether the circuit breaker keeps agents from starting."""
        return not self._breaker.closed

    @property
    def stuck(self) -> tuple[str, ...]:
        """Name the agents whose processes cannot be ended."""
        return tuple(name for name, slot in self._slots.items() if slot.state is AgentState.STUCK)

    async def starts_held(self) -> str:
        """Return why, once the circuit breaker keeps agents from starting."""
        await self._breaker.opened()
        return self._breaker.why_open

    async def starts_free(self) -> None:
        """Return once it does not."""
        await self._breaker.closed_again()

    @property
    def gave_up(self) -> tuple[str, ...]:
        """Name the agents that are parked."""
        return tuple(name for name, slot in self._slots.items() if slot.state is AgentState.PARKED)

    @property
    def stranded(self) -> tuple[str, ...]:
        """Name the agents that wait for what cannot come by itself."""
        return tuple(name for name, slot in self._slots.items() if slot.is_stranded)

    @property
    def why_nobody_comes(self) -> str:
        """Say which agents gave up, and which wait for what cannot come."""
        gave_up, stranded = ", ".join(self.gave_up), ", ".join(self.stranded)
        parts = (gave_up and f"{gave_up} gave up", stranded and f"what {stranded} waits for cannot come")
        return "; ".join(part for part in parts if part)

    @property
    def all_settled(self) -> bool:
        """Tell whether nothing becomes of any agent by itself.

        Each is exited, parked or stuck, or waits for what cannot come, and no branch is in motion.
        """
        return self._restless is None

    async def settled(self) -> None:
        """Return as soon as nothing becomes of any agent by itself."""
        await self._settled.wait()

    def _slot(self, agent: str) -> Slot:
        slot = self._slots.get(agent)
        if slot is None:
            raise NotFound(f"no agent of this team is called `{agent[:70]}`")
        return slot

    @property
    def _restless(self) -> Slot | None:
        """Return one that is not at rest; the same as before as long as it is not.

        Else the middle one of all: so few are looked for though all come to rest one after the other.
        """
        last = self._seen_restless
        if last is None or last.rests or self._slots.get(last.spec.name) is not last:
            restless = [slot for slot in self._slots.values() if not slot.rests]
            self._seen_restless = restless[len(restless) // 2] if restless else None
        return self._seen_restless

    def _note_move(self, agent: str) -> None:
        """See whether the team is settled, after one agent may have changed, or with "" any."""
        slot = self._slots.get(agent)
        if slot is None or not slot.rests or not self._settled.is_set():
            _set(self._settled, self.all_settled)
        _set(self._over, self.over is not None)


def _set(event: asyncio.Event, on: bool) -> None:  # noqa: FBT001 - it reads as the sentence it is
    if on:
        event.set()
    else:
        event.clear()


def _pools_of(children: Sequence[ChildSpec]) -> dict[str, str]:
    return {child.pool: child.branch for child in children}
