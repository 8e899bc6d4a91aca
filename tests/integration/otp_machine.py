"""A real supervisor in virtual time beside the plain model, compared after every step."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Final

import pytest

from supervisor.errors import WrongState
from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.branch import BranchSpec
from supervisor.supervision.child_spec import ChildSpec
from supervisor.supervision.notices import Condemned
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.clock import VirtualClock
from supervisor.testing.processes import ChangeLog, PaperProcess, cannot_start
from tests.integration.otp_agent import PlainAgent
from tests.integration.otp_model import PlainTeam
from tests.integration.otp_paper import Event, Middle, TracedLauncher, move

DONE: Final = Counter[str]()
"""How many schedules, steps and instants were compared."""

AT_REST: Final = frozenset({AgentState.BACKOFF, AgentState.EXITED, AgentState.PARKED})

TEAM_VERBS: Final = ("hold kits", "give kits", "hold reports", "take reports", "jump")
ORDERS: Final = ("restart", "stop", "kill", "pause", "resume", "drain", "drained", "retire")

KITS_PER_S: Final = 256
"""How fast kits are made. It takes each agent another time, so that no two start in the same moment."""

AIMS: Final[dict[str, Callable[[PlainAgent], bool]]] = {
    "ready": lambda agent: agent.up is not None and agent.up.ready_at is None,
    "exit": lambda agent: agent.process is not None and agent.process.alive and not agent.process.frozen,
    "crash": lambda agent: agent.process is not None and agent.process.alive,
    "condemn": lambda agent: agent.up is not None,
    "pause": lambda agent: agent.state is not AgentState.PAUSED,
    "resume": lambda agent: agent.state is AgentState.PAUSED,
    "drain": lambda agent: agent.up is not None,
    "drained": lambda agent: agent.state is AgentState.DRAINING,
    "disobey": lambda agent: agent.process is not None and agent.process.obeys,
    "obey": lambda agent: agent.process is not None and not agent.process.obeys,
    "leave": lambda agent: agent.up is not None,
    "clear": lambda agent: agent.state is AgentState.STUCK,
}
"""Whom a step can befall at all."""

Step = tuple[str, str, float]
"""What is done, to whom, and a number that says more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """How a former engine left an agent: at rest, or waiting for its next start."""

    name: str
    wait_s: float = 0.0
    restarts: int = 0
    number: int = 0

    @property
    def at_rest(self) -> bool:
        return not self.wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """What a supervisor is given."""

    children: tuple[ChildSpec, ...]
    top: BranchSpec = field(default_factory=BranchSpec)
    branches: tuple[BranchSpec, ...] = ()
    restored: tuple[Restored, ...] = ()


class LeftToChance(Exception):
    """The real team did what it may do, but not what the model did."""


