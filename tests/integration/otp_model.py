"""A small model of a supervised team: synchronous, in virtual time, without tasks and mailboxes."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

from supervisor.model.agent import AgentState, ExitClass
from supervisor.supervision.child_spec import ChildSpec
from tests.integration.otp_agent import PlainAgent
from tests.integration.otp_breaker import HOLD_S, PlainBreaker

SPREAD_S: Final = 2.5
"""The middle of the time over which held agents start once the breaker closes."""

FLUSH_S: Final = 10.0
"""How long one that leaves waits for what is told of it to be taken."""


class PlainTeam:
    """Keeps agents as OTP says; what it does is in `trace`, in order."""

    def __init__(self, children: Sequence[ChildSpec], now: float) -> None:
        self.now = now
        self.kits_held = False
        self.reports_held = False
        self.in_any_order = False
        self.stopping = False
        self.failing: dict[str, str] = {}
        self.tried: list[str] = []
        self.trace: list[tuple[str, str]] = []
        self.agents: dict[str, PlainAgent] = {}
        self.successors: dict[str, ChildSpec] = {}
        self._kits = Counter[str]()
        self.breaker = PlainBreaker(limit=0)
        self._order = count()
        self._timers: list[tuple[float, int, str, str]] = []
        self._held: list[str] = []
        self._closing: list[list[PlainAgent]] = []
        for child in children:
            self.take_in(child)

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

    def may_start(self, agent: PlainAgent) -> bool:
        if self.breaker.holds(agent.name, self.now):
            self._held.append(agent.name)
            if not self.breaker.lets_try(self.now):
                agent.tell()
            return False
        return True

    def is_tried(self, agent: PlainAgent) -> None:
        if not self.breaker.closed:
            self.breaker.probe = agent.name

    def is_ready(self, agent: PlainAgent) -> None:
        if self.breaker.probe == agent.name:
            self.breaker.close()
            self.unring("", "half open")
            for name in tuple(self._held):
                self._held.remove(name)
                self.ring(name, "due", SPREAD_S)

    def next_number(self, name: str) -> int:
        self._kits[name] += 1
        return self._kits[name]

    def settled(self, agent: PlainAgent) -> None:
        if self.breaker.probe == agent.name:
            self.breaker.probe = ""
            if self.breaker.lets_try(self.now):
                self.ring("", "half open", 0.0)
            else:
                self._tell_held()

    def ended(self, agent: PlainAgent, verdict: str, cause: ExitClass) -> None:
        opened = False
        if self.breaker.probe == agent.name:
            self.breaker.open(self.now)
            opened = True
        if verdict == "comes back" and cause is not ExitClass.RATE_LIMITED:
            opened = self.breaker.count(self.now) or opened
        if opened:
            self.ring("", "half open", HOLD_S)
            self._tell_held()

    def _tell_held(self) -> None:
        for name in self._held:
            self.agents[name].tell()

    # ------------------------------------------------------------ time

    @property
    def next_due(self) -> float | None:
        """Say when something falls due next."""
        return self._timers[0][0] if self._timers else None

    def advance(self, to: float) -> None:
        """Let time pass, and everything happen that falls due in it."""
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
        if what == "half open":
            for held in sorted(self._held, key=lambda name: name not in self.tried):
                self._held.remove(held)
                self.agents[held].due()
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
        self.agents[child.name] = agent
        self.breaker.limit = max(5, 2 * len(self.agents))
        agent.plan(0.0)

    def let_go(self, name: str) -> None:
        """Retire an agent: it finishes what it holds, and is forgotten then."""
        self.successors.pop(name, None)
        agent = self.agents[name]
        agent.leaving = agent.retired = True
        agent.drain()
        if agent.state is AgentState.PARKED:
            agent.move(AgentState.EXITED)

    def _tidy_up(self) -> None:
        """Forget who has left, once all is told of them, and go on with a stop."""
        self._go_on_closing()
        for agent in tuple(self.agents.values()):
            if not agent.leaving or agent.process is not None or agent.preparing or self.stopping:
                continue
            if not agent.untold:
                self._forget(agent)
            elif not any(name == agent.name for _, _, name, _ in self._timers):
                self.ring(agent.name, "flush", FLUSH_S)

    def _forget(self, agent: PlainAgent) -> None:
        del self.agents[agent.name]
        self.unring(agent.name, "due", "start", "runtime", "drain", "look", "flush")
        self.breaker.limit = max(5, 2 * len(self.agents))
        if agent.name in self.successors:
            self.take_in(self.successors.pop(agent.name))

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
            self._closing = list(self._pools())[::-1]
        self._go_on_closing()

    def _pools(self) -> Iterator[list[PlainAgent]]:
        names = list(dict.fromkeys(each.spec.pool for each in self.agents.values()))
        for name in names:
            yield [each for each in self.agents.values() if each.spec.pool == name]

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
