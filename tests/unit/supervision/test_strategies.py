"""OTP's strategies, under the names of the cases of its supervisor suite."""

from __future__ import annotations

import pytest

from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.branch import BranchSpec, Restart, Strategy
from supervisor.supervision.branch import Branch
from supervisor.supervision.notices import Condemned, Due
from supervisor.testing.processes import PaperLauncher, cannot_start
from tests.unit.supervision.conftest import RunTeam, Team, child

EXITED, PARKED, BACKOFF, PENDING = (
    AgentState.EXITED,
    AgentState.PARKED,
    AgentState.BACKOFF,
    AgentState.PENDING,
)
STRICT = (Strategy.REST_FOR_ONE, Strategy.ONE_FOR_ALL)
ONE_FOR_ALL = BranchSpec(strategy=Strategy.ONE_FOR_ALL)
REST_FOR_ONE = BranchSpec(strategy=Strategy.REST_FOR_ONE)


def starts(team: Team, *agents: str) -> list[int]:
    return [team.starts(agent) for agent in agents]


def steps(team: Team, *states: str) -> list[tuple[str, str]]:
    """List who came to one of these states, in the order in which it was told."""
    return [(change.agent, change.state.value) for change in team.log.changes if change.state in states]


async def up(team: Team, *agents: str) -> None:
    """Let agents report for work, and do it for so long that the first restart is free."""
    await team.make_ready(*agents)
    await team.advance(10.0)


# ---------------------------------------------------------------- who is restarted with whom


