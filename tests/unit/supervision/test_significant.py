"""Significant children and auto_shutdown, under the names of the cases of OTP's supervisor suite."""

from __future__ import annotations

import pytest

from supervisor.model.agent import AgentState
from supervisor.model.branch import AutoShutdown, BranchSpec, Restart, Strategy
from supervisor.testing.processes import PaperLauncher
from tests.unit.supervision.conftest import RunTeam, Team, child

ANY, ALL, NEVER = AutoShutdown.ANY_SIGNIFICANT, AutoShutdown.ALL_SIGNIFICANT, AutoShutdown.NEVER
TEMPORARY, TRANSIENT = Restart.TEMPORARY, Restart.TRANSIENT


def is_over(team: Team) -> bool:
    """Tell whether the team ended by itself; it then has not failed, and nobody lives."""
    over = team.supervisor.over
    assert over is None or not over.failed
    alive = any(processes[-1].alive for processes in team.launcher.processes.values())
    assert over is None or not alive
    return over is not None


@pytest.mark.parametrize("ending", ["normal", "abnormal"])
@pytest.mark.parametrize("auto_shutdown", AutoShutdown)
async def test_significant_temporary(run_team: RunTeam, auto_shutdown: AutoShutdown, ending: str) -> None:
    """A temporary significant agent that ends in any way counts."""
    agents = [child(name, restart=TEMPORARY, significant=name != "c") for name in "abc"]
    async with run_team(*agents, top=BranchSpec(auto_shutdown=auto_shutdown)) as team:
        gone = []
        for name in "ab":
            if not is_over(team):
                team.last(name).exit(0 if ending == "normal" else 1)
                await team.settle()
            gone.append(is_over(team))
        assert gone == {NEVER: [False, False], ANY: [True, True], ALL: [False, True]}[auto_shutdown]


@pytest.mark.parametrize("auto_shutdown", AutoShutdown)
async def test_significant_transient(run_team: RunTeam, auto_shutdown: AutoShutdown) -> None:
    """A transient significant agent counts when it ended normally, not when it is to be restarted."""
    agents = [child(name, restart=TRANSIENT, significant=name != "c") for name in "abc"]
    async with run_team(*agents, top=BranchSpec(auto_shutdown=auto_shutdown)) as team:
        team.last("a").kill()
        await team.advance(5.0)
        assert (is_over(team), team.starts("a")) == (False, 2)
        gone = []
        for name in "ab":
            if not is_over(team):
                team.last(name).exit(0)
                await team.settle()
            gone.append(is_over(team))
        assert gone == {NEVER: [False, False], ANY: [True, True], ALL: [False, True]}[auto_shutdown]
        words = {NEVER: None, ANY: "the team ended, because a has"}
        words |= {ALL: "the team ended, because all that is significant has"}
        over = team.supervisor.over
        assert (over.words if over else None) == words[auto_shutdown]


@pytest.mark.parametrize("auto_shutdown", AutoShutdown)
async def test_significant_simple(run_team: RunTeam, auto_shutdown: AutoShutdown) -> None:
    """In a larger pool each agent is such a child."""
    pool = [child(f"w-{number}", pool="w", significant=True) for number in (1, 2)]
    async with run_team(*pool, child("c"), top=BranchSpec(auto_shutdown=auto_shutdown)) as team:
        gone = []
        for name in ("w-1", "w-2"):
            if not is_over(team):
                team.last(name).exit(0)
                await team.settle()
            gone.append(is_over(team))
        assert gone == {NEVER: [False, False], ANY: [True, True], ALL: [False, True]}[auto_shutdown]


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_significant_bystander(run_team: RunTeam, strategy: Strategy) -> None:
    """One that ends because a sibling was restarted does not count; nor one that a person stops."""
    agents = (child("a"), child("s", significant=True, restart=TEMPORARY), child("t", significant=True))
    async with run_team(*agents, top=BranchSpec(strategy=strategy, auto_shutdown=ANY)) as team:
        await team.make_ready("a", "s", "t")
        await team.advance(10.0)
        team.last("a").kill()
        await team.settle()
        assert (is_over(team), team.state("s"), team.starts("t")) == (False, AgentState.EXITED, 2)
        team.supervisor.stop_agent("t")
        await team.settle()
        assert not is_over(team)


async def test_the_others_of_a_significant_one_count_no_more_when_they_gave_up(run_team: RunTeam) -> None:
    agents = (child("a", significant=True, intensity=0), child("b", significant=True), child("c"))
    async with run_team(*agents, top=BranchSpec(auto_shutdown=ALL)) as team:
        team.last("a").kill()
        await team.settle()
        assert (is_over(team), team.state("a")) == (False, AgentState.PARKED)
        team.last("b").exit(0)
        await team.settle()
        assert is_over(team)


async def test_significant_escalation(run_team: RunTeam) -> None:
    """A significant branch that shut itself down makes the one above it do so."""
    inner = BranchSpec(name="inner", auto_shutdown=ANY, restart=TRANSIENT, significant=True)
    agents = (child("a"), child("s", branch="inner", significant=True), child("t", branch="inner"))
    async with run_team(*agents, top=BranchSpec(auto_shutdown=ANY), branches=(inner,)) as team:
        team.last("s").exit(0)
        await team.settle()
        assert is_over(team)
        assert team.supervisor.over is not None
        assert team.supervisor.over.words == "the team ended, because branch inner has"


async def test_a_branch_that_shut_itself_down_touches_nobody_else_unless_it_is_significant(
    run_team: RunTeam,
) -> None:
    inner = BranchSpec(name="inner", auto_shutdown=ANY, restart=TRANSIENT)
    agents = (child("a"), child("s", branch="inner", significant=True), child("t", branch="inner"))
    async with run_team(*agents, top=BranchSpec(auto_shutdown=ANY), branches=(inner,)) as team:
        team.last("s").exit(0)
        await team.settle()
        assert (is_over(team), team.last("a").alive, team.last("t").alive) == (False, True, False)
        assert team.log.last("t").reason == "branch inner ended, because s has"


async def test_a_significant_branch_that_is_up_is_waited_for(run_team: RunTeam) -> None:
    inner = BranchSpec(name="inner", auto_shutdown=ANY, restart=TEMPORARY, significant=True)
    agents = (child("a", significant=True), child("s", branch="inner", significant=True))
    async with run_team(*agents, top=BranchSpec(auto_shutdown=ALL), branches=(inner,)) as team:
        team.last("a").exit(0)
        await team.settle()
        assert not is_over(team)
        team.last("s").exit(0)
        await team.settle()
        assert is_over(team)


async def test_a_permanent_branch_that_shut_itself_down_is_restarted(run_team: RunTeam) -> None:
    inner = BranchSpec(name="inner", auto_shutdown=ANY)
    agents = (child("s", branch="inner", significant=True), child("t", branch="inner"))
    async with run_team(*agents, branches=(inner,)) as team:
        await team.make_ready("s", "t")
        await team.advance(10.0)
        team.last("s").exit(0)
        await team.settle()
        assert (team.starts("s"), team.starts("t")) == (2, 2)


async def test_one_that_ends_while_its_team_shuts_down_changes_nothing(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    agents = (child("a", significant=True), child("b", significant=True))
    async with run_team(*agents, top=BranchSpec(auto_shutdown=ANY), launcher=launcher) as team:
        team.last("a").exit(0)
        await team.settle()
        team.last("b").exit(0)
        await team.settle()
        assert is_over(team)
        assert team.supervisor.over is not None
        assert team.supervisor.over.words == "the team ended, because a has"
