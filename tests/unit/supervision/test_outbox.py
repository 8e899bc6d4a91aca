"""Changes reach the reporter in order, and a slow or faulty reporter stops nothing."""

from __future__ import annotations

import pytest

from supervisor.errors import DatabaseUnavailable
from supervisor.model.agent import AgentState
from supervisor.supervision.slot import FLUSH_S
from supervisor.testing.processes import ChangeLog
from tests.unit.supervision.conftest import RunTeam, child


async def test_the_next_incarnation_waits_until_the_end_of_the_last_is_told(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        await team.make_ready("a")
        await team.advance(10.0)
        team.log.gate.clear()
        team.last("a").kill()
        await team.advance(5.0)
        assert team.launcher.prepared == [("a", 1)]
        team.log.gate.set()
        await team.settle()
        assert team.launcher.prepared == [("a", 1), ("a", 2)]
        assert team.log.states("a") == ["starting", "idle", "stopping", "backoff", "starting"]


async def test_a_stop_gets_through_while_the_reporter_hangs(run_team: RunTeam) -> None:
    log = ChangeLog()
    log.gate.clear()
    async with run_team(child("a"), log=log) as team:
        stopping = team.tasks.create_task(team.supervisor.stop())
        await team.settle()
        assert not team.last("a").alive
        assert team.state("a") is AgentState.EXITED
        assert not stopping.done()
        await team.advance(FLUSH_S)
        assert stopping.done()


async def test_the_stop_returns_only_when_all_is_told(run_team: RunTeam) -> None:
    log = ChangeLog()
    log.gate.clear()
    async with run_team(child("a"), log=log) as team:
        stopping = team.tasks.create_task(team.supervisor.stop())
        await team.settle()
        log.gate.set()
        await team.settle()
        assert stopping.done()
        assert log.states("a") == ["starting", "stopping", "exited"]


@pytest.mark.parametrize("fault", [DatabaseUnavailable(), OSError(28, "disk full"), KeyError("bug")])
async def test_a_reporter_that_fails_does_not_stop_supervision(
    run_team: RunTeam, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    log = ChangeLog(fault=fault)
    async with run_team(child("a"), log=log) as team:
        team.last("a").kill()
        await team.advance(1.0)
        assert team.starts("a") == 2
        log.fault = None
        await team.make_ready("a")
        assert log.states("a") == ["idle"]
    assert "could not report that a is starting" in caplog.text
