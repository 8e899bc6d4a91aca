"""Random histories of a small team: whatever happens in whatever order, the promises hold."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from supervisor.model.agent import AGENT_MOVES, AgentState
from supervisor.model.branch import Restart
from supervisor.supervision.incarnation import Incarnation
from supervisor.supervision.lifecycle import SETTLED
from supervisor.supervision.ports import SlotChange, TreeEnd
from supervisor.supervision.slot import Slot
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.clock import VirtualClock
from supervisor.testing.processes import ChangeLog, PaperLauncher, PaperProcess, cannot_start
from tests.unit.supervision.conftest import child

CHILDREN = (
    child("planner", restart=Restart.TEMPORARY),
    child("w-1", pool="w", intensity=3, max_runtime_s=900.0),
    child("w-2", pool="w", restart=Restart.PERMANENT, start_timeout_s=5.0),
)
AGENTS = tuple(spec.name for spec in CHILDREN)
AT_REST = {AgentState.BACKOFF, AgentState.EXITED, AgentState.PARKED}

agents = st.sampled_from(AGENTS)
steps = st.one_of(
    st.tuples(st.just("crash"), agents),
    st.tuples(st.just("finish"), agents),
    st.tuples(st.just("ready"), agents),
    st.tuples(st.just("late ready"), agents),
    st.tuples(st.just("leave some"), agents),
    st.tuples(st.just("clear all"), agents),
    st.tuples(st.just("restart"), agents),
    st.tuples(st.just("stop agent"), agents),
    st.tuples(st.just("disobey"), agents),
    st.tuples(st.just("no start"), agents),
    st.tuples(st.just("start again"), agents),
    st.tuples(st.just("hold kits"), agents),
    st.tuples(st.just("give kits"), agents),
    st.tuples(st.just("hold reports"), agents),
    st.tuples(st.just("take reports"), agents),
    st.tuples(st.just("wait"), st.sampled_from((0.3, 2.0, 12.0, 70.0, 1000.0))),
)


@dataclass
class World:
    """A team, what is done to it, and what must hold all the time."""

    clock: VirtualClock = field(default_factory=lambda: VirtualClock(now=0.0, monotonic=0.0))
    launcher: PaperLauncher = field(default_factory=PaperLauncher)
    log: ChangeLog = field(default_factory=ChangeLog)

    def __post_init__(self) -> None:
        self.launcher.on_spawn = self.check_start
        self.supervisor = Supervisor(CHILDREN, self.launcher, self.log, self.clock, random.Random(3))

    def check_start(self, agent: str, number: int, process: PaperProcess) -> None:
        for former in self.launcher.processes[agent][:-1]:
            assert not former.alive, f"{agent} has two incarnations"
            assert not former.leftovers, f"{agent} starts over the remains of its last incarnation"

    def process(self, agent: str) -> PaperProcess | None:
        processes = self.launcher.processes.get(agent)
        return processes[-1] if processes else None

    async def do(self, step: str, what: str | float) -> None:
        if isinstance(what, float):
            await self.clock.advance(what)
            return
        match step:
            case "restart":
                self.supervisor.restart(what)
            case "stop agent":
                self.supervisor.stop_agent(what)
            case "ready":
                self.supervisor.ready(what, self.launcher.starts(what))
            case "late ready":
                self.supervisor.ready(what, self.launcher.starts(what) - 1)
            case "no start":
                self.launcher.failures[what] = cannot_start(permanent=self.launcher.starts(what) % 2 == 0)
            case "start again":
                self.launcher.failures.pop(what, None)
            case _:
                self.touch(step, self.process(what))
        await self.clock.settle()

    def touch(self, step: str, process: PaperProcess | None) -> None:
        gate = self.launcher.gate if step.endswith("kits") else self.log.gate
        match step.split(maxsplit=1)[0]:
            case "hold":
                gate.clear()
            case "give" | "take":
                gate.set()
            case _ if process is not None:
                harm(process, step)
            case _:
                pass


def harm(process: PaperProcess, step: str) -> None:
    match step:
        case "crash":
            process.kill()
        case "finish":
            process.exit(0)
        case "leave some" if process.alive:  # an empty tree does not grow again
            process.leftovers = (process.pid + 1,)
        case "clear all":
            process.leftovers = ()
        case "disobey":
            process.obeys = False
        case _:
            pass


async def live_through(history: list[tuple[str, str | float]], *, hurried: bool) -> World:
    """Do everything to a team, then stop it; check what must hold on the way and in the end."""
    world = World()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(world.supervisor.run())
        for step, what in history:
            await world.do(step, what)
            assert not running.done(), "the team ended without an order"
        for processes in world.launcher.processes.values():
            processes[-1].obeys = processes[-1].obeys or not hurried
        started = len(world.launcher.spawned)
        stopping = tasks.create_task(world.supervisor.stop())
        await world.clock.settle()
        hurrying = tasks.create_task(world.supervisor.stop(now=True))
        await world.clock.advance(120.0)
        assert stopping.done()
        assert hurrying.done()
        assert running.done()
        assert len(world.launcher.spawned) == started, "something was started after the stop"
    check_end(world)
    return world


def check_end(world: World) -> None:
    for agent in AGENTS:
        state = world.supervisor.state_of(agent)
        assert state in SETTLED
        process = world.process(agent)
        assert process is None or not process.alive
        assert state is AgentState.STUCK or process is None or not process.leftovers
        if world.log.gate.is_set():
            check_story(agent, world.log.of(agent))


def check_story(agent: str, changes: list[SlotChange]) -> None:
    """See that what was told of an agent is a way through the table, with rising numbers."""
    for before, after in pairwise(changes):
        assert after.state == before.state or after.state in AGENT_MOVES[before.state], agent
        assert after.incarnation >= before.incarnation
        assert after.restarts >= before.restarts
    assert all(change.pid is None for change in changes if change.state in AT_REST)
    assert all(change.reason for change in changes)


@settings(max_examples=300)
@given(st.lists(steps, max_size=40), st.booleans())
def test_whatever_happens_the_promises_hold(history: list[tuple[str, str | float]], hurried: bool) -> None:
    asyncio.run(live_through(history, hurried=hurried))


def break_the_wait_for_an_empty_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    def conclude_anyway(self: Slot, live: Incarnation, tree: TreeEnd) -> None:
        live.tree = tree
        self._conclude(live)

    monkeypatch.setattr(Slot, "_on_tree_ended", conclude_anyway)


def break_the_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Slot, "_forget_start", lambda self: None)


@pytest.mark.parametrize("sabotage", [break_the_wait_for_an_empty_tree, break_the_fence])
def test_canary_a_slot_with_a_broken_promise_is_caught(
    sabotage: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(sabotage)
    sabotage(monkeypatch)

    @settings(max_examples=500, database=None, derandomize=True, phases=[Phase.generate])
    @given(st.lists(steps, max_size=40), st.booleans())
    def hunt(history: list[tuple[str, str | float]], hurried: bool) -> None:
        asyncio.run(live_through(history, hurried=hurried))

    with pytest.raises((AssertionError, ExceptionGroup)):
        hunt()
