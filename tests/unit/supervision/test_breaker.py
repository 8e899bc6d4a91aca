"""The circuit breaker: by itself, and between agents that all fail for one reason."""

from __future__ import annotations

import asyncio

from supervisor.model.agent import AgentState
from supervisor.supervision.breaker import HOLD_S, PERIOD_S, Breaker, limit_for
from supervisor.supervision.errands import SPREAD_S
from supervisor.testing.clock import VirtualClock
from supervisor.testing.processes import PaperLauncher, PaperProcess, cannot_start
from tests.unit.supervision.conftest import RunTeam, child


def opened(clock: VirtualClock) -> Breaker:
    breaker = Breaker(limit=5, clock=clock)
    for _ in range(6):
        breaker.count_restart()
    assert not breaker.closed
    return breaker


def test_the_limit_is_two_restarts_per_agent_but_at_least_five() -> None:
    assert [limit_for(size) for size in (0, 1, 2, 3, 10, 50)] == [5, 5, 5, 6, 20, 100]


async def test_restarts_far_apart_never_open_it() -> None:
    clock = VirtualClock()
    breaker = Breaker(limit=5, clock=clock)
    for _ in range(100):
        breaker.count_restart()
        await clock.advance(PERIOD_S / 5)
    assert breaker.closed
    assert breaker.enter("a")


async def test_whoever_waits_hears_once_that_starts_are_held_and_once_that_they_are_free(
    run_team: RunTeam,
) -> None:
    async with run_team(child("a", intensity=99)) as team:
        held = team.tasks.create_task(team.supervisor.starts_held())
        while not held.done():
            team.last("a").kill()
            await team.settle()
            team.supervisor.restart("a")
            await team.settle()
        often = "more than 5 restarts in 60 s in the whole team"
        assert held.result() == f"{often}; the last: a killed by SIGKILL"
        free = team.tasks.create_task(team.supervisor.starts_free())
        await team.settle()
        assert not free.done()
        await team.make_ready("a")
        assert free.done()


async def test_one_restart_too_many_holds_everyone_for_a_time() -> None:
    clock = VirtualClock()
    breaker = opened(clock)
    assert (breaker.hold_s, breaker.enter("a")) == (HOLD_S, False)
    await clock.advance(HOLD_S - 1)
    assert not breaker.enter("a")
    await clock.advance(1)
    assert breaker.enter("a")


async def test_while_half_open_only_the_probe_may_start_and_its_success_closes() -> None:
    clock = VirtualClock()
    breaker = opened(clock)
    await clock.advance(HOLD_S)
    assert [breaker.enter(agent) for agent in ("a", "b", "a")] == [True, False, True]
    breaker.succeeded("b")
    assert not breaker.enter("b")
    breaker.succeeded("a")
    assert breaker.enter("b")
    breaker.count_restart()
    assert breaker.closed


async def test_a_failed_probe_opens_it_again() -> None:
    clock = VirtualClock()
    breaker = opened(clock)
    await clock.advance(HOLD_S)
    assert breaker.enter("a")
    breaker.failed("b")
    assert breaker.hold_s == 0.0
    breaker.failed("a")
    assert (breaker.hold_s, breaker.enter("a")) == (HOLD_S, False)


async def test_a_probe_that_does_not_start_after_all_makes_room_for_another() -> None:
    clock = VirtualClock()
    breaker = opened(clock)
    await clock.advance(HOLD_S)
    assert breaker.enter("a")
    breaker.withdraw("b")
    assert not breaker.enter("b")
    breaker.withdraw("a")
    assert breaker.enter("b")


async def test_an_agent_forced_in_by_a_person_can_close_it_at_once() -> None:
    breaker = opened(VirtualClock())
    breaker.force("a")
    breaker.succeeded("a")
    assert breaker.closed
    breaker.force("b")
    assert breaker.closed


async def test_waiting_ends_when_the_hold_is_over_or_something_changes() -> None:
    clock = VirtualClock()
    breaker = opened(clock)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        timed = tasks.create_task(breaker.moved())
        await clock.advance(HOLD_S - 1)
        assert not timed.done()
        await clock.advance(1)
        assert timed.done()
        breaker.enter("a")
        told = tasks.create_task(breaker.moved())
        await clock.advance(3600.0)
        assert not told.done()
        breaker.withdraw("a")
        await clock.settle()
        assert told.done()


