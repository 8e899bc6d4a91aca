"""What a slot does with what its watch tells: ready while paused, more time to start, an abort."""

from __future__ import annotations

import signal

from supervisor.model.agent import AgentState, ExitClass
from supervisor.supervision.errands import ABORT_S
from supervisor.supervision.notices import Condemned
from supervisor.testing.processes import PaperProcess
from tests.unit.supervision.conftest import RunTeam, Team, child

NO_BEAT = Condemned(incarnation=1, cause=ExitClass.WATCHDOG, detail="no beat for 30 s", abort=True)


async def test_who_becomes_ready_while_paused_is_idle_when_it_goes_on(run_team: RunTeam) -> None:
    async with run_team(child("a", start_timeout_s=60.0)) as team:
        team.supervisor.pause("a")
        await team.settle()
        await team.make_ready("a")
        assert team.state("a") is AgentState.PAUSED
        team.supervisor.resume("a")
        await team.advance(100.0)
        assert team.log.states("a") == ["starting", "paused", "idle"]


async def test_who_becomes_ready_while_it_is_stopped_is_not(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        team.last("a").obeys = False
        team.supervisor.ready("a", 1)  # both are in the mailbox before it is looked at
        team.supervisor.stop_agent("a")
        team.supervisor.ready("a", 1)
        await team.settle()
        assert team.log.states("a") == ["starting", "idle", "stopping"]


async def test_a_word_of_readiness_after_the_order_to_stop_changes_nothing(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        team.last("a").obeys = False
        team.supervisor.stop_agent("a")
        team.supervisor.ready("a", 1)
        await team.settle()
        assert team.log.states("a") == ["starting", "stopping"]


async def test_who_asks_for_more_time_to_start_gets_it(run_team: RunTeam) -> None:
    async with run_team(child("a", start_timeout_s=60.0)) as team:
        await team.advance(50.0)
        team.supervisor.more_time("a", 1, 40.0)
        await team.advance(39.0)
        assert team.state("a") is AgentState.STARTING
        await team.advance(1.0)
        ended = team.log.last("a").last_exit
        assert ended is not None
        assert ended.kind is ExitClass.START_TIMEOUT


async def test_asking_for_less_time_than_is_left_takes_none_away(run_team: RunTeam) -> None:
    async with run_team(child("a", start_timeout_s=60.0)) as team:
        team.supervisor.more_time("a", 1, 1.0)
        await team.advance(59.0)
        assert team.state("a") is AgentState.STARTING


async def test_more_time_means_nothing_to_who_is_ready_or_gone(run_team: RunTeam) -> None:
    async with run_team(child("a", start_timeout_s=60.0)) as team:
        await team.make_ready("a")
        team.supervisor.more_time("a", 1, 5.0)
        team.supervisor.more_time("a", 7, 5.0)
        await team.advance(100.0)
        assert team.state("a") is AgentState.IDLE


async def abort(team: Team) -> PaperProcess:
    await team.make_ready("a")
    process = team.last("a")
    team.supervisor.condemn("a", NO_BEAT)
    await team.settle()
    assert process.aborted
    return process


async def test_an_aborted_agent_that_dies_of_it_is_cleared_at_once(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        process = await abort(team)
        assert process.stops == []
        process.kill(signal.SIGABRT)
        await team.settle()
        assert process.stops == ["politely"]
        ended = team.log.last("a").last_exit
        assert ended is not None
        assert (ended.kind, ended.signal, ended.detail) == (
            ExitClass.WATCHDOG,
            signal.SIGABRT,
            "no beat for 30 s",
        )


async def test_an_aborted_agent_that_lives_on_meets_the_ladder_after_its_moment(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        process = await abort(team)
        await team.advance(ABORT_S - 0.1)
        assert process.stops == []
        await team.advance(0.1)
        assert process.stops == ["politely"]
        assert team.state("a") is AgentState.BACKOFF


async def test_whoever_hurries_does_not_wait_for_the_core_dump(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        process = await abort(team)
        team.supervisor.kill("a")
        await team.settle()
        assert process.stops == ["now"]
        assert team.state("a") is AgentState.EXITED
