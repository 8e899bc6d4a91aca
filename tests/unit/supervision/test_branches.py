"""Branches in branches: what one that failed means to the one above, and to persons."""

from __future__ import annotations

import pytest

from supervisor.errors import NotFound
from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.branch import BranchSpec, OnFailed, Restart, Strategy
from supervisor.supervision.branch import LADDER, Mode
from supervisor.supervision.notices import Condemned
from supervisor.testing.processes import PaperLauncher, cannot_start
from tests.unit.supervision.conftest import RunTeam, Team, child

EXITED, PARKED, BACKOFF, PENDING, STARTING = (
    AgentState.EXITED,
    AgentState.PARKED,
    AgentState.BACKOFF,
    AgentState.PENDING,
    AgentState.STARTING,
)
INNER = BranchSpec(name="inner", on_failed=OnFailed.SHUTDOWN)
AGENTS = (
    child("a"),
    child("b", branch="inner", intensity=0),
    child("c", branch="inner"),
    child("d"),
)


def starts(team: Team, agents: str = "abcd") -> list[int]:
    return [team.starts(agent) for agent in agents]


async def up(team: Team, agents: str = "abcd") -> None:
    await team.make_ready(*agents)
    await team.advance(10.0)


# ---------------------------------------------------------------- order


async def test_a_branch_stands_where_its_first_pool_stands(run_team: RunTeam) -> None:
    branches = (BranchSpec(name="empty"), BranchSpec(name="outer"), BranchSpec(name="inner", under="outer"))
    agents = (child("a"), child("b", branch="inner"), child("c"), child("d", branch="outer"))
    async with run_team(*agents, branches=branches) as team:
        tree = team.supervisor._tree
        assert [node.name for node in tree.top.children] == ["a", "outer", "c", "empty"]
        assert [branch.name for branch in tree.downwards()] == ["", "outer", "inner", "empty"]
        assert [pool.name for pool in tree.stop_order()] == ["c", "d", "b", "a"]


async def test_pools_that_begin_with_nobody_keep_their_place(run_team: RunTeam) -> None:
    pools = {"a": "", "w": "", "z": ""}
    async with run_team(child("a"), child("z"), pools=pools) as team:
        team.supervisor.add(child("w-1", pool="w", single=False))
        await team.settle()
        assert [pool.name for pool in team.supervisor._tree.stop_order()] == ["z", "w", "a"]


async def test_a_branch_that_nobody_knows_is_refused(run_team: RunTeam) -> None:
    with pytest.raises(NotFound, match="`nowhere`"):
        async with run_team(child("a", branch="nowhere")):
            raise AssertionError
    async with run_team(child("a")) as team:
        with pytest.raises(NotFound, match="`nowhere`"):
            team.supervisor.add(child("b", branch="nowhere"))
        assert team.supervisor.agents == ("a",)


async def test_in_a_strict_branch_the_next_waits_until_all_of_a_branch_has_begun(run_team: RunTeam) -> None:
    launcher = PaperLauncher(failures={"c": cannot_start("no memory", permanent=False)})
    top = BranchSpec(strategy=Strategy.REST_FOR_ONE)
    async with run_team(*AGENTS, top=top, branches=(INNER,), launcher=launcher) as team:
        assert (team.state("b"), team.state("c"), team.state("d")) == (STARTING, BACKOFF, PENDING)
        launcher.failures.clear()
        await team.advance(1.0)
        assert team.state("d") is STARTING


# ---------------------------------------------------------------- a branch that failed


async def test_a_branch_that_failed_is_stopped_in_reverse_and_begins_afresh(run_team: RunTeam) -> None:
    agents = (*AGENTS, child("t", branch="inner", restart=Restart.TEMPORARY), child("f", branch="inner"))
    async with run_team(*agents, branches=(INNER,)) as team:
        await up(team, "abcdtf")
        team.last("t").exit(0)
        team.last("f").exit(0)
        await team.settle()
        team.log.changes.clear()
        team.last("b").kill()
        await team.settle()
        assert starts(team, "abcdtf") == [1, 2, 2, 1, 2, 2]
        story = [(change.agent, change.state.value) for change in team.log.changes]
        order = [each for each in story if each[1] in {"parked", "exited", "starting"}]
        assert order[:2] == [("b", "parked"), ("c", "exited")]
        assert order[2:] == [(name, "starting") for name in "bctf"]


