"""Agents that come and go while the team runs: for a pool that follows its work."""

from __future__ import annotations

import asyncio
import random

import pytest

from supervisor.errors import NotFound, WrongState
from supervisor.model.agent import AgentState
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.clock import VirtualClock
from supervisor.testing.processes import ChangeLog, PaperLauncher, cannot_start
from tests.unit.supervision.conftest import RunTeam, child


async def test_an_added_agent_starts_at_once(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        team.supervisor.add(child("w-1", pool="w"))
        await team.settle()
        assert team.launcher.spawned == [("a", 1), ("w-1", 1)]
        with pytest.raises(WrongState, match="w-1 is in the team already"):
            team.supervisor.add(child("w-1", pool="w"))


async def test_a_team_that_begins_with_nobody_runs_until_it_is_stopped(run_team: RunTeam) -> None:
    async with run_team() as team:
        assert not team.running.done()
        team.supervisor.add(child("w-1", pool="w"))
        await team.settle()
        assert team.starts("w-1") == 1
        await team.stop()
        assert team.running.done()
        with pytest.raises(WrongState, match="stopping"):
            team.supervisor.add(child("w-2", pool="w"))


async def test_a_retired_agent_finishes_what_it_holds_and_is_gone_then(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("w-1", pool="w")) as team:
        await team.make_ready("w-1")
        team.supervisor.retire("w-1")
        await team.settle()
        assert (team.state("w-1"), team.last("w-1").stops) == (AgentState.DRAINING, [])
        team.supervisor.drained("w-1")
        await team.settle()
        assert team.log.states("w-1") == ["starting", "idle", "draining", "stopping", "exited"]
        with pytest.raises(NotFound):
            team.supervisor.state_of("w-1")


async def test_an_agent_that_does_not_finish_is_stopped_when_its_drain_time_is_over(
    run_team: RunTeam,
) -> None:
    async with run_team(child("w-1", pool="w", drain_timeout_s=60.0)) as team:
        await team.make_ready("w-1")
        team.supervisor.retire("w-1")
        await team.advance(60.0)
        assert team.log.last("w-1").reason == "still busy after 60 s of draining"
        assert team.supervisor.all_settled


async def test_an_agent_added_again_while_it_leaves_starts_once_it_is_gone(run_team: RunTeam) -> None:
    async with run_team(child("w-1", pool="w")) as team:
        await team.make_ready("w-1")
        team.supervisor.retire("w-1")
        team.supervisor.add(child("w-1", pool="w"))
        await team.settle()
        assert team.starts("w-1") == 1
        team.supervisor.drained("w-1")
        await team.settle()
        assert (team.starts("w-1"), team.state("w-1")) == (2, AgentState.STARTING)
        assert team.launcher.most_alive == 1


async def test_an_agent_added_and_retired_while_it_leaves_does_not_come_back(run_team: RunTeam) -> None:
    async with run_team(child("w-1", pool="w")) as team:
        await team.make_ready("w-1")
        team.supervisor.retire("w-1")
        team.supervisor.add(child("w-1", pool="w"))
        team.supervisor.retire("w-1")
        team.supervisor.drained("w-1")
        await team.settle()
        assert team.starts("w-1") == 1
        with pytest.raises(NotFound):
            team.supervisor.state_of("w-1")


async def test_a_retired_agent_whose_tree_will_not_die_stays_until_it_does(run_team: RunTeam) -> None:
    async with run_team(child("w-1", pool="w")) as team:
        process = team.last("w-1")
        process.leftovers = (4711,)
        team.supervisor.retire("w-1")
        await team.settle()
        team.supervisor.add(child("w-1", pool="w"))
        await team.advance(20.0)
        assert (team.state("w-1"), team.starts("w-1")) == (AgentState.STUCK, 1)
        process.leftovers = ()
        await team.advance(10.0)
        assert team.starts("w-1") == 2


async def test_a_retired_agent_that_gave_up_is_told_as_ended(run_team: RunTeam) -> None:
    launcher = PaperLauncher(failures={"w-1": cannot_start()})
    async with run_team(child("w-1", pool="w"), launcher=launcher) as team:
        assert team.state("w-1") is AgentState.PARKED
        team.supervisor.retire("w-1")
        await team.settle()
        assert team.log.last("w-1").reason == "retired"
        assert team.supervisor.gave_up == ()


async def test_a_team_changed_before_it_runs_starts_as_changed() -> None:
    clock, launcher = VirtualClock(), PaperLauncher()
    supervisor = Supervisor([child("a")], launcher, ChangeLog(), clock, random.Random(1))
    supervisor.retire("a")
    supervisor.add(child("b"))
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run())
        await clock.settle()
        assert launcher.spawned == [("b", 1)]
        await supervisor.stop()
