"""A new plan for a team that runs: only what changed is touched."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from supervisor.errors import NotFound, WrongState
from supervisor.model.agent import AgentState
from supervisor.model.branch import BranchSpec, OnFailed, Strategy
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.clock import VirtualClock
from supervisor.testing.processes import ChangeLog, PaperLauncher, cannot_start
from tests.unit.supervision.conftest import RunTeam, Team, child

EXITED, PARKED, BACKOFF, PENDING, STARTING = (
    AgentState.EXITED,
    AgentState.PARKED,
    AgentState.BACKOFF,
    AgentState.PENDING,
    AgentState.STARTING,
)
A, B, C = child("a"), child("b"), child("c")


def starts(team: Team, agents: str = "abc") -> list[int]:
    return [team.starts(agent) for agent in agents]


async def test_only_what_changed_is_restarted_what_is_gone_stopped_and_what_is_new_started(
    run_team: RunTeam,
) -> None:
    async with run_team(A, B, C) as team:
        await team.make_ready("a", "b", "c")
        team.supervisor.reload((A, replace(B, intensity=9), child("d")))
        await team.settle()
        assert starts(team, "abcd") == [1, 2, 1, 1]
        assert (team.last("a").stops, team.last("c").stops) == ([], ["politely"])
        assert team.supervisor.agents == ("a", "d", "b")
        with pytest.raises(NotFound):
            team.supervisor.state_of("c")


async def test_an_agent_that_is_to_be_started_in_another_way_is_named(run_team: RunTeam) -> None:
    async with run_team(A, B) as team:
        team.supervisor.reload((A, B), changed={"b"})
        await team.settle()
        assert starts(team, "ab") == [1, 2]


async def test_what_waits_to_be_restarted_goes_on_waiting(run_team: RunTeam) -> None:
    async with run_team(A, B) as team:
        team.last("a").kill()
        team.last("b").kill()
        await team.advance(0.5)
        team.supervisor.reload((A, replace(B, intensity=9)))
        await team.settle()
        assert (team.state("a"), starts(team, "ab")) == (BACKOFF, [1, 2])
        await team.advance(0.5)
        assert starts(team, "ab") == [2, 2]
        assert team.log.last("b").restarts == 1


async def test_a_new_owner_of_a_name_goes_on_counting(run_team: RunTeam) -> None:
    async with run_team(A) as team:
        team.last("a").kill()
        await team.advance(1.0)
        team.supervisor.reload((replace(A, intensity=9),))
        await team.settle()
        last = team.log.last("a")
        assert (last.restarts, last.incarnation, team.starts("a")) == (1, 3, 3)


async def test_what_a_person_stopped_stays_down_though_it_changed(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    async with run_team(A, launcher=launcher) as team:
        team.supervisor.stop_agent("a")
        team.supervisor.reload((replace(A, intensity=8),))
        team.supervisor.reload((replace(A, intensity=9),))
        await team.settle()
        team.last("a").exit(0)
        await team.settle()
        assert (team.state("a"), team.starts("a")) == (EXITED, 1)
        team.supervisor.restart("a")
        await team.settle()
        assert team.starts("a") == 2


async def test_what_gave_up_is_tried_again_when_it_changed(run_team: RunTeam) -> None:
    launcher = PaperLauncher(failures={"a": cannot_start()})
    async with run_team(A, launcher=launcher) as team:
        assert team.state("a") is PARKED
        launcher.failures.clear()
        team.supervisor.reload((A,), changed={"a"})
        await team.settle()
        assert team.state("a") is STARTING


async def test_one_that_is_removed_while_its_successor_waits_does_not_come_back(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    async with run_team(A, B, launcher=launcher) as team:
        team.supervisor.reload((A, replace(B, intensity=9)))
        team.supervisor.reload((A,))
        await team.settle()
        team.last("b").exit(0)
        await team.settle()
        assert (starts(team, "ab"), team.supervisor.agents) == ([1, 1], ("a",))


async def test_one_that_is_back_as_it_was_while_it_leaves_starts_anew(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    async with run_team(A, B, launcher=launcher) as team:
        team.supervisor.reload((A,))
        team.supervisor.reload((A, B))
        await team.settle()
        team.last("b").exit(0)
        await team.settle()
        assert starts(team, "ab") == [1, 2]
        assert launcher.most_alive == 1


async def test_one_that_drains_is_stopped_when_it_changed(run_team: RunTeam) -> None:
    async with run_team(A) as team:
        await team.make_ready("a")
        team.supervisor.retire("a")
        await team.settle()
        assert team.state("a") is AgentState.DRAINING
        team.supervisor.reload((A,))
        await team.settle()
        assert (team.state("a"), team.starts("a")) == (STARTING, 2)


# ---------------------------------------------------------------- the tree


async def test_a_move_to_another_branch_restarts_nobody(run_team: RunTeam) -> None:
    inner = BranchSpec(name="inner", strategy=Strategy.ONE_FOR_ALL)
    async with run_team(A, B, C) as team:
        await team.make_ready("a", "b", "c")
        await team.advance(10.0)
        team.supervisor.reload((A, replace(B, branch="inner"), replace(C, branch="inner")), (inner,))
        await team.settle()
        assert starts(team) == [1, 1, 1]
        team.last("c").kill()
        await team.settle()
        assert starts(team) == [1, 2, 2]


async def test_what_counts_in_a_branch_may_change(run_team: RunTeam) -> None:
    async with run_team(A, top=BranchSpec(intensity=5)) as team:
        team.supervisor.reload((A,), top=BranchSpec(intensity=0))
        await team.settle()
        team.last("a").kill()
        await team.settle()
        assert team.supervisor.over is not None


async def test_a_branch_that_is_gone_leaves_its_agents_to_others(run_team: RunTeam) -> None:
    inner = BranchSpec(name="inner", on_failed=OnFailed.SHUTDOWN)
    launcher = PaperLauncher(obeys=False)
    agents = (A, child("b", branch="inner"), child("c", branch="inner"))
    async with run_team(*agents, branches=(inner,), launcher=launcher) as team:
        team.supervisor.reload((A, B))
        await team.settle()
        assert (starts(team), team.last("c").stops) == ([1, 1, 1], ["politely"])
        tree = team.supervisor._tree
        assert [child.name for child in tree.top.children] == ["a", "b", "c"]
        team.last("c").exit(0)
        await team.settle()
        assert [child.name for child in tree.top.children] == ["a", "b"]
        assert list(tree.branches) == [""]


async def test_a_branch_that_is_back_under_its_name_runs(run_team: RunTeam) -> None:
    inner = BranchSpec(name="inner")
    moved = replace(B, branch="inner")
    async with run_team(A, moved, branches=(inner,)) as team:
        team.supervisor.reload((A, B))
        team.supervisor.reload((A, moved, child("c", branch="inner")), (inner,))
        await team.settle()
        assert starts(team) == [1, 1, 1]


async def test_a_fall_goes_on_with_what_is_left(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    top = BranchSpec(strategy=Strategy.ONE_FOR_ALL)
    async with run_team(A, B, C, top=top, launcher=launcher) as team:
        team.last("a").kill()
        await team.settle()
        assert team.last("c").stops == ["politely"]
        team.supervisor.reload((A, C), top=top)
        await team.settle()
        team.last("c").exit(0)
        await team.settle()
        assert starts(team) == [1, 1, 1]
        team.last("b").exit(0)
        await team.advance(1.0)
        assert starts(team) == [2, 1, 2]


async def test_a_plan_with_an_unknown_branch_is_refused_and_changes_nothing(run_team: RunTeam) -> None:
    async with run_team(A) as team:
        for branches in ((), (BranchSpec(name="inner", under="nowhere"),)):
            with pytest.raises(NotFound, match="`nowhere`"):
                team.supervisor.reload((A, child("b", branch="nowhere")), branches)
        assert (team.supervisor.agents, list(team.supervisor._tree.branches)) == (("a",), [""])


async def test_a_team_that_stops_takes_no_new_plan(run_team: RunTeam) -> None:
    async with run_team(A) as team:
        await team.stop()
        with pytest.raises(WrongState, match="stopping"):
            team.supervisor.reload((A,))


async def test_a_plan_changed_before_the_team_runs_is_simply_the_plan() -> None:
    clock, launcher = VirtualClock(), PaperLauncher()
    supervisor = Supervisor([A, B], launcher, ChangeLog(), clock, random.Random(1))
    supervisor.reload((replace(B, intensity=9), C))
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run())
        await clock.settle()
        assert sorted(launcher.spawned) == [("b", 1), ("c", 1)]
        await supervisor.stop()