class World:
    """A team twice: as it is, and as the model says it must be."""

    def __init__(self, team: Team) -> None:
        self.children = {child.name: child for child in team.children}
        self.clock = VirtualClock(now=0.0, monotonic=1024.0)
        kit_s = {name: (number + 1) / KITS_PER_S for number, name in enumerate(self.children)}
        self.launcher = TracedLauncher(clock=self.clock, kit_s=kit_s)
        self.log = ChangeLog()
        self.supervisor = Supervisor(
            team.children, self.launcher, self.log, self.clock, Middle(), top=team.top, branches=team.branches
        )
        self.plain = PlainTeam(team.children, team.top, team.branches, self.clock.monotonic())
        self.plain.kit_s = kit_s
        for each in team.restored:
            self._restore(each)
        self._told = 0
        self._asked: list[str] = []

    def _restore(self, former: Restored) -> None:
        self.launcher.kits[former.name] = former.number
        self.supervisor.restore(
            former.name,
            None if former.at_rest else self.clock.now() + former.wait_s,
            former.restarts,
            incarnation=former.number,
            at_rest=former.at_rest,
        )
        self.plain.restore(former.name, former.wait_s, former.restarts, former.number)

    # ------------------------------------------------------------ what is done

    def do(self, verb: str, name: str, number: float) -> None:
        """Do something to both, as far as it can be done."""
        plain = self.plain.agents.get(name)
        if verb in TEAM_VERBS:
            self._do_to_all(verb, held=verb.startswith("hold"))
        elif verb == "add":
            self._add(name)
        elif verb.startswith("fail"):
            self._let_fail(name, verb.partition(" ")[2])
        elif plain is None or plain.done:
            return
        elif verb in ORDERS:
            self._order(verb, plain)
        elif verb.startswith(("ready", "condemn", "line")):
            self._tell(verb, plain, number)
        elif plain.process is not None:
            self._touch(verb, plain, self.launcher.last(name), int(number))

    def aim(self, verb: str, name: str) -> str:
        """Choose whom it befalls: the agent that was named, or the next to whom it can happen."""
        can = AIMS.get(verb.split(maxsplit=1)[0])
        names = list(self.children)
        at = names.index(name)
        for each in names[at:] + names[:at]:
            plain = self.plain.agents.get(each)
            if plain is not None and (can is None or can(plain)):
                return each
        return name

    async def do_at_once(self, verb: str, whom: str, name: str, number: float) -> None:
        """Do the same to an agent and its neighbour, or to all of its branch, in one moment.

        Whom the branch above would hear first if two branches ended in one moment is left to chance.
        """
        if verb == "ready":
            names = list(self.children)
        else:
            names = [n for n, spec in self.children.items() if spec.branch == self.children[name].branch]
        at = names.index(name)
        for each in names[at : at + 2] if whom == "both" else names:
            if each in self.plain.agents and self.plain.agents[each].up is not None:
                self.do(verb, each, number)
        await self.settle()

    def _do_to_all(self, verb: str, *, held: bool) -> None:
        if verb.endswith("kits"):
            self.plain.hold_kits(held=held)
            move(self.launcher.gate, held=held)
        elif verb.endswith("reports"):
            # what is waited for may be told again and again, of which the model keeps no account
            waits = any(child.depends_on for child in self.children.values())
            held = held and not (self.plain.stopping or waits)
            self.plain.hold_reports(held=held)
            move(self.log.gate, held=held)
        else:
            self.clock.jump(100_000.0)

    def _order(self, verb: str, plain: PlainAgent) -> None:
        supervisor = self.supervisor
        name = plain.name
        match verb:
            case "restart" if self.plain.stopping:
                with pytest.raises(WrongState):
                    supervisor.restart(name)
            case "restart":
                plain.restart()
                self.plain.wake(plain)
                supervisor.restart(name)
            case "stop":
                plain.wanted = False
                plain.stop()
                supervisor.stop_agent(name)
            case "kill":
                plain.stop(now=True)
                supervisor.kill(name)
            case "retire":
                self.plain.let_go(name)
                supervisor.retire(name)
            case _:
                getattr(plain, verb)()
                getattr(supervisor, verb)(name)

    def _add(self, name: str) -> None:
        former = self.plain.agents.get(name)
        if self.plain.stopping or (former is not None and not former.leaving):
            with pytest.raises(WrongState):
                self.supervisor.add(self.children[name])
        else:
            self.plain.take_in(self.children[name])
            self.supervisor.add(self.children[name])

    def _let_fail(self, name: str, how: str) -> None:
        """Let the starts of an agent fail from now on, or no more."""
        self.plain.failing[name] = how
        self.launcher.failures.pop(name, None)
        self.launcher.unpreparable.pop(name, None)
        if how == "kit":
            self.launcher.unpreparable[name] = cannot_start(permanent=False)
        elif how:
            self.launcher.failures[name] = cannot_start(permanent=how == "permanent")

    def _tell(self, verb: str, plain: PlainAgent, number: float) -> None:
        """Report something of its process, or of one that it is not."""
        about, _, cause = verb.partition(" ")
        if about == "line" and plain.number > 0:
            plain.lines = plain.lines or number == 0
            for pattern in self.supervisor.awaited_lines(plain.name):
                self.supervisor.log_line_seen(plain.name, plain.number + int(number), pattern)
        elif about.startswith("ready"):
            incarnation = plain.number + int(number)
            plain.ready(incarnation)
            self.supervisor.ready(plain.name, incarnation)
        elif about == "condemn":
            incarnation = plain.number - (number < 0)
            plain.condemn(incarnation, ExitClass(cause), abs(number))
            self.supervisor.condemn(
                plain.name,
                Condemned(
                    incarnation=incarnation,
                    cause=ExitClass(cause),
                    detail=verb,
                    abort=ExitClass(cause) is ExitClass.WATCHDOG,
                    retry_after_s=abs(number),
                ),
            )

    def _touch(self, verb: str, plain: PlainAgent, process: PaperProcess, code: int) -> None:
        model = plain.process
        assert model is not None
        match verb:
            case "exit" if not model.frozen:
                process.exit(code)
                plain.exited(code)
            case "crash":
                process.kill()
                plain.exited(None)
            case "leave remains" if model.alive:  # an empty tree does not grow again
                model.remains, process.leftovers = True, (process.pid + 1,)
            case "clear remains":
                model.remains, process.leftovers = False, ()
            case "disobey" | "obey":
                model.obeys = process.obeys = verb == "obey"
            case _:
                pass

    # ------------------------------------------------------------ time

    async def settle(self) -> None:
        """Let everything happen that takes no time, and compare."""
        await self.clock.settle()
        self._follow(self.clock.monotonic())
        self.compare()

    async def wait(self, seconds: float) -> None:
        """Let time pass from instant to instant, and compare at each."""
        end = self.clock.monotonic() + seconds
        while True:
            now = self.clock.monotonic()
            wake = self.clock.next_wake
            due = min(end, self.plain.next_due or end, end if wake is None else now + wake)
            await self.clock.advance(due - now)
            self._follow(due)
            self.compare()
            if due >= end:
                return

    def _follow(self, to: float) -> None:
        """Let the model do the same; where the breaker may try one of several, it is the same one."""
        self._asked = list(self.launcher.asked)
        probe = self.supervisor._breaker._probe  # it asks for no kit yet while reports are held
        self.plain.tried = [*self._asked, *([probe] if probe else [])]
        self.launcher.asked.clear()
        self.plain.advance(to)

    @property
    def until_due(self) -> float:
        """Say how long it is until something falls due, but not more than an hour."""
        due = self.plain.next_due
        return 1.0 if due is None else min(3600.0, max(0.0, due - self.plain.now))

    # ------------------------------------------------------------ the end

    async def stop(self, tasks: asyncio.TaskGroup, *, now: bool = False) -> None:
        """Stop the team; what is told is taken from here on."""
        self._do_to_all("take reports", held=False)
        await self.settle()
        self.plain.stop(now=now)
        self.launcher.forbidden = True
        tasks.create_task(self.supervisor.stop(now=now))
        await self.settle()

    async def finish(self, tasks: asyncio.TaskGroup) -> None:
        """Stop what still runs, politely and then not, and see that nothing is left."""
        await self.stop(tasks)
        await self.wait(16.0)
        await self.stop(tasks, now=True)
        assert self.plain.over
        for name, processes in self.launcher.processes.items():
            assert not processes[-1].alive, f"{name} is left"

    # ------------------------------------------------------------ comparing

    def compare(self) -> None:
        """See that both teams are the same, and that what was told makes sense.

        What lets one agent start may make a branch fall, too: it ends, and so others need not wait for it
        any more. Which comes first is left to chance, so a schedule in which it differs is given up.
        """
        DONE["instants"] += 1
        try:
            self._compare()
        except AssertionError as error:
            waited = any(self.children[name].depends_on for name in self._asked)
            race = self.plain.branch_moved and (self.plain.is_open_race or waited)
            if race and not self.launcher.faults:
                raise LeftToChance from error
            raise

    def _compare(self) -> None:
        assert not self.launcher.faults, self.launcher.faults
        real, expected = self.launcher.trace, self.plain.trace
        assert self._agree(real, expected), f"not {expected} but {real}"
        self.launcher.trace.clear()
        self.plain.trace.clear()
        self.plain.in_any_order = False
        assert self.supervisor.agents == tuple(self.plain.agents), "other agents"
        for name, plain in self.plain.agents.items():
            state = self.supervisor.state_of(name)
            if (state, plain.state) == (AgentState.PENDING, AgentState.BACKOFF) and self.plain.takes_turns(
                plain
            ):
                plain.state = state  # it waited for its turn for no time at all, or does now
            assert state == plain.state, f"{name} is {state}, not {plain.state}"
            self._compare_process(plain)
        over = self.supervisor.over
        assert (over and over.failed) == (self.plain.top.failed if self.plain.is_over else None), "the top"
        parked = tuple(n for n, plain in self.plain.agents.items() if plain.state is AgentState.PARKED)
        assert self.supervisor.gave_up == parked
        settled = self.supervisor.all_settled
        assert self.plain.stopping or self.plain.is_settled in {None, settled}, f"settled: {settled}"
        self._compare_told()

    def _agree(self, real: list[Event], expected: list[Event]) -> bool:
        """Tell whether the same was started and stopped, and in the same order where there is one."""
        if real == expected:
            return True
        if sorted(real) != sorted(expected):
            return False
        names = dict.fromkeys(name for _, name in real)
        return all(
            [each for each in real if each[1] in pair and each[0] in what]
            == [each for each in expected if each[1] in pair and each[0] in what]
            for pair in combinations_with_replacement(names, 2)
            for what in self._ordered(*pair)
        )

    def _ordered(self, one: str, other: str) -> tuple[tuple[str, ...], ...]:
        """Say what of two agents has an order: all of it in a sequence, their stops elsewhere."""
        if one == other:
            return (("start", "abort", "stop", "kill"),)
        if self.plain.in_any_order or self.children[one].pool == self.children[other].pool:
            return ()
        return (("start", "abort", "stop", "kill"),) if self.plain.in_sequence(one, other) else (("stop",),)

    def _compare_process(self, plain: PlainAgent) -> None:
        processes = self.launcher.processes.get(plain.name)
        alive = processes is not None and processes[-1].alive
        expected = plain.process is not None and plain.process.alive
        assert alive == expected, f"{plain.name} runs: {alive}, not {expected}"
        if processes and plain.process is not None and plain.state is not AgentState.STOPPING:
            assert processes[-1].frozen == plain.process.frozen, f"{plain.name} frozen"

    def _compare_told(self) -> None:
        """See that every change has a reason and is one that the table of moves has."""
        for change in self.log.changes[self._told :]:
            assert change.reason, f"{change.agent} became {change.state} without a reason"
            assert change.pid is None or change.state not in AT_REST
        self._told = len(self.log.changes)
        if self.plain.reports_held:
            return
        for name, plain in self.plain.agents.items():
            told = self.log.of(name)
            if plain.spoke:
                assert told[-1].state == plain.state, f"told that {name} is {told[-1].state}"
                assert told[-1].restarts == plain.restarts, f"{name}: {told[-1].restarts} restarts told"
                if plain.process is None:  # a kit may have been made for nothing in this very moment
                    self.plain.skip_kits(plain, told[-1].incarnation)
                assert told[-1].incarnation == plain.number, f"{name}: another incarnation told"