async def test_a_branch_that_fails_again_and_again_waits_longer_and_longer(run_team: RunTeam) -> None:
    async with run_team(*AGENTS, branches=(INNER,)) as team:
        await team.make_ready("a", "d")
        begun = []
        for _ in range(5):
            start = team.clock.monotonic()
            team.last("b").kill()
            await team.settle()
            assert not team.supervisor.all_settled
            seen = team.starts("b")
            while team.starts("b") == seen:
                await team.advance(0.125)
            begun.append(team.clock.monotonic() - start)
        for waited, step in zip(begun, (1.0, 2.0, 4.0, 8.0, 16.0), strict=True):
            assert 0.8 * step <= waited <= 1.2 * step + 0.125


async def test_the_ladder_of_a_branch_begins_anew_after_it_was_up_for_long(run_team: RunTeam) -> None:
    async with run_team(*AGENTS, branches=(INNER,)) as team:
        for _ in range(3):
            await team.make_ready(*"abcd")
            await team.advance(LADDER.reset_after_s)
            team.last("b").kill()
            await team.settle()
        assert starts(team) == [1, 4, 4, 1]


async def test_a_branch_that_failed_before_all_of_it_had_begun_waits_too(run_team: RunTeam) -> None:
    launcher = PaperLauncher(failures={"b": cannot_start("no memory", permanent=False)})
    inner = BranchSpec(name="inner", strategy=Strategy.ONE_FOR_ALL, intensity=0)
    agents = (child("b", branch="inner"), child("c", branch="inner"))
    async with run_team(*agents, branches=(inner,), launcher=launcher) as team:
        assert (team.state("b"), team.state("c")) == (PARKED, EXITED)
        launcher.failures.clear()
        await team.advance(1.5)
        assert (team.state("b"), team.state("c")) == (STARTING, STARTING)


async def test_a_new_beginning_allows_as_many_restarts_as_the_first(run_team: RunTeam) -> None:
    inner = BranchSpec(name="inner", intensity=1)
    async with run_team(child("b", branch="inner"), branches=(inner,)) as team:
        for beginnings in range(1, 4):
            await up(team, "b")
            team.last("b").kill()
            await team.advance(20.0)
            assert team.starts("b") == 2 * beginnings
            await up(team, "b")
            team.last("b").kill()
            await team.advance(20.0)


@pytest.mark.parametrize("restart", [Restart.TRANSIENT, Restart.TEMPORARY])
async def test_a_branch_that_is_not_permanent_stays_over(run_team: RunTeam, restart: Restart) -> None:
    inner = BranchSpec(name="inner", on_failed=OnFailed.SHUTDOWN, restart=restart)
    async with run_team(*AGENTS, branches=(inner,)) as team:
        await up(team)
        team.last("b").kill()
        await team.advance(600.0)
        assert (starts(team), team.state("b"), team.state("c")) == ([1, 1, 1, 1], PARKED, EXITED)
        assert team.log.last("c").reason == "branch inner ended: b gave up"
        assert (team.last("a").alive, team.supervisor.over) == (True, None)
        for agent in "ad":
            team.last(agent).exit(0)
        await team.settle()
        assert team.supervisor.all_settled


async def test_the_restarts_of_a_branch_count_for_the_one_above(run_team: RunTeam) -> None:
    async with run_team(*AGENTS, top=BranchSpec(intensity=1), branches=(INNER,)) as team:
        await up(team)
        team.last("b").kill()
        await team.settle()
        await up(team, "bc")
        team.last("b").kill()
        await team.settle()
        over = team.supervisor.over
        assert over is not None
        assert over.words == "the team gave up after more than 1 restarts in 60 s"
        assert starts(team) == [1, 2, 2, 1]
        assert {team.state(agent) for agent in "acd"} == {EXITED}


@pytest.mark.parametrize(
    ("strategy", "restarted"),
    [
        (Strategy.ONE_FOR_ONE, [1, 2, 2, 1]),
        (Strategy.REST_FOR_ONE, [1, 2, 2, 2]),
        (Strategy.ONE_FOR_ALL, [2, 2, 2, 2]),
    ],
)
async def test_a_branch_is_restarted_with_its_siblings(
    run_team: RunTeam, strategy: Strategy, restarted: list[int]
) -> None:
    async with run_team(*AGENTS, top=BranchSpec(strategy=strategy), branches=(INNER,)) as team:
        await up(team)
        team.last("b").kill()
        await team.settle()
        assert starts(team) == restarted
        begun = "".join(name for name, _ in team.launcher.spawned[4:]).replace("cb", "bc")
        assert begun == "".join(name for name, count in zip("abcd", restarted, strict=True) if count == 2)


