"""Faults that random schedules against the model of OTP have found, each in as few steps as they need."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from supervisor.model.agent import AgentState
from supervisor.model.branch import BranchSpec, Dependency, OnFailed, Restart, Strategy
from supervisor.testing.clock import VirtualClock
from supervisor.testing.processes import PaperLauncher, cannot_start
from tests.unit.supervision.conftest import RunTeam, child


async def test_a_temporary_agent_killed_while_paused_is_not_started_by_a_resume(run_team: RunTeam) -> None:
    async with run_team(child("a", restart=Restart.TEMPORARY)) as team:
        await team.make_ready("a")
        team.supervisor.pause("a")
        await team.settle()
        team.last("a").kill()
        await team.settle()
        assert team.state("a") is AgentState.EXITED
        team.supervisor.resume("a")
        await team.advance(100.0)
        assert team.starts("a") == 1


async def test_an_agent_killed_while_paused_is_paused_again_once_its_remains_are_gone(
    run_team: RunTeam,
) -> None:
    async with run_team(child("a")) as team:
        await team.make_ready("a")
        team.supervisor.pause("a")
        await team.settle()
        team.last("a").leftovers = (7,)
        team.last("a").kill()
        await team.settle()
        assert team.state("a") is AgentState.STUCK
        team.last("a").leftovers = ()
        await team.advance(10.0)
        assert team.state("a") is AgentState.PAUSED
        team.supervisor.resume("a")
        await team.settle()
        assert team.state("a") is AgentState.STARTING


async def test_an_agent_paused_while_the_breaker_tries_it_lets_another_be_tried(run_team: RunTeam) -> None:
    unready = {"start_timeout_s": 5.0, "intensity": 99}
    async with run_team(child("a", **unready), child("b", **unready)) as team:
        while not any(change.reason.startswith("held") for change in team.log.changes):
            await team.advance(1.0)
        before = team.starts("a"), team.starts("b")
        while (team.starts("a"), team.starts("b")) == before:
            await team.advance(1.0)
        tried, other = ("a", "b") if team.starts("a") > before[0] else ("b", "a")
        starts = team.starts(other)
        team.supervisor.pause(tried)
        await team.advance(1.0)
        assert team.state(tried) is AgentState.PAUSED
        assert team.starts(other) == starts + 1


async def test_an_agent_that_was_added_later_stops_with_its_pool(run_team: RunTeam) -> None:
    async with run_team(child("a-1", pool="a"), child("b")) as team:
        team.supervisor.add(child("a-2", pool="a"))
        await team.settle()
        team.last("b").obeys = False
        stopping = team.tasks.create_task(team.supervisor.stop())
        await team.settle()
        assert not stopping.done()
        assert (team.last("a-1").stops, team.last("a-2").stops) == ([], [])
        team.last("b").exit(0)
        await team.settle()
        assert (team.last("a-1").stops, team.last("a-2").stops) == (["politely"], ["politely"])


SHUTDOWN = BranchSpec(name="x", on_failed=OnFailed.SHUTDOWN)
"""A branch that fails with each agent that gives up."""


async def test_a_persons_restart_begins_a_branch_at_once_that_waits_for_its_restart(
    run_team: RunTeam,
) -> None:
    async with run_team(child("a", branch="x", intensity=0), branches=[SHUTDOWN]) as team:
        for _ in range(2):
            team.last("a").kill()
            await team.advance(1.0)
        team.last("a").kill()
        await team.settle()
        starts = team.starts("a")
        team.supervisor.restart("a")
        await team.settle()
        assert team.starts("a") == starts + 1


async def test_a_branch_is_up_for_as_long_as_since_it_began_last(run_team: RunTeam) -> None:
    children = child("a"), child("b", branch="x", intensity=0)
    strategy = {"top": BranchSpec(strategy=Strategy.REST_FOR_ONE), "branches": [SHUTDOWN]}
    async with run_team(*children, **strategy) as team:
        await team.make_ready("a", "b")
        await team.advance(1000.0)
        team.last("a").kill()
        await team.advance(1.0)
        assert (team.starts("a"), team.starts("b")) == (2, 2), "the branch began anew with a"
        team.last("b").kill()
        await team.settle()
        assert team.starts("b") == 2, "it failed soon, so it waits"
        await team.advance(1.0)
        assert team.starts("b") == 3


async def test_a_branch_that_ends_does_not_wait_for_what_is_told_of_an_agent_that_left(
    run_team: RunTeam,
) -> None:
    top = BranchSpec(on_failed=OnFailed.SHUTDOWN)
    async with run_team(child("a"), child("b"), child("c", intensity=0), top=top) as team:
        team.log.gate.clear()
        team.supervisor.retire("b")
        await team.settle()
        assert not team.last("b").alive
        team.last("c").kill()
        await team.settle()
        assert not team.last("a").alive


@dataclass
class SlowLauncher(PaperLauncher):
    """Takes a second for the kit of `b`, and less for others."""

    clock: VirtualClock = field(default_factory=lambda: VirtualClock(now=0.0, monotonic=0.0))

    async def prepare(self, agent: str) -> int:
        await self.clock.sleep(1.0 if agent == "b" else 0.5)
        return await super().prepare(agent)


async def test_a_persons_order_hastens_a_failing_branch_only_once(run_team: RunTeam) -> None:
    launcher = SlowLauncher(failures={"a": cannot_start()})
    children = child("a", branch="x"), child("b", branch="x")
    async with run_team(*children, launcher=launcher, clock=launcher.clock, branches=[SHUTDOWN]) as team:
        await team.advance(10.0)
        before = team.starts("a")
        team.supervisor.restart("b")
        await team.advance(60.0)
        assert team.starts("a") - before < 7, "the branch waits longer and longer, as it failed so often"


async def test_a_branch_that_a_person_brought_back_counts_as_up_from_then(run_team: RunTeam) -> None:
    top = BranchSpec(on_failed=OnFailed.SHUTDOWN)
    children = child("a", branch="x", intensity=0), child("b", intensity=0)
    async with run_team(*children, top=top, branches=[SHUTDOWN]) as team:
        await team.make_ready("a", "b")
        await team.advance(400.0)
        team.last("b").kill()
        await team.settle()
        assert team.state("a") is AgentState.EXITED
        team.supervisor.restart("a")
        await team.settle()
        team.last("a").kill()
        await team.settle()
        assert team.starts("a") == 2, "its branch was not up for long, so it waits"
        await team.advance(1.0)
        assert team.starts("a") == 3


async def test_who_depends_on_a_pool_hears_of_any_agent_of_it_that_gave_up(run_team: RunTeam) -> None:
    pool = {"pool": "p", "single": False, "intensity": 0}
    waiting = child("a", depends_on=(Dependency(pool="p"),))
    top = BranchSpec(strategy=Strategy.REST_FOR_ONE)
    async with run_team(child("p-1", **pool), child("p-2", **pool), waiting, child("b"), top=top) as team:
        assert team.starts("b") == 0, "the next begins when the former has begun"
        team.last("p-2").kill()
        await team.settle()
        assert team.state("p-2") is AgentState.PARKED
        assert team.starts("b") == 1, "what the former waits for cannot come any more"


async def test_the_next_waits_for_what_a_person_started_in_a_branch_that_is_over(run_team: RunTeam) -> None:
    top = BranchSpec(strategy=Strategy.REST_FOR_ONE)
    over = replace(SHUTDOWN, restart=Restart.TRANSIENT)
    children = child("a", branch="x", intensity=0), child("b", branch="y"), child("c")
    launcher = SlowLauncher()
    tree = {"top": top, "branches": [over, BranchSpec(name="y", under="x")]}
    async with run_team(*children, launcher=launcher, clock=launcher.clock, **tree) as team:
        await team.advance(0.625)
        team.last("a").kill()
        await team.settle()
        team.supervisor.restart("b")
        await team.advance(30.0)
        started = [agent for agent, _ in team.launcher.spawned]
        assert started == ["a", "b", "c"]


async def test_a_team_whose_branch_waits_for_its_restart_is_not_settled(run_team: RunTeam) -> None:
    waiting = child("b", branch="x", depends_on=(Dependency(pool="a"),))
    crashing = child("c", branch="x", intensity=0)
    async with run_team(child("a", intensity=0), waiting, crashing, branches=[SHUTDOWN]) as team:
        team.last("a").kill()
        await team.settle()
        team.supervisor.restart("b")
        await team.settle()
        for _ in range(2):
            team.last("c").kill()
            await team.advance(1.0)
        team.last("c").kill()
        team.supervisor.retire("c")
        await team.settle()
        assert not team.supervisor.all_settled
        await team.advance(4.0)
        assert team.supervisor.all_settled


async def test_an_agent_that_is_retired_with_mail_unread_is_told_to_rest_before_it_is_forgotten(
    run_team: RunTeam,
) -> None:
    async with run_team(child("a"), child("b")) as team:
        team.last("a").kill()
        await team.settle()
        team.supervisor.pause("a")
        team.supervisor.retire("a")
        await team.settle()
        assert team.supervisor.agents == ("b",)
        assert team.log.states("a")[-2:] == ["paused", "exited"]


async def test_a_drain_is_obeyed_though_a_restart_was_ordered_in_the_same_moment(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        await team.make_ready("a")
        team.supervisor.restart("a")
        team.supervisor.drain("a")
        await team.advance(100.0)
        assert team.state("a") is AgentState.EXITED
        assert team.starts("a") == 1


async def test_an_agent_whose_start_by_hand_fails_while_its_branch_falls_rests(run_team: RunTeam) -> None:
    launcher = SlowLauncher()
    top = BranchSpec(on_failed=OnFailed.SHUTDOWN)
    children = child("a", intensity=0), child("b")
    async with run_team(*children, launcher=launcher, clock=launcher.clock, top=top) as team:
        await team.advance(5.0)
        launcher.unpreparable["b"] = cannot_start(permanent=False)
        team.last("b").kill()
        await team.advance(1.0)
        team.supervisor.restart("b")
        await team.settle()
        team.last("a").kill()
        await team.advance(100.0)
        assert team.state("b") is AgentState.EXITED
        assert team.supervisor.all_settled
