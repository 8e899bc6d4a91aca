"""A small model of a supervised team: synchronous, in virtual time, without tasks and mailboxes."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

from supervisor.model.agent import AgentState
from supervisor.model.branch import BranchSpec
from supervisor.supervision.child_spec import ChildSpec
from tests.integration.otp_agent import PlainAgent
from tests.integration.otp_breaker import HOLD_S, PlainBreaker
from tests.integration.otp_life import Life
from tests.integration.otp_tree import RESTS, PlainBranch, PlainPool, pools_of

SPREAD_S: Final = 2.5
"""The middle of the time over which held agents start once the breaker closes."""

FLUSH_S: Final = 10.0
"""How long one that leaves waits for what is told of it to be taken."""


class PlainTeam:
    """Keeps agents as OTP says; what it does is in `trace`, in order."""

    def __init__(
        self, children: Sequence[ChildSpec], top: BranchSpec, branches: Sequence[BranchSpec], now: float
    ) -> None:
        self.now = now
        self.kits_held = False
        self.reports_held = False
        self.in_any_order = False
        self.is_open_race = self.branch_moved = False
        self.stopping = False
        self.failing: dict[str, str] = {}
        self.kit_s: dict[str, float] = {}
        self.tried: list[str] = []
        self.trace: list[tuple[str, str]] = []
        self.agents: dict[str, PlainAgent] = {}
        self.successors: dict[str, ChildSpec] = {}
        self._kits = Counter[str]()
        self.breaker = PlainBreaker(limit=0)
        self._order = count()
        self._timers: list[tuple[float, int, str, str]] = []
        self._held: list[str] = []
        self._roused = False
        self._closing: list[list[PlainAgent]] = []
        self._lay_out(top, branches, {child.pool: child.branch for child in children})
        for child in children:
            self.take_in(child)
        self.top.open()

    def _lay_out(self, top: BranchSpec, branches: Sequence[BranchSpec], pools: dict[str, str]) -> None:
        """Put everything under its branch, in the order of the first pool in it."""
        self.top = PlainBranch(top, self)
        self.branches = {top.name: self.top}
        for spec in branches:
            self.branches[spec.name] = PlainBranch(spec, self)
        for spec in branches:
            self.branches[spec.name].above = self.branches[spec.under]
        self.pools = {name: PlainPool(name, self.branches[branch]) for name, branch in pools.items()}
        for pool in self.pools.values():
            pool.branch.children.append(pool)
            self._place(pool.branch)
        for branch in self.branches.values():
            self._place(branch)

    def _place(self, branch: PlainBranch) -> None:
        """Put a branch, and those above it, behind what the one above has already."""
        while branch.above is not None and branch not in branch.above.children:
            branch.above.children.append(branch)
            branch = branch.above

    # ------------------------------------------------------------ what an agent needs

    def did(self, what: str, name: str) -> None:
        self.trace.append((what, name))

    def ring(self, name: str, what: str, after_s: float) -> None:
        self.unring(name, what)
        # what a wake-up sets off comes before the next one, also before another of the same moment
        due = self.now + after_s if after_s > 0 else 0.0
        heapq.heappush(self._timers, (due, next(self._order), name, what))

    def unring(self, name: str, *what: str) -> None:
        self._timers = [each for each in self._timers if each[2] != name or each[3] not in what]
        heapq.heapify(self._timers)
        if "due" in what and name in self._held:
            self._held.remove(name)

    def may_start(self, agent: Life) -> bool:
        if self.breaker.holds(agent.name, self.now):
            self._held.append(agent.name)
            if not self.breaker.lets_try(self.now):
                agent.tell()
            return False
        return True

    def is_tried(self, agent: Life) -> None:
        if not self.breaker.closed:
            self.breaker.probe = agent.name

    def is_ready(self, agent: Life) -> None:
        if self.breaker.probe == agent.name:
            self.breaker.close()
            self.unring("", "half open")
            for name in tuple(self._held):
                self._held.remove(name)
                self.ring(name, "due", SPREAD_S)

    def next_number(self, name: str) -> int:
        self._kits[name] += 1
        return self._kits[name]

    def does_not_start(self, agent: Life) -> None:
        if self.breaker.probe == agent.name:
            self.breaker.probe = ""
            if self.breaker.lets_try(self.now):
                self.is_open_race = bool(self._held)
                self.ring("", "half open", 0.0)
            else:
                self._tell_held()

    def has_crashed(self, agent: Life) -> None:
        if self.breaker.probe == agent.name:
            self._open_breaker()

    def comes_back(self, agent: Life) -> None:
        if self.breaker.count(self.now):
            self._open_breaker()

    def _open_breaker(self) -> None:
        self.breaker.open(self.now)
        self.ring("", "half open", HOLD_S)
        self._tell_held()

    def _let_try(self, names: list[str]) -> None:
        for name in names:
            self._held.remove(name)
            self.agents[name].due()

    def _tell_held(self) -> None:
        """Let those whom the breaker holds hear of it; they look whether it is still their turn then."""
        self._roused = True
        for name in self._held:
            self.agents[name].tell()

    def _look_at_turns(self) -> None:
        if self._roused:
            self._roused = False
            for name in tuple(self._held):
                if not self.has_turn(self.agents[name]):
                    self._held.remove(name)
                    self.agents[name].due()

    def skip_kits(self, agent: PlainAgent, number: int) -> None:
        """Count kits that were made for nothing, of which the model knows nothing."""
        agent.number = max(agent.number, number)
        self._kits[agent.name] = max(self._kits[agent.name], number)

    def is_open(self, agent: Life) -> bool:
        return self.pools[agent.spec.pool].is_open

    def is_closed(self, agent: Life) -> bool:
        return self.pools[agent.spec.pool].branch.is_closed and not self.stopping

    def has_turn(self, agent: Life) -> bool:
        return self.is_open(agent) and not list(self._lacks(agent))

    def is_hopeless(self, agent: Life) -> bool:
        return agent.waiting and self.is_open(agent) and any(self._lacks(agent))

    def _lacks(self, agent: Life) -> Iterator[bool]:
        """List what is not there that it depends on, each as whether it cannot come by itself."""
        for want in agent.spec.depends_on:
            others = [each for each in self.pools[want.pool].agents.values() if not each.leaving]
            missing = [each for each in others if not each.meets(want.condition)]
            if missing or not others:
                yield any(self.rests(each) or each.never_meets(want.condition) for each in missing)

    def rests(self, agent: PlainAgent) -> bool:
        """Tell whether nothing becomes of it by itself."""
        at_rest = self.is_hopeless(agent) or agent.state in RESTS
        return at_rest and not self.pools[agent.spec.pool].branch.in_motion

    def may_restart(self, agent: Life, *, counts: bool) -> bool:
        pool = self.pools[agent.spec.pool]
        return self.stopping or pool.is_simple or pool.branch.may_restart(pool, counts=counts)

    def gave_up(self, agent: Life) -> None:
        pool = self.pools[agent.spec.pool]
        if not self.stopping:
            pool.branch.gave_up(pool)

    @property
    def is_settled(self) -> bool | None:
        """Tell whether nothing becomes of anybody; None if one waits in vain, but not for its turn alone.

        Whether that was known when its turn was taken from it is nothing that the model keeps.
        """
        agents = self.agents.values()
        if any(each.waiting and not self.is_open(each) and any(self._lacks(each)) for each in agents):
            return None
        return all(map(self.rests, agents))

    def wake(self, agent: PlainAgent) -> None:
        """Let a person start an agent, whatever its branch does."""
        self.pools[agent.spec.pool].branch.wake()

    def finished(self, agent: Life) -> None:
        if agent.spec.significant and not self.stopping:
            self.pools[agent.spec.pool].branch.finished()

    def in_sequence(self, one: str, other: str) -> bool:
        """Tell whether one of two agents starts when the other has begun."""
        paths = [self._path_to(name) for name in (one, other)]
        common = [branch for branch in paths[0] if branch in paths[1]]
        return common[0].in_order

    def takes_turns(self, agent: PlainAgent) -> bool:
        """Tell whether a start of it may have to wait for others."""
        return bool(agent.spec.depends_on) or any(each.in_order for each in self._path_to(agent.name))

    def _path_to(self, name: str) -> list[PlainBranch]:
        pool = next(pool for pool in self.pools.values() if name in pool.names)
        path = [pool.branch]
        while path[-1].above is not None:
            path.append(path[-1].above)
        return path

    @property
    def is_over(self) -> bool:
        """Tell whether the top has ended by itself."""
        return self.top.mode == "over"

    # ------------------------------------------------------------ time

    @property
    def next_due(self) -> float | None:
        """Say when something falls due next."""
        return self._timers[0][0] if self._timers else None

    def advance(self, to: float) -> None:
        """Let time pass, and everything happen that falls due in it."""
        self.is_open_race = self.branch_moved = False
        self._tidy_up()
        while self._timers and self._timers[0][0] <= to:
            due, number, name, what = self._next()
            self._timers.remove((due, number, name, what))
            heapq.heapify(self._timers)
            self.now = max(self.now, due)
            self._rang(name, what)
            self._tidy_up()
        self.now = to

    def _next(self) -> tuple[float, int, str, str]:
        """Choose what comes next; while only one may start, it is the one that was tried."""
        first = self._timers[0]
        if self.breaker.closed or not self.tried:
            return first
        at_once = [
            each for each in self._timers if each[0] == first[0] and each[2:] == (self.tried[0], "due")
        ]
        return min(at_once, default=first)

    def _rang(self, name: str, what: str) -> None:
        if what == "branch":
            self.branches[name].begin_afresh()
        elif what == "half open":
            self._let_try(sorted(self._held, key=lambda name: name not in self.tried))
        elif what == "flush":
            self._forget(self.agents[name])
        else:
            self.agents[name].rang(what)

    # ------------------------------------------------------------ kits and reports

    def hold_kits(self, *, held: bool) -> None:
        self.kits_held, self.in_any_order = held, True
        self._prepare_all()

    def hold_reports(self, *, held: bool) -> None:
        self.reports_held, self.in_any_order = held, True
        if not held:
            for agent in tuple(self.agents.values()):
                agent.untold = False
        self._prepare_all()

    def _prepare_all(self) -> None:
        for agent in tuple(self.agents.values()):
            agent.prepare()

    # ------------------------------------------------------------ coming and going

    def take_in(self, child: ChildSpec) -> None:
        """Add an agent, or the successor of one that is leaving."""
        former = self.agents.get(child.name)
        if former is not None:
            assert former.leaving
            self.successors[child.name] = child
            return
        agent = PlainAgent(child, self)
        self.pools[child.pool].names.add(child.name)
        self.agents[child.name] = self.pools[child.pool].agents[child.name] = agent
        self.breaker.limit = max(5, 2 * len(self.agents))
        agent.plan(0.0)
        if self.pools[child.pool].branch.is_closed:
            agent.lie_down()

    def restore(self, name: str, wait_s: float, restarts: int, number: int) -> None:
        """Go on with an agent where a former engine was: at rest, or for as long as it was to wait."""
        agent = self.agents[name]
        agent.restarts, agent.number, self._kits[name] = restarts, number, number
        self.unring(name, "due")
        if wait_s:
            backoff = agent.spec.backoff
            agent.failures = restarts
            agent.move(AgentState.BACKOFF)
            agent.plan(min(wait_s, backoff.cap_s * (1.0 + backoff.jitter)))
        else:
            agent.wanted, agent.state = False, AgentState.EXITED

    def let_go(self, name: str) -> None:
        """Retire an agent: it finishes what it holds, and is forgotten then."""
        self.successors.pop(name, None)
        agent = self.agents[name]
        agent.leaving = agent.retired = True
        agent.drain()
        if agent.state is AgentState.PARKED:
            agent.move(AgentState.EXITED)

    def _tidy_up(self) -> None:
        """Do all that can be done now: stop, take down, start in order, forget who has left."""
        self._go_on_closing()
        self._look_at_turns()
        while self._tree_moves():
            pass
        for agent in tuple(self.agents.values()):
            if not agent.leaving or agent.process is not None or agent.preparing or self.stopping:
                continue
            if not agent.untold:
                self._forget(agent)
            elif not any(name == agent.name for _, _, name, _ in self._timers):
                self.ring(agent.name, "flush", FLUSH_S)

    def _tree_moves(self) -> bool:
        steps = [] if self.stopping else [branch.step() for branch in self.top.downwards()]
        moved = any(steps)
        self.branch_moved |= moved
        for agent in sorted(self.agents.values(), key=lambda agent: agent.name not in self.tried):
            if agent.waiting and self.has_turn(agent) and not self._goes_after(agent):
                agent.due()
                moved = True
        return moved

    def _goes_after(self, agent: PlainAgent) -> bool:
        """Tell whether another is tried by the breaker first, whose turn comes in this very moment."""
        soon = {name for due, _, name, what in self._timers if what == "due" and due <= self.now}
        first = agent.name not in self.tried and bool((soon | set(self._held)) & set(self.tried))
        return first and not self.breaker.closed

    def _forget(self, agent: PlainAgent) -> None:
        del self.agents[agent.name], self.pools[agent.spec.pool].agents[agent.name]
        self.unring(agent.name, "due", "kit", "start", "runtime", "drain", "ask", "look", "flush")
        self.breaker.limit = max(5, 2 * len(self.agents))
        if agent.name in self.successors:
            self.take_in(self.successors.pop(agent.name))
            after = self.agents[agent.name]
            after.restarts, after.number, after.last = agent.restarts, agent.number, agent.last

    # ------------------------------------------------------------ the end

    def stop(self, *, now: bool = False) -> None:
        """Stop pool by pool, the last first; nothing starts any more."""
        self.stopping = True
        if now:
            self.in_any_order = True
            for agent in self.agents.values():
                agent.retired = agent.asked_to_end = True
                agent.rest(now=True)
        else:
            for agent in self.agents.values():
                agent.retire()
        if not self._closing:
            self._closing = [list(pool.agents.values()) for pool in self._start_order()][::-1]
        self._go_on_closing()

    def _start_order(self) -> list[PlainPool]:
        """List the pools as they start; but one that others depend on stands before them."""
        order: list[PlainPool] = []
        for pool in pools_of(self.top):
            self._add_with_wants(pool, order)
        return order

    def _add_with_wants(self, pool: PlainPool, order: list[PlainPool]) -> None:
        for agent in pool.agents.values():
            for want in agent.spec.depends_on:
                self._add_with_wants(self.pools[want.pool], order)
        if pool not in order:
            order.append(pool)

    def _go_on_closing(self) -> None:
        while self._closing:
            for agent in self._closing[0]:
                if not agent.asked_to_end:
                    agent.asked_to_end = True
                    agent.rest()
                if agent.done:
                    self.unring(agent.name, "look")
            if not all(agent.done for agent in self._closing[0]):
                return
            self._closing.pop(0)

    @property
    def over(self) -> bool:
        """Tell whether the stop is complete."""
        return self.stopping and not self._closing