async def test_siblings_wait_for_a_branch_that_waits_for_its_restart(run_team: RunTeam) -> None:
    top = BranchSpec(strategy=Strategy.ONE_FOR_ALL)
    async with run_team(*AGENTS, top=top, branches=(INNER,)) as team:
        team.last("b").kill()
        await team.advance(0.7)
        assert (starts(team), team.state("d")) == ([2, 1, 1, 1], PENDING)
        await team.advance(0.6)
        assert starts(team) == [2, 2, 2, 2]


async def test_a_branch_is_taken_down_and_begins_afresh_with_a_sibling(run_team: RunTeam) -> None:
    agents = (*AGENTS, child("t", branch="inner", restart=Restart.TEMPORARY))
    top = BranchSpec(strategy=Strategy.ONE_FOR_ALL)
    async with run_team(*agents, top=top, branches=(BranchSpec(name="inner"),)) as team:
        await up(team, "abcdt")
        team.last("b").kill()
        team.last("t").exit(0)
        await team.settle()
        assert team.state("b") is PARKED
        team.log.changes.clear()
        team.last("a").kill()
        await team.settle()
        assert starts(team, "abcdt") == [2, 2, 2, 2, 2]
        ends = [change.agent for change in team.log.changes if change.state is AgentState.STOPPING]
        assert ends == ["a", "d", "c"]


async def test_a_temporary_branch_is_dropped_when_a_sibling_is_restarted(run_team: RunTeam) -> None:
    inner = BranchSpec(name="inner", restart=Restart.TEMPORARY)
    top = BranchSpec(strategy=Strategy.ONE_FOR_ALL)
    async with run_team(*AGENTS, top=top, branches=(inner,)) as team:
        await up(team)
        team.last("a").kill()
        await team.advance(600.0)
        assert starts(team, "bc") == [1, 1]
        assert (team.starts("d") >= 2, team.log.last("c").reason) == (True, "restarts with a")


async def test_a_branch_that_was_over_is_started_again_with_a_sibling(run_team: RunTeam) -> None:
    inner = BranchSpec(name="inner", restart=Restart.TRANSIENT, on_failed=OnFailed.SHUTDOWN)
    top = BranchSpec(strategy=Strategy.ONE_FOR_ALL)
    async with run_team(*AGENTS, top=top, branches=(inner,)) as team:
        await up(team)
        team.last("b").kill()
        await team.settle()
        assert starts(team) == [1, 1, 1, 1]
        team.last("a").kill()
        await team.settle()
        assert starts(team) == [2, 2, 2, 2]


