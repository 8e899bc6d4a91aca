"""Scaled pools at work: what is seen of each goes to its autoscaler, what that decides is carried out."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from supervisor.clock import Clock
from supervisor.coordinator import pools
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.pools import Crew
from supervisor.errors import StoreError, SupervisorError
from supervisor.model.agent import Agent, AgentState, ExitClass, MachineMetrics
from supervisor.model.event import Event
from supervisor.model.health import Liveness
from supervisor.model.scale import Pool, Scale
from supervisor.model.task import TaskState
from supervisor.model.team import PoolSpec, TeamSpec
from supervisor.supervision.autoscaler import TICK_S, Autoscaler, Decision, Doing, Hand, Hold, Sight
from supervisor.supervision.child_spec import child_of
from supervisor.supervision.memory_cap import UNKNOWN_BYTES, PressureWatch, Squeeze, room_for
from supervisor.supervision.rate_cap import RateCap
from supervisor.supervision.supervisor import Supervisor
from supervisor.supervision.waiting import wait_at_most

GATHER_S: Final = 0.1
"""The least time between two looks: a thousand tasks that come at once are looked at together."""

READ_S: Final = 5.0
"""How long a look waits for the database before it takes the backlog for unknown."""

UNTRIED_S: Final = 60.0
"""How long an agent that ended by itself without ever claiming anything is not started again."""

HOLD_NEWS_S: Final = 10.0
"""How long the same thing must stand in a pool's way until that is worth an event of its own."""

TOLD_HOLDS: Final = frozenset({Hold.BREAKER, Hold.MEMORY, Hold.RATE, Hold.PLACES})

MOVING: Final = frozenset({"task", "agent", "milestone", "pool"})
"""Nouns whose events can change what a pool should have."""

_USEFUL: Final = frozenset({"task.claimed", "task.review_taken"})
_WAITED_FOR: Final = frozenset({TaskState.PENDING.value, TaskState.IN_REVIEW.value})
_COMING: Final = {
    AgentState.PENDING: Doing.WAITING,
    AgentState.BACKOFF: Doing.WAITING,
    AgentState.STOPPING: Doing.WAITING,
    AgentState.STARTING: Doing.STARTING,
    AgentState.DRAINING: Doing.LEAVING,
}
"""What slots in these states are to their pool, unless they were told to leave; one that ended comes back."""