# ---------------------------------------------------------------- in a team


def bad_key(agent: str, number: int, process: PaperProcess) -> None:
    process.exit(1)


async def test_one_bad_key_makes_a_team_start_at_most_thrice_per_agent_before_it_is_held(
    run_team: RunTeam,
) -> None:
    agents = [child(f"w-{number}", pool="w", intensity=100) for number in range(20)]
    async with run_team(*agents, launcher=PaperLauncher(on_spawn=bad_key)) as team:
        await team.advance(HOLD_S)
        assert len(team.launcher.spawned) <= 20 + 2 * 20 + 1
        held = [team.log.last(agent.name) for agent in agents]
        assert all(change.state is AgentState.BACKOFF for change in held)


async def test_while_it_stays_broken_one_probe_a_minute_is_all(run_team: RunTeam) -> None:
    agents = [child(f"w-{number}", pool="w", intensity=100) for number in range(20)]
    async with run_team(*agents, launcher=PaperLauncher(on_spawn=bad_key)) as team:
        await team.advance(2 * HOLD_S)
        before = len(team.launcher.spawned)
        await team.advance(10 * HOLD_S)
        assert 9 <= len(team.launcher.spawned) - before <= 11


async def test_held_agents_say_so_and_when_they_may_start(run_team: RunTeam) -> None:
    agents = [child(f"w-{number}", pool="w", intensity=100) for number in range(3)]
    async with run_team(*agents, launcher=PaperLauncher(on_spawn=bad_key)) as team:
        await team.advance(10.0)
        last = team.log.last("w-2")
        assert "circuit breaker" in last.reason
        assert last.next_start_at is not None
        assert last.next_start_at > team.clock.now()


async def test_once_the_probe_is_ready_all_come_back_but_not_in_step(run_team: RunTeam) -> None:
    agents = [child(f"w-{number}", pool="w", intensity=100) for number in range(20)]
    launcher = PaperLauncher(on_spawn=bad_key)
    async with run_team(*agents, launcher=launcher) as team:
        await team.advance(HOLD_S - 10)
        launcher.on_spawn = None
        before = len(launcher.spawned)
        await team.advance(HOLD_S)
        assert len(launcher.spawned) == before + 1
        probe, number = launcher.spawned[-1]
        team.supervisor.ready(probe, number)
        await team.settle()
        assert len(launcher.spawned) == before + 1
        await team.advance(SPREAD_S / 2)
        assert before + 3 < len(launcher.spawned) < before + 20
        await team.advance(SPREAD_S)
        assert len(launcher.spawned) == before + 20


async def test_a_probe_that_cannot_be_started_at_all_gives_way_to_the_next(run_team: RunTeam) -> None:
    agents = [child(f"w-{number}", pool="w", intensity=100) for number in range(3)]
    launcher = PaperLauncher(on_spawn=bad_key)
    async with run_team(*agents, launcher=launcher) as team:
        await team.advance(30.0)
        launcher.on_spawn = None
        launcher.failures = {"w-0": cannot_start(), "w-1": cannot_start()}
        await team.advance(HOLD_S)
        assert launcher.last("w-2").alive
        assert set(team.supervisor.gave_up) <= {"w-0", "w-1"}


async def test_a_person_s_restart_goes_through_an_open_breaker_and_can_close_it(run_team: RunTeam) -> None:
    agents = [child(f"w-{number}", pool="w", intensity=100) for number in range(3)]
    launcher = PaperLauncher(on_spawn=bad_key)
    async with run_team(*agents, launcher=launcher) as team:
        await team.advance(10.0)
        launcher.on_spawn = None
        team.supervisor.restart("w-1")
        await team.settle()
        assert launcher.last("w-1").alive
        await team.make_ready("w-1")
        await team.advance(SPREAD_S)
        assert launcher.last("w-0").alive
        assert launcher.last("w-2").alive


async def test_fifty_agents_killed_at_once_are_all_back_at_once(run_team: RunTeam) -> None:
    agents = [child(f"w-{number}", pool="w") for number in range(50)]
    async with run_team(*agents) as team:
        await team.make_ready(*(agent.name for agent in agents))
        await team.advance(10.0)
        for agent in agents:
            team.last(agent.name).kill()
        await team.settle()
        assert [team.starts(agent.name) for agent in agents] == [2] * 50
