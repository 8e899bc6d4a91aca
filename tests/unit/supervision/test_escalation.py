"""Escalation, and what a branch does when an agent gave up; under the names of OTP's cases."""

from __future__ import annotations

import pytest

from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.branch import BranchSpec, OnFailed, Strategy
from supervisor.supervision.notices import Condemned
from supervisor.testing.processes import PaperLauncher, cannot_start
from tests.unit.supervision.conftest import RunTeam, Team, child

EXITED, PARKED = AgentState.EXITED, AgentState.PARKED


def starts(team: Team, *agents: str) -> list[int]:
    return [team.starts(agent) for agent in agents]


def steps(team: Team, *states: str) -> list[tuple[str, str]]:
    """List who came to one of these states, in the order in which it was told."""
    return [(change.agent, change.state.value) for change in team.log.changes if change.state in states]


async def up(team: Team, *agents: str) -> None:
    """Let agents report for work, and do it for so long that the first restart is free."""
    await team.make_ready(*agents)
    await team.advance(10.0)


# ---------------------------------------------------------------- escalation


async def test_one_for_one_escalation(run_team: RunTeam) -> None:
    await escalate(run_team, Strategy.ONE_FOR_ONE)


async def test_one_for_all_escalation(run_team: RunTeam) -> None:
    await escalate(run_team, Strategy.ONE_FOR_ALL)


async def test_rest_for_one_escalation(run_team: RunTeam) -> None:
    await escalate(run_team, Strategy.REST_FOR_ONE)


async def escalate(run_team: RunTeam, strategy: Strategy) -> None:
    """One restart too many of any children: the branch stops all in reverse order and has failed."""
    top = BranchSpec(strategy=strategy, intensity=1, period_s=60.0)
    async with run_team(child("a"), child("b"), child("c"), top=top) as team:
        await up(team, "a", "b", "c")
        waiting = team.tasks.create_task(team.supervisor.top_over())
        team.last("b").kill()
        await team.advance(1.0)
        assert not waiting.done()
        team.log.changes.clear()
        team.last("b").kill()
        await team.settle()
        assert waiting.done()
        over = waiting.result()
        assert (over.failed, over.words) == (True, "the team gave up after more than 1 restarts in 60 s")
        assert steps(team, "exited", "parked") == [("b", "parked"), ("c", "exited"), ("a", "exited")]
        assert team.log.last("b").reason == "the team gave up: killed by SIGKILL"
        assert team.log.last("a").reason == over.words
        assert team.supervisor.all_settled
        await team.advance(3600.0)
        assert not any(team.last(agent).alive for agent in "abc")


async def test_restarts_further_apart_than_the_period_do_not_escalate(run_team: RunTeam) -> None:
    top = BranchSpec(intensity=1, period_s=60.0)
    async with run_team(child("a"), top=top) as team:
        for _ in range(5):
            await up(team, "a")
            team.last("a").kill()
            await team.advance(50.0)
        assert team.supervisor.over is None


async def test_simple_one_for_one_escalation(run_team: RunTeam) -> None:
    """Restarts in a larger pool are its own affair; one of it that gives up makes its branch shut down."""
    top = BranchSpec(intensity=0, on_failed=OnFailed.SHUTDOWN)
    pool = [child(f"w-{number}", pool="w", intensity=1) for number in (1, 2)]
    async with run_team(child("a"), *pool, top=top) as team:
        team.last("w-1").kill()
        await team.advance(5.0)
        assert (team.starts("w-1"), team.supervisor.over) == (2, None)
        team.last("w-1").kill()
        await team.settle()
        assert team.state("w-1") is PARKED
        assert team.supervisor.over is not None
        assert team.supervisor.over.words == "the team ended: w-1 gave up"
        assert (team.state("w-2"), team.state("a")) == (EXITED, EXITED)


# ---------------------------------------------------------------- on_failed


async def give_up(team: Team, agent: str) -> None:
    """Let an agent with intensity 0 crash once."""
    team.last(agent).kill()
    await team.settle()
    assert team.state(agent) is PARKED


async def test_on_failed_continue(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b", intensity=0), child("c")) as team:
        await give_up(team, "b")
        await team.advance(600.0)
        assert team.supervisor.over is None
        assert (team.last("a").alive, team.last("c").alive) == (True, True)


@pytest.mark.parametrize("strategy", Strategy)
async def test_on_failed_rest(run_team: RunTeam, strategy: Strategy) -> None:
    top = BranchSpec(strategy=strategy, on_failed=OnFailed.REST)
    agents = (child("a"), child("b", intensity=0), child("c"), child("d"))
    async with run_team(*agents, top=top) as team:
        await up(team, "a", "c", "d")
        team.log.changes.clear()
        await give_up(team, "b")
        assert steps(team, "exited") == [("d", "exited"), ("c", "exited")]
        assert team.log.last("c").reason == "stopped, because b gave up"
        team.last("a").kill()
        await team.settle()
        await up(team, "a")
        await team.advance(600.0)
        assert starts(team, "a", "b", "c", "d") == [2, 1, 1, 1]
        assert team.supervisor.over is None
        team.supervisor.restart("c")
        await team.settle()
        assert starts(team, "c") == [2]


async def test_on_failed_shutdown(run_team: RunTeam) -> None:
    top = BranchSpec(on_failed=OnFailed.SHUTDOWN)
    async with run_team(child("a"), child("b", intensity=0), child("c"), top=top) as team:
        await give_up(team, "b")
        over = team.supervisor.over
        assert over is not None
        assert (over.failed, over.words) == (True, "the team ended: b gave up")
        assert (team.state("a"), team.state("c")) == (EXITED, EXITED)
        assert team.supervisor.gave_up == ("b",)


async def test_an_agent_that_can_never_be_started_has_given_up(run_team: RunTeam) -> None:
    launcher = PaperLauncher(failures={"b": cannot_start()})
    top = BranchSpec(on_failed=OnFailed.SHUTDOWN)
    async with run_team(child("a"), child("b"), top=top, launcher=launcher) as team:
        assert team.supervisor.over is not None
        assert team.state("a") is EXITED


async def test_an_agent_that_cannot_log_in_has_not_given_up(run_team: RunTeam) -> None:
    top = BranchSpec(on_failed=OnFailed.SHUTDOWN)
    async with run_team(child("a"), child("b"), top=top) as team:
        team.supervisor.condemn("b", Condemned(incarnation=1, cause=ExitClass.AUTH, detail="401"))
        await team.settle()
        assert (team.state("b"), team.supervisor.over, team.last("a").alive) == (PARKED, None, True)