_STILL_TO_COME: Final = (Doing.WAITING, Doing.STARTING)
"""Who has not taken the memory yet that it will need."""

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Scaled:
    """One scaled pool with its deciders and what is remembered of its agents."""

    spec: PoolSpec
    autoscaler: Autoscaler
    rate: RateCap
    since: dict[str, tuple[object, float]] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    useful: set[str] = field(default_factory=set)
    complaints: dict[str, tuple[int, Liveness, ExitClass | None]] = field(default_factory=dict)
    told_hold: Hold | None = None
    hold_since: tuple[Hold | None, float] = (None, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What was read of one pool, and what follows for its autoscaler."""

    pool: _Scaled
    crew: Crew
    sight: Sight


class Scaling:
    """Looks every two seconds, and at once when work comes; costs next to nothing while nothing changes.

    A pool's decision is written first and carried out then, so that what runs is never more than what a
    next engine would know of.
    """

    def __init__(
        self,
        coordinator: Coordinator,
        supervisor: Supervisor,
        clock: Clock,
        *,
        machine: Callable[[], MachineMetrics],
        memory_of: Callable[[str], int | None],
        stopping: Callable[[], bool],
        cores: int | None = None,
    ) -> None:
        """Listen to the coordinator's commits; `memory_of` tells what an agent of a pool needs, in bytes."""
        cores = os.cpu_count() or 1 if cores is None else cores
        self._coordinator = coordinator
        self._supervisor = supervisor
        self._clock = clock
        self._machine = machine
        self._memory_of = memory_of
        self._stopping = stopping
        self._pressure = PressureWatch()
        self._wake = asyncio.Event()
        self._stale = True
        self._is_known = True
        self._known: tuple[Crew, ...] = ()
        now = clock.monotonic()
        self._pools = {
            spec.name: _Scaled(
                spec=spec,
                autoscaler=Autoscaler(spec.scale or Scale(), now=now, cores=cores),
                rate=RateCap(spec.most),
            )
            for spec in pools.scaled_pools(coordinator.team)
        }
        if self._pools:
            coordinator.store.listen(self._committed)

    def take_plan(self, team: TeamSpec) -> None:
        """Start agents by another plan from now on; which pools are scaled, and how, is the same in it."""
        for spec in pools.scaled_pools(team):
            self._pools[spec.name].spec = spec

    async def restore(self) -> None:
        """Lay out as many agents of each pool as a former engine wanted; before the supervisor runs."""
        for pool in self._pools.values():
            names = await self._coordinator.read(
                lambda scope, spec=pool.spec: pools.kept_names(scope, spec)  # type: ignore[misc]
            )
            for name in names:
                if name not in self._supervisor.agents:
                    self._supervisor.add(child_of(pool.spec, name))

    async def keep(self) -> None:
        """Look again and again until cancelled; without a scaled pool there is nothing to do."""
        while self._pools:
            try:
                await self.look()
            except SupervisorError:
                _log.exception("a look at the pools failed; the next one is in %s s", TICK_S)
            await self._clock.sleep(GATHER_S)
            await wait_at_most(self._wake.wait(), self._clock, TICK_S - GATHER_S)

    async def look(self) -> None:
        """Look once at every scaled pool and do what follows."""
        self._wake.clear()
        if self._stopping():
            return
        is_known = await self._read()
        for crew in self._known:
            self._let_ended_go(self._pools[crew.pool.name], crew)
        machine, looks = self._machine(), self._looks(is_known=is_known)
        promised = sum(self._need(look, _STILL_TO_COME) for look in looks)
        for look in looks:
            name = look.pool.spec.name
            room = room_for(machine, self._memory_of(name), promised_bytes=promised)
            decision = look.pool.autoscaler.decide(replace(look.sight, room=room))
            promised += decision.start * (self._memory_of(name) or UNKNOWN_BYTES)
            await self._carry_out(look, decision)

    @property
    def is_needed(self) -> bool:
        """Tell whether the team has a scaled pool at all."""
        return bool(self._pools)

    async def has_failed(self) -> bool:
        """Tell whether nobody runs, somebody gave up, and no pool has a free place for what waits."""
        if not (self._supervisor.all_settled and self._supervisor.gave_up):
            return False
        try:
            crews = await self._coordinator.read(pools.crews)
        except StoreError:
            return False
        return not any(
            len(self._present(self._pools[crew.pool.name])) < self._pools[crew.pool.name].spec.most
            for crew in crews
            if crew.ready or crew.reserved
        )

    # ------------------------------------------------------------ seeing

    async def _read(self) -> bool:
        """Read what changed since the last look; tell whether what is known is the truth of now."""
        if not self._stale:
            return True
        self._stale = False
        try:
            async with asyncio.timeout(READ_S):
                self._known = await self._coordinator.read(pools.crews)
        except (StoreError, TimeoutError) as error:
            if self._is_known:
                _log.warning("the backlog cannot be read, so nobody is retired: %s", error)
            self._is_known, self._stale = False, True
        else:
            self._is_known = True
        return self._is_known

    def _looks(self, *, is_known: bool) -> list[_Look]:
        now = self._clock.monotonic()
        looks = [self._look_at(crew, now, is_known=is_known) for crew in self._known]
        squeeze = self._pressure.judge(self._machine(), now)
        shedding = _who_sheds(looks) if squeeze >= Squeeze.SHED_IDLE else None
        asked = {id(look): squeeze if look is shedding else min(squeeze, Squeeze.HOLD) for look in looks}
        return [replace(look, sight=replace(look.sight, squeeze=asked[id(look)])) for look in looks]

    def _need(self, look: _Look, doing: Iterable[Doing]) -> int:
        """Return the bytes that a pool's agents who do this will take, as far as is known."""
        return look.sight.count(*doing) * (self._memory_of(look.pool.spec.name) or UNKNOWN_BYTES)

    def _look_at(self, crew: Crew, now: float, *, is_known: bool) -> _Look:
        pool = self._pools[crew.pool.name]
        present = self._present(pool)
        rows = {agent.name: agent for agent in crew.agents}
        hands = tuple(self._hand(pool, name, rows.get(name), crew, now) for name in present)
        pool.since = {name: pool.since[name] for name in present}
        if any(agent.liveness is Liveness.LIMITED and agent.name in present for agent in crew.agents):
            pool.rate.hold(now)
        sight = Sight(
            now=now,
            hands=hands,
            ready=crew.ready if is_known else None,
            reserved=sum(name not in present for name in crew.reserved),
            manual=crew.pool.manual,
            held_by_breaker=self._supervisor.holds_starts,
            rate_cap=pool.rate.at(now),
        )
        return _Look(pool=pool, crew=crew, sight=sight)

    def _present(self, pool: _Scaled) -> tuple[str, ...]:
        """List the pool's agents that have a slot, and forget which were told to leave and have left."""
        present = tuple(name for name in self._supervisor.agents if pool.spec.holds(name))
        pool.leaving &= set(present)
        return present

    def _hand(self, pool: _Scaled, name: str, row: Agent | None, crew: Crew, now: float) -> Hand:
        doing = self._doing(pool, name, row)
        what = (doing, None if row is None or doing is not Doing.IDLE else row.since)
        known = pool.since.get(name)
        if known is None or known[0] != what:
            pool.since[name] = (what, now)
        return Hand(name=name, doing=doing, since=pool.since[name][1], rank=crew.ranks.get(name, 0))

    def _doing(self, pool: _Scaled, name: str, row: Agent | None) -> Doing:
        """Tell what an agent is to its pool: by its slot whether it lives, by its row what it holds."""
        state = self._supervisor.state_of(name)
        if name in pool.leaving:
            return Doing.LEAVING
        if state in _COMING:
            return _COMING[state]
        if state is not AgentState.IDLE or (row is not None and row.quarantined):
            return Doing.LOST
        is_busy = row is not None and row.state in {AgentState.WORKING, AgentState.WAITING_HUMAN}
        return Doing.BUSY if is_busy else Doing.IDLE

    # ------------------------------------------------------------ doing

    def _let_ended_go(self, pool: _Scaled, crew: Crew) -> None:
        """Free the places of agents that ended by themselves; who claimed nothing keeps its for a while.

        An agent that a person stopped stays down until that person starts it, and so does its place.
        """
        now = self._clock.monotonic()
        for agent in crew.agents:
            name = agent.name
            if name not in self._supervisor.agents or name in pool.leaving or not _ended_by_itself(agent):
                continue
            if self._supervisor.state_of(name) is not AgentState.EXITED:
                continue
            _, since = pool.since.get(name, (None, now))
            if name in pool.useful or now - since >= UNTRIED_S:
                self._retire(pool, name)

    async def _carry_out(self, look: _Look, decision: Decision) -> None:
        """Write the decision if it changes anything, then let agents come and go."""
        pool, stored = look.pool, look.crew.pool
        joining = self._names_to_start(look, decision.start)
        is_change = bool(joining or decision.retire) or decision.wanted != stored.wanted
        if look.sight.ready is None and not joining:
            return
        if is_change or self._is_news(pool, decision.hold, look.sight.now):
            await self._write(pool, decision, joining)
        if self._stopping():  # it began while that was written
            return
        for name in joining:
            pool.useful.discard(name)
            self._supervisor.add(child_of(pool.spec, name))
        for name in decision.retire:
            self._retire(pool, name)

    async def _write(self, pool: _Scaled, decision: Decision, joining: tuple[str, ...]) -> Pool:
        """Store a decision with its reason; raise StoreError if that cannot be, and nothing is done then."""
        pool.told_hold = decision.hold
        _log.info("pool %s: %d agents: %s", pool.spec.name, decision.wanted, decision.reason)
        return await self._coordinator.write(
            lambda scope: pools.rescale(
                scope,
                pool.spec,
                decision.wanted,
                decision.reason,
                joining=joining,
                leaving=decision.retire,
            )
        )

    def _is_news(self, pool: _Scaled, hold: Hold | None, now: float) -> bool:
        """Tell whether something else has stood in the pool's way for a while than was told last."""
        current = hold if hold in TOLD_HOLDS else None
        if pool.hold_since[0] is not current:
            pool.hold_since = (current, now)
        told = pool.told_hold if pool.told_hold in TOLD_HOLDS else None
        return current is not told and now - pool.hold_since[1] >= HOLD_NEWS_S

    def _names_to_start(self, look: _Look, count: int) -> tuple[str, ...]:
        """Choose who starts: for whom something is reserved, then the lowest free numbers."""
        taken = set(self._present(look.pool))
        free = [name for name in look.pool.spec.agent_names if name not in taken]
        wanted = [name for name in free if name in look.crew.reserved]
        return tuple(dict.fromkeys((*wanted, *free)))[:count]

    def _retire(self, pool: _Scaled, name: str) -> None:
        pool.leaving.add(name)
        self._supervisor.retire(name)

    # ------------------------------------------------------------ hearing

    def _committed(self, events: list[Event]) -> None:
        for event in events:
            if event.noun not in MOVING:
                continue
            self._stale = True
            if event.noun == "agent":
                self._hear_agent(event)
            elif event.kind in _USEFUL:
                self._note_useful(event.actor)
            elif event.noun == "pool" or event.after.get("state") in _WAITED_FOR:
                self._wake.set()

    def _note_useful(self, agent: str) -> None:
        for pool in self._pools.values():
            if pool.spec.holds(agent):
                pool.useful.add(agent)

    def _hear_agent(self, event: Event) -> None:
        """Take a new complaint about too many requests to the pool's cap: once per agent and occasion."""
        pool = self._pools.get(event.after["pool"])
        if pool is None:
            return
        after = event.after
        ended = (after["last_exit"] or {}).get("kind") if after["state"] == AgentState.BACKOFF.value else None
        heard = (
            after["incarnation"],
            Liveness(after["liveness"]),
            None if ended is None else ExitClass(ended),
        )
        if pool.complaints.get(event.subject) == heard:
            return
        pool.complaints[event.subject] = heard
        if heard[1] is Liveness.LIMITED or heard[2] is ExitClass.RATE_LIMITED:
            left = max(0.0, (after["next_start_at"] or event.at) - event.at)
            live = sum(
                self._supervisor.state_of(name) not in {AgentState.EXITED, AgentState.PARKED}
                for name in self._present(pool)
            )
            pool.rate.limited(self._clock.monotonic(), live=live, retry_after_s=left)


def _ended_by_itself(agent: Agent) -> bool:
    end = agent.last_exit
    return agent.state is AgentState.EXITED and end is not None and end.kind is not ExitClass.STOP_REQUESTED


def _who_sheds(looks: Collection[_Look]) -> _Look | None:
    """Choose the pool that gives memory back: whose agent is idle for longest, else does the least urgent."""
    able = [
        (hand.doing is Doing.BUSY, -hand.rank, hand.since, index)
        for index, look in enumerate(looks)
        for hand in look.sight.hands
        if hand.doing in {Doing.IDLE, Doing.BUSY}
        and look.sight.count(Doing.WAITING, Doing.STARTING, Doing.IDLE, Doing.BUSY)
        > (look.pool.spec.scale or Scale()).min
    ]
    return list(looks)[min(able)[3]] if able else None