async def test_a_failing_branch_inside_a_falling_one_is_only_taken_down(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    top = BranchSpec(strategy=Strategy.ONE_FOR_ALL, intensity=1)
    async with run_team(*AGENTS, top=top, branches=(INNER,), launcher=launcher) as team:
        await up(team)
        team.last("a").kill()
        await team.settle()
        team.last("b").kill()
        await team.settle()
        for agent in "dc":
            team.last(agent).exit(0)
            await team.settle()
        assert (starts(team), team.supervisor.over) == ([2, 2, 2, 2], None)


async def test_a_branch_that_fails_while_the_one_above_falls_for_good_is_not_restarted(
    run_team: RunTeam,
) -> None:
    launcher = PaperLauncher(obeys=False)
    agents = (child("b", branch="inner", intensity=0), child("c", branch="inner"), child("x", intensity=0))
    top = BranchSpec(on_failed=OnFailed.SHUTDOWN)
    async with run_team(*agents, top=top, branches=(INNER,), launcher=launcher) as team:
        team.last("b").kill()
        await team.settle()
        assert team.last("c").stops == ["politely"]
        team.last("x").kill()
        await team.settle()
        team.last("c").exit(0)
        await team.advance(600.0)
        assert starts(team, "bcx") == [1, 1, 1]
        assert team.supervisor.over is not None


async def test_a_branch_that_is_over_before_the_falling_one_above_comes_to_it_is_not_restarted(
    run_team: RunTeam,
) -> None:
    launcher = PaperLauncher(obeys=False)
    agents = (*AGENTS[1:3], child("slow"), child("x", intensity=0))
    top = BranchSpec(on_failed=OnFailed.SHUTDOWN)
    async with run_team(*agents, top=top, branches=(INNER,), launcher=launcher) as team:
        for agent in "bx":
            team.last(agent).kill()
            await team.settle()
        team.last("c").exit(0)
        await team.advance(600.0)
        assert team.state("c") is EXITED
        assert team.supervisor.over is None
        team.last("slow").exit(0)
        await team.advance(600.0)
        assert [team.starts(agent) for agent in ("b", "c", "slow", "x")] == [1, 1, 1, 1]
        assert team.supervisor._tree.top.mode is Mode.OVER


async def test_a_branch_that_waits_for_its_restart_falls_with_the_one_above(run_team: RunTeam) -> None:
    agents = (*AGENTS, child("x", intensity=0))
    top = BranchSpec(on_failed=OnFailed.SHUTDOWN)
    async with run_team(*agents, top=top, branches=(INNER,)) as team:
        team.last("b").kill()
        await team.settle()
        team.last("x").kill()
        await team.advance(600.0)
        assert starts(team, "abcdx") == [1, 1, 1, 1, 1]


async def test_on_failed_rest_stops_a_branch_that_starts_later(run_team: RunTeam) -> None:
    agents = (child("x", intensity=0), *AGENTS)
    async with run_team(*agents, top=BranchSpec(on_failed=OnFailed.REST), branches=(INNER,)) as team:
        team.last("x").kill()
        await team.advance(600.0)
        assert starts(team, "xabcd") == [1, 1, 1, 1, 1]
        assert {team.state(agent) for agent in "abcd"} == {EXITED}
        assert team.supervisor.all_settled


async def test_what_a_person_stopped_or_cannot_log_in_stays_down_when_its_branch_begins_afresh(
    run_team: RunTeam,
) -> None:
    agents = (*AGENTS, child("e", branch="inner"))
    async with run_team(*agents, branches=(INNER,)) as team:
        await up(team, "abcde")
        team.supervisor.stop_agent("c")
        team.supervisor.condemn("e", Condemned(incarnation=1, cause=ExitClass.AUTH, detail="401"))
        await team.settle()
        team.last("b").kill()
        await team.settle()
        assert starts(team, "bce") == [2, 1, 1]
        assert (team.state("c"), team.state("e")) == (EXITED, PARKED)


async def test_a_stuck_agent_of_a_branch_that_begins_afresh_starts_when_it_can(run_team: RunTeam) -> None:
    async with run_team(*AGENTS, branches=(INNER,)) as team:
        await up(team)
        process = team.last("c")
        process.leftovers = (4711,)
        process.kill()
        await team.settle()
        team.last("b").kill()
        await team.settle()
        assert (team.state("c"), starts(team, "bc")) == (AgentState.STUCK, [2, 1])
        process.leftovers = ()
        await team.advance(20.0)
        assert starts(team, "bc") == [2, 2]


async def test_one_that_is_prepared_or_paused_when_its_branch_falls_is_not_started(run_team: RunTeam) -> None:
    launcher = PaperLauncher()
    inner = BranchSpec(name="inner", on_failed=OnFailed.SHUTDOWN, restart=Restart.TRANSIENT)
    agents = (*AGENTS, child("e", branch="inner"))
    async with run_team(*agents, branches=(inner,), launcher=launcher) as team:
        await up(team, "abcde")
        team.supervisor.pause("e")
        launcher.gate.clear()
        team.last("c").kill()
        await team.settle()
        team.last("b").kill()
        await team.settle()
        launcher.gate.set()
        await team.settle()
        assert (team.state("c"), team.state("e"), starts(team, "ce")) == (EXITED, EXITED, [1, 1])


# ---------------------------------------------------------------- a person


async def test_an_agent_of_a_branch_that_is_over_lives_on_alone_by_a_person_s_order(
    run_team: RunTeam,
) -> None:
    inner = BranchSpec(name="inner", on_failed=OnFailed.SHUTDOWN, restart=Restart.TRANSIENT)
    async with run_team(*AGENTS, branches=(inner,)) as team:
        team.last("b").kill()
        await team.settle()
        team.supervisor.restart("c")
        await team.settle()
        assert starts(team, "bc") == [1, 2]
        team.supervisor.restart("b")
        await team.settle()
        team.last("b").kill()
        await team.settle()
        assert (team.state("b"), team.state("c")) == (PARKED, EXITED)


async def test_a_team_that_is_over_is_so_no_more_when_a_person_starts_somebody(run_team: RunTeam) -> None:
    top = BranchSpec(on_failed=OnFailed.SHUTDOWN)
    agents = (child("x", intensity=0), *AGENTS)
    async with run_team(*agents, top=top, branches=(INNER,)) as team:
        team.last("x").kill()
        await team.settle()
        waiting = team.tasks.create_task(team.supervisor.top_over())
        await team.settle()
        assert waiting.done()
        assert team.state("c") is EXITED
        team.supervisor.restart("c")
        await team.settle()
        assert team.supervisor.over is None
        assert starts(team, "abcd") == [1, 1, 2, 1]


async def test_a_person_s_order_waits_while_the_branch_is_taken_down(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    inner = BranchSpec(name="inner", on_failed=OnFailed.SHUTDOWN, restart=Restart.TRANSIENT)
    agents = (*AGENTS, child("e", branch="inner"))
    async with run_team(*agents, branches=(inner,), launcher=launcher) as team:
        team.last("b").kill()
        await team.settle()
        team.supervisor.restart("b")
        await team.settle()
        assert (team.state("b"), starts(team, "b")) == (PENDING, [1])
        assert team.log.last("b").reason == "branch inner ended: b gave up"
        for agent in "ec":
            team.last(agent).exit(0)
            await team.settle()
        assert (starts(team, "bce"), team.state("c")) == ([2, 1, 1], EXITED)


@pytest.mark.parametrize("when", ["falling", "waiting"])
async def test_a_branch_that_is_to_be_restarted_begins_at_once_by_a_person_s_order(
    run_team: RunTeam, when: str
) -> None:
    launcher = PaperLauncher(obeys=when == "waiting")
    async with run_team(*AGENTS, branches=(INNER,), launcher=launcher) as team:
        team.last("b").kill()
        await team.settle()
        team.supervisor.restart("b")
        await team.settle()
        team.last("c").exit(0)
        await team.settle()
        assert starts(team, "bc") == [2, 2]


async def test_a_person_s_order_during_a_restart_by_strategy_waits_for_the_turn(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    top = BranchSpec(strategy=Strategy.ONE_FOR_ALL)
    async with run_team(child("a"), child("b"), top=top, launcher=launcher) as team:
        team.last("a").kill()
        await team.settle()
        team.supervisor.restart("a")
        await team.settle()
        assert starts(team, "ab") == [1, 1]
        team.last("b").exit(0)
        await team.settle()
        assert starts(team, "ab") == [2, 2]
        assert team.supervisor._tree.top.mode is Mode.STEADY


# ---------------------------------------------------------------- agents that join


@pytest.mark.parametrize("restart", [Restart.TRANSIENT, Restart.PERMANENT])
async def test_one_that_joins_a_branch_that_is_over_waits_for_it(run_team: RunTeam, restart: Restart) -> None:
    inner = BranchSpec(name="inner", on_failed=OnFailed.SHUTDOWN, restart=restart)
    async with run_team(*AGENTS, branches=(inner,)) as team:
        team.last("b").kill()
        await team.settle()
        team.supervisor.add(child("w-1", pool="w", branch="inner", single=False))
        await team.settle()
        assert (team.state("w-1"), team.starts("w-1")) == (EXITED, 0)
        assert team.log.last("w-1").reason == "branch inner is over"
        await team.advance(5.0)
        assert team.starts("w-1") == (1 if restart is Restart.PERMANENT else 0)


async def test_one_that_joins_while_its_siblings_are_taken_down_starts_with_them(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    top = BranchSpec(strategy=Strategy.ONE_FOR_ALL)
    pools = {"a": "", "w": "", "z": ""}
    async with run_team(child("a"), child("z"), top=top, pools=pools, launcher=launcher) as team:
        team.last("a").kill()
        await team.settle()
        team.supervisor.add(child("w-1", pool="w", single=False))
        await team.settle()
        assert team.starts("w-1") == 0
        team.last("z").exit(0)
        await team.advance(1.0)
        assert [name for name, _ in launcher.spawned[2:]] == ["a", "w-1", "z"]