async def test_one_for_one(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b"), child("c")) as team:
        await up(team, "a", "b", "c")
        team.last("b").kill()
        await team.settle()
        assert starts(team, "a", "b", "c") == [1, 2, 1]


async def test_one_for_all(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b"), child("c"), top=ONE_FOR_ALL) as team:
        await up(team, "a", "b", "c")
        team.log.changes.clear()
        team.last("b").kill()
        await team.settle()
        assert starts(team, "a", "b", "c") == [2, 2, 2]
        assert steps(team, "stopping") == [("b", "stopping"), ("c", "stopping"), ("a", "stopping")]
        assert steps(team, "starting") == [("a", "starting"), ("b", "starting"), ("c", "starting")]


async def test_rest_for_one(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b"), child("c"), child("d"), top=REST_FOR_ONE) as team:
        await up(team, "a", "b", "c", "d")
        team.log.changes.clear()
        team.last("b").kill()
        await team.settle()
        assert starts(team, "a", "b", "c", "d") == [1, 2, 2, 2]
        assert steps(team, "stopping")[1:] == [("d", "stopping"), ("c", "stopping")]
        assert steps(team, "starting") == [("b", "starting"), ("c", "starting"), ("d", "starting")]
        ends = [change.last_exit for change in team.log.of("d") if change.last_exit is not None]
        assert (ends[0].kind, ends[0].detail) == (ExitClass.SIBLING, "restarts with b")
        assert team.log.last("d").restarts == 0


async def test_simple_one_for_one(run_team: RunTeam) -> None:
    """The agents of a larger pool are restarted alone, whatever the strategy of their branch is."""
    pool = [child(f"w-{number}", pool="w", single=False) for number in (1, 2)]
    async with run_team(child("a"), *pool, child("z"), top=ONE_FOR_ALL) as team:
        await up(team, "a", "w-1", "w-2", "z")
        team.last("w-1").kill()
        await team.settle()
        assert starts(team, "a", "w-1", "w-2", "z") == [1, 2, 1, 1]


async def test_a_larger_pool_is_taken_down_and_started_at_once_with_its_siblings(run_team: RunTeam) -> None:
    pool = [child(f"w-{number}", pool="w") for number in (1, 2)]
    launcher = PaperLauncher(obeys=False)
    async with run_team(child("a"), *pool, child("z"), top=ONE_FOR_ALL, launcher=launcher) as team:
        await up(team, "a", "w-1", "w-2", "z")
        team.last("a").kill()
        await team.settle()
        assert [bool(team.last(agent).stops) for agent in ("w-1", "w-2", "z")] == [False, False, True]
        team.last("z").exit(0)
        await team.settle()
        assert [bool(team.last(agent).stops) for agent in ("w-1", "w-2")] == [True, True]
        team.last("w-1").exit(0)
        await team.settle()
        assert starts(team, "a", "z") == [1, 1]
        team.last("w-2").exit(0)
        await team.settle()
        assert team.launcher.spawned[4:] == [("a", 2), ("w-1", 2), ("w-2", 2), ("z", 2)]


@pytest.mark.parametrize("strategy", STRICT)
async def test_the_siblings_of_a_crash_loop_wait_with_it_and_start_after_it(
    run_team: RunTeam, strategy: Strategy
) -> None:
    async with run_team(child("a"), child("b"), top=BranchSpec(strategy=strategy)) as team:
        team.last("a").kill()
        await team.advance(0.9)
        assert (team.state("a"), team.state("b"), starts(team, "a", "b")) == (BACKOFF, PENDING, [1, 1])
        assert team.log.last("b").reason == "restarts with a"
        await team.advance(0.1)
        assert starts(team, "a", "b") == [2, 2]


@pytest.mark.parametrize("strategy", STRICT)
async def test_an_end_that_is_not_restarted_touches_nobody_else(
    run_team: RunTeam, strategy: Strategy
) -> None:
    agents = (child("a"), child("b", restart=Restart.TEMPORARY), child("c"))
    async with run_team(*agents, top=BranchSpec(strategy=strategy)) as team:
        team.last("a").exit(0)
        team.last("b").kill()
        await team.advance(59.0)
        assert (team.state("a"), team.state("b"), starts(team, "a", "b", "c")) == (EXITED, EXITED, [1, 1, 1])


@pytest.mark.parametrize("restart", Restart)
async def test_a_restart_by_strategy_depends_on_the_type_of_the_end(
    run_team: RunTeam, restart: Restart
) -> None:
    async with run_team(child("a", restart=restart), child("b"), top=ONE_FOR_ALL) as team:
        await up(team, "a", "b")
        team.last("a").exit(0)
        await team.settle()
        assert starts(team, "a", "b") == ([2, 2] if restart is Restart.PERMANENT else [1, 1])


async def test_temporary_bystander_one_for_all_and_rest_for_one(run_team: RunTeam) -> None:
    """A temporary sibling that a strategy takes down is not started again."""
    for top in (ONE_FOR_ALL, REST_FOR_ONE):
        async with run_team(child("a"), child("t", restart=Restart.TEMPORARY), child("c"), top=top) as team:
            await up(team, "a", "t", "c")
            team.last("a").kill()
            await team.advance(600.0)
            assert starts(team, "a", "t", "c")[1] == 1
            assert team.state("t") is EXITED
            assert team.log.last("t").reason == "restarts with a"


async def test_a_transient_sibling_that_had_ended_normally_is_started_again(run_team: RunTeam) -> None:
    agents = (child("a"), child("done"), child("once", restart=Restart.TEMPORARY))
    async with run_team(*agents, top=ONE_FOR_ALL) as team:
        await up(team, "a", "done")
        team.last("done").exit(0)
        team.last("once").exit(0)
        await team.settle()
        team.last("a").kill()
        await team.settle()
        assert starts(team, "a", "done", "once") == [2, 2, 1]


async def test_a_transient_sibling_that_ends_normally_while_others_are_taken_down_is_started_again(
    run_team: RunTeam,
) -> None:
    async with run_team(
        child("a"), child("done"), child("t", restart=Restart.TEMPORARY), top=ONE_FOR_ALL
    ) as team:
        await up(team, "a", "done", "t")
        for agent in ("done", "t"):
            team.last(agent).leftovers = (4711,)
            team.last(agent).exit(0)
        team.last("a").kill()
        await team.settle()
        for agent in ("done", "t"):
            assert team.state(agent) is AgentState.STUCK
            team.last(agent).leftovers = ()
        await team.advance(10.0)
        assert starts(team, "a", "done", "t") == [2, 2, 1]


@pytest.mark.parametrize("order", ["stop_agent", "kill", "drain"])
async def test_what_a_person_stopped_and_what_gave_up_stays_down(run_team: RunTeam, order: str) -> None:
    launcher = PaperLauncher(failures={"broken": cannot_start()})
    agents = (child("a"), child("broken"), child("stopped"), child("d"))
    async with run_team(*agents, top=ONE_FOR_ALL, launcher=launcher) as team:
        await up(team, "a", "stopped", "d")
        getattr(team.supervisor, order)("stopped")
        await team.settle()
        team.last("a").kill()
        await team.settle()
        assert starts(team, "a", "broken", "stopped", "d")[::3] == [2, 2]
        assert starts(team, "broken", "stopped") == [1, 1]
        assert team.state("broken") is PARKED


async def test_a_paused_sibling_is_taken_down_and_starts_when_it_is_resumed(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b"), child("c"), top=ONE_FOR_ALL) as team:
        await up(team, "a", "b", "c")
        team.supervisor.pause("b")
        await team.settle()
        team.last("a").kill()
        await team.settle()
        assert (team.state("b"), starts(team, "a", "b", "c")) == (AgentState.PAUSED, [2, 1, 2])
        team.supervisor.resume("b")
        await team.settle()
        assert starts(team, "b") == [2]


async def test_a_stuck_sibling_is_passed_over_and_starts_when_it_can(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b"), child("c"), top=ONE_FOR_ALL) as team:
        await up(team, "a", "b", "c")
        team.last("b").leftovers = (4711,)
        team.last("a").kill()
        await team.settle()
        assert (team.state("b"), starts(team, "a", "b", "c")) == (AgentState.STUCK, [2, 1, 2])
        team.last("b").leftovers = ()
        await team.advance(10.0)
        assert starts(team, "a", "b", "c") == [2, 2, 2]


async def test_siblings_taken_down_count_in_no_intensity_and_not_for_the_breaker(run_team: RunTeam) -> None:
    agents = [child("a", intensity=100), *(child(f"s-{n}", pool=f"s-{n}", intensity=0) for n in range(20))]
    async with run_team(*agents, top=ONE_FOR_ALL) as team:
        for _ in range(4):
            await up(team, "a")
            team.last("a").kill()
            await team.advance(10.0)
        assert not team.supervisor.holds_starts
        assert starts(team, "s-0", "s-19") == [5, 5]


async def test_a_rate_limit_takes_the_siblings_down_but_counts_nowhere(run_team: RunTeam) -> None:
    top = BranchSpec(strategy=Strategy.ONE_FOR_ALL, intensity=0)
    async with run_team(child("a", intensity=0), child("b"), top=top) as team:
        limited = Condemned(incarnation=1, cause=ExitClass.RATE_LIMITED, detail="429", retry_after_s=30.0)
        team.supervisor.condemn("a", limited)
        await team.advance(29.0)
        assert starts(team, "a", "b") == [1, 1]
        await team.advance(10.0)
        assert starts(team, "a", "b") == [2, 2]


# ---------------------------------------------------------------- start order


@pytest.mark.parametrize("strategy", STRICT)
async def test_order_of_children(run_team: RunTeam, strategy: Strategy) -> None:
    """The next begins when the former has begun."""
    launcher = PaperLauncher(failures={"b": cannot_start("no memory", permanent=False)})
    agents = (child("a"), child("b"), child("c"))
    async with run_team(*agents, top=BranchSpec(strategy=strategy), launcher=launcher) as team:
        assert (team.state("b"), team.state("c")) == (BACKOFF, PENDING)
        assert team.log.last("c").reason in {"waits for its turn", "restarts with b"}
        launcher.failures.clear()
        await team.advance(1.0)
        assert [name for name, _ in launcher.spawned if name != "a"] == ["b", "b", "c"]


async def test_in_a_one_for_one_branch_nobody_waits_for_anybody(run_team: RunTeam) -> None:
    launcher = PaperLauncher(failures={"a": cannot_start("no memory", permanent=False)})
    async with run_team(child("a"), child("b"), launcher=launcher) as team:
        assert (team.state("a"), starts(team, "b")) == (BACKOFF, [1])


async def test_one_that_cannot_begin_holds_up_nobody(run_team: RunTeam) -> None:
    launcher = PaperLauncher(failures={"b": cannot_start()})
    async with run_team(child("a"), child("b"), child("c"), top=REST_FOR_ONE, launcher=launcher) as team:
        assert (team.state("b"), starts(team, "c")) == (PARKED, [1])


async def test_canary_without_turns_the_next_begins_before_the_former(
    run_team: RunTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rise_at_once(self: Branch) -> None:
        for each in self.children:
            each.open()

    monkeypatch.setattr(Branch, "_rise", rise_at_once)
    launcher = PaperLauncher(failures={"b": cannot_start("no memory", permanent=False)})
    async with run_team(child("a"), child("b"), child("c"), top=REST_FOR_ONE, launcher=launcher) as team:
        assert starts(team, "c") == [1]


# ---------------------------------------------------------------- a sibling that does not start


async def test_one_for_all_other_child_fails_restart(run_team: RunTeam) -> None:
    launcher = PaperLauncher()
    top = BranchSpec(strategy=Strategy.ONE_FOR_ALL, intensity=10)
    async with run_team(child("a"), child("b"), child("c"), top=top, launcher=launcher) as team:
        await up(team, "a", "b", "c")
        launcher.failures["b"] = cannot_start("no memory", permanent=False)
        team.last("a").kill()
        await team.settle()
        assert (team.last("a").alive, team.state("b"), starts(team, "a", "b", "c")) == (
            True,
            BACKOFF,
            [3, 2, 1],
        )
        launcher.failures.clear()
        await team.advance(1.0)
        assert starts(team, "a", "b", "c") == [3, 3, 2]
        assert [team.log.last(agent).restarts for agent in ("a", "b", "c")] == [1, 1, 0]


async def test_rest_for_one_other_child_fails_restart(run_team: RunTeam) -> None:
    """It goes on from the child that failed: those before it stay up."""
    launcher = PaperLauncher()
    async with run_team(child("a"), child("b"), child("c"), top=REST_FOR_ONE, launcher=launcher) as team:
        await up(team, "a", "b", "c")
        launcher.failures["b"] = cannot_start("no memory", permanent=False)
        team.last("a").kill()
        await team.settle()
        assert (starts(team, "a", "b", "c"), team.last("a").alive) == ([2, 2, 1], True)
        launcher.failures.clear()
        await team.advance(1.0)
        assert starts(team, "a", "b", "c") == [2, 3, 2]


@pytest.mark.parametrize("strategy", STRICT)
async def test_each_retry_of_a_failed_start_counts(run_team: RunTeam, strategy: Strategy) -> None:
    launcher = PaperLauncher()
    top = BranchSpec(strategy=strategy, intensity=2)
    async with run_team(child("a"), child("b"), top=top, launcher=launcher) as team:
        await up(team, "a", "b")
        launcher.failures["b"] = cannot_start("no memory", permanent=False)
        team.last("a").kill()
        await team.advance(600.0)
        assert team.supervisor.over is not None
        assert team.supervisor.over.words == "the team gave up after more than 2 restarts in 60 s"
        assert (team.starts("b"), team.state("b"), team.state("a")) == (3, PARKED, EXITED)


@pytest.mark.parametrize("strategy", Strategy)
async def test_hanging_restart_loop(run_team: RunTeam, strategy: Strategy) -> None:
    """Each start fails; a stop gets through between the attempts, not after them."""
    launcher = PaperLauncher()
    agents = (child("a", intensity=10**6), child("b", intensity=10**6))
    async with run_team(*agents, top=BranchSpec(strategy=strategy), launcher=launcher) as team:
        launcher.failures = {name: cannot_start("no memory", permanent=False) for name in ("a", "b")}
        team.last("a").kill()
        await team.advance(500.0)
        begun = len(launcher.spawned)
        await team.stop()
        await team.advance(500.0)
        assert len(launcher.spawned) == begun
        assert (team.state("a"), team.state("b")) == (EXITED, EXITED)


async def test_hanging_restart_loop_rest_for_one(run_team: RunTeam) -> None:
    """The one in the middle never starts again: the first lives, the last waits, the stop ends all."""
    launcher = PaperLauncher()
    agents = (child("a"), child("b", intensity=10**6), child("c"))
    async with run_team(*agents, top=REST_FOR_ONE, launcher=launcher) as team:
        await team.make_ready("a")
        launcher.failures["b"] = cannot_start("no memory", permanent=False)
        team.last("b").kill()
        await team.advance(500.0)
        assert (team.last("a").alive, team.state("c")) == (True, PENDING)
        await team.stop()
        assert {team.state(agent) for agent in "abc"} == {EXITED}


async def test_a_stop_while_siblings_are_being_taken_down_ends_all_and_starts_nobody(
    run_team: RunTeam,
) -> None:
    launcher = PaperLauncher(obeys=False)
    async with run_team(child("a"), child("b"), child("c"), top=ONE_FOR_ALL, launcher=launcher) as team:
        team.last("a").kill()
        await team.settle()
        assert (team.state("b"), team.state("c")) == (AgentState.STARTING, AgentState.STOPPING)
        await team.stop(now=True)
        assert [name for name, _ in launcher.spawned] == ["a", "b", "c"]
        assert {team.state(agent) for agent in "abc"} == {EXITED}


async def test_child_unlink(run_team: RunTeam) -> None:
    """A child that broke away (its leader left, its tree lives on) is ended like any other, and once."""
    async with run_team(child("a"), child("b"), top=ONE_FOR_ALL) as team:
        await up(team, "a", "b")
        process = team.last("b")
        process.leftovers = (4711,)
        process.exit(0)
        await team.settle()
        assert (team.state("b"), process.clearings) == (AgentState.STUCK, 1)
        team.supervisor.stop_agent("b")
        await team.settle()
        process.leftovers = ()
        await team.advance(10.0)
        assert (team.state("b"), starts(team, "a", "b")) == (EXITED, [1, 1])


# ---------------------------------------------------------------- several at once


async def test_two_siblings_that_die_at_once_are_one_restart(run_team: RunTeam) -> None:
    top = BranchSpec(strategy=Strategy.ONE_FOR_ALL, intensity=1)
    async with run_team(child("a"), child("b"), child("c"), top=top) as team:
        await up(team, "a", "b", "c")
        team.last("a").kill()
        team.last("b").kill()
        await team.settle()
        assert starts(team, "a", "b", "c") == [2, 2, 2]
        assert team.supervisor.over is None


async def test_one_that_dies_before_the_falling_ones_pulls_more_down(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    async with run_team(child("a"), child("b"), child("c"), top=REST_FOR_ONE, launcher=launcher) as team:
        await up(team, "a", "b", "c")
        team.last("b").kill()
        await team.settle()
        assert team.last("c").stops == ["politely"]
        team.last("a").kill()
        await team.settle()
        team.last("c").exit(0)
        await team.settle()
        assert launcher.spawned[3:] == [("a", 2), ("b", 2), ("c", 2)]


async def test_one_that_is_prepared_when_its_siblings_fall_is_prepared_anew_in_its_turn(
    run_team: RunTeam,
) -> None:
    launcher = PaperLauncher()
    async with run_team(child("a"), child("b"), top=ONE_FOR_ALL, launcher=launcher) as team:
        await up(team, "a", "b")
        team.supervisor.stop_agent("b")
        await team.settle()
        launcher.gate.clear()
        team.supervisor.restart("b")
        await team.settle()
        team.last("a").kill()
        await team.settle()
        launcher.gate.set()
        await team.settle()
        assert launcher.spawned[2:] == [("a", 2), ("b", 3)]
        void = next(change for change in team.log.of("b") if change.incarnation == 2)
        assert void.last_exit is not None
        assert (void.state, void.last_exit.kind) == (PENDING, ExitClass.SIBLING)


async def test_one_that_is_due_when_its_siblings_fall_waits_for_its_turn(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b"), top=ONE_FOR_ALL) as team:
        await up(team, "a", "b")
        team.supervisor.stop_agent("b")
        await team.settle()
        slot = team.slot("b")
        team.supervisor.restart("b")
        slot._mailbox.put_nowait(Due(attempt=slot._attempt + 2))
        slot._place.gate.shut("falls")
        await team.settle()
        assert starts(team, "b") == [1]
        slot._place.gate._open.set()
        await team.settle()
        assert starts(team, "b") == [2]


async def test_a_restart_by_hand_of_one_agent_does_not_touch_its_siblings(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b"), top=ONE_FOR_ALL) as team:
        await up(team, "a", "b")
        team.supervisor.restart("a")
        await team.settle()
        assert starts(team, "a", "b") == [2, 1]
