"""The slot's own promises: one live incarnation, nothing after the stop mark, nothing stale."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from supervisor.errors import WrongState
from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.branch import Restart
from supervisor.model.team import StopLadder
from supervisor.supervision.lifecycle import STUCK_RECHECK_S
from supervisor.supervision.notices import Due, Exited, Notice, Order, Overdue, Prepared
from supervisor.supervision.slot import Slot
from supervisor.testing.processes import PaperExit, PaperLauncher, PaperProcess, PaperTree
from tests.unit.supervision.conftest import RunTeam, Team, child

EXITED, BACKOFF, STUCK, STARTING = (
    AgentState.EXITED,
    AgentState.BACKOFF,
    AgentState.STUCK,
    AgentState.STARTING,
)
StopTeam = Callable[[Team], Awaitable[None]]


# ---------------------------------------------------------------- stop at any moment


async def test_hanging_restart_loop(run_team: RunTeam) -> None:
    """Each start fails; a stop must get through between the attempts, not after them."""
    launcher = PaperLauncher(on_spawn=lambda agent, number, process: process.exit(1))
    async with run_team(child("a", intensity=10**6), launcher=launcher) as team:
        await team.advance(500.0)
        starts = team.starts("a")
        await team.stop()
        assert team.state("a") is EXITED
        await team.advance(500.0)
        assert team.starts("a") == starts


async def test_hanging_restart_loop_simple(run_team: RunTeam) -> None:
    launcher = PaperLauncher(on_spawn=lambda agent, number, process: process.exit(1))
    pool = [child(f"w-{number}", pool="w", intensity=10**6) for number in range(5)]
    async with run_team(*pool, launcher=launcher) as team:
        await team.advance(100.0)
        await team.stop()
        assert {team.state(spec.name) for spec in pool} == {EXITED}


async def stop_in_backoff(team: Team) -> None:
    team.last("a").kill()
    await team.settle()
    assert team.state("a") is BACKOFF
    await team.stop()


async def stop_while_starting(team: Team) -> None:
    assert team.state("a") is STARTING
    await team.stop()


async def stop_between_due_and_prepared(team: Team) -> None:
    team.last("a").kill()
    await team.settle()
    team.launcher.gate.clear()
    await team.advance(1.0)
    stopping = team.tasks.create_task(team.supervisor.stop())
    await team.settle()
    team.launcher.gate.set()
    await team.settle()
    assert stopping.done()


async def stop_at_once_while_it_is_prepared(team: Team) -> None:
    team.last("a").kill()
    await team.settle()
    team.launcher.gate.clear()
    await team.advance(1.0)
    await team.stop(now=True)
    team.launcher.gate.set()


async def stop_in_the_turn_the_wait_is_over(team: Team) -> None:
    team.last("a").kill()
    await team.settle()
    late(team, Due(attempt=team.slot("a")._attempt))
    team.supervisor.stop_agent("a")
    await team.stop()


async def stop_in_the_turn_it_is_prepared(team: Team) -> None:
    team.last("a").kill()
    await team.settle()
    team.launcher.gate.clear()
    await team.advance(1.0)
    late(team, Prepared(attempt=team.slot("a")._attempt, incarnation=2))
    team.supervisor.stop_agent("a")
    await team.stop()


STOPS = (
    stop_in_backoff,
    stop_while_starting,
    stop_between_due_and_prepared,
    stop_at_once_while_it_is_prepared,
    stop_in_the_turn_the_wait_is_over,
    stop_in_the_turn_it_is_prepared,
)


@pytest.mark.parametrize("stop", STOPS)
async def test_nothing_starts_after_a_stop_in_backoff_or_starting(run_team: RunTeam, stop: StopTeam) -> None:
    """A stop while parked on a wait must not wedge the slot nor let it start later (process-compose#530)."""
    async with run_team(child("a", restart=Restart.PERMANENT, start_timeout_s=1e6)) as team:
        await stop(team)
        spawned = list(team.launcher.spawned)
        await team.advance(3600.0)
        assert team.launcher.spawned == spawned == [("a", 1)]
        assert team.state("a") is EXITED
        assert team.running.done()
        assert not team.last("a").alive


async def test_canary_a_slot_without_a_stop_mark_that_counts_at_once_starts_after_it(
    run_team: RunTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Slot, "order", lambda self, order: self._mailbox.put_nowait(order))
    async with run_team(child("a", restart=Restart.PERMANENT, start_timeout_s=1e6)) as team:
        await stop_in_the_turn_it_is_prepared(team)
        assert team.launcher.spawned == [("a", 1), ("a", 2)]


async def test_an_agent_prepared_but_not_wanted_any_more_is_told_as_stopped_under_its_number(
    run_team: RunTeam,
) -> None:
    async with run_team(child("a", start_timeout_s=1e6)) as team:
        await stop_between_due_and_prepared(team)
        last = team.log.last("a")
        assert last.last_exit is not None
        assert (last.incarnation, last.last_exit.kind) == (2, ExitClass.STOP_REQUESTED)
        assert last.reason == "stopped before it was started"


async def test_a_failed_preparation_of_an_agent_not_wanted_any_more_ends_it(run_team: RunTeam) -> None:
    launcher = PaperLauncher(unpreparable={"a": OSError("disk full")})
    launcher.gate.clear()
    async with run_team(child("a"), launcher=launcher) as team:
        team.supervisor.stop_agent("a")
        await team.settle()
        assert team.state("a") is AgentState.PENDING
        launcher.gate.set()
        await team.settle()
        assert (team.state("a"), team.log.states("a")) == (EXITED, ["exited"])


async def test_an_agent_ordered_to_restart_while_it_is_prepared_is_simply_started(run_team: RunTeam) -> None:
    launcher = PaperLauncher()
    launcher.gate.clear()
    async with run_team(child("a"), launcher=launcher) as team:
        team.supervisor.stop_agent("a")
        team.supervisor.restart("a")
        await team.settle()
        launcher.gate.set()
        await team.settle()
        assert launcher.spawned == [("a", 1)]
        assert team.state("a") is STARTING


async def test_an_agent_that_crashes_while_the_rest_of_the_team_stops_is_not_started_again(
    run_team: RunTeam,
) -> None:
    launcher = PaperLauncher(obeys=False)
    async with run_team(child("a", restart=Restart.PERMANENT), child("b"), launcher=launcher) as team:
        stopping = team.tasks.create_task(team.supervisor.stop())
        await team.settle()
        team.last("a").kill()
        await team.advance(30.0)
        assert (team.state("a"), team.starts("a")) == (EXITED, 1)
        team.last("b").exit(0)
        await team.settle()
        assert stopping.done()


async def test_a_restart_ordered_in_the_turn_of_the_stop_is_not_carried_out(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        team.supervisor.restart("a")
        team.slot("a").order(Order.RETIRE)
        await team.stop()
        assert (team.state("a"), team.starts("a")) == (EXITED, 1)


async def test_a_restart_order_for_a_stopped_agent_still_ending_starts_it_once_it_has_ended(
    run_team: RunTeam,
) -> None:
    launcher = PaperLauncher(obeys=False)
    async with run_team(child("a"), launcher=launcher) as team:
        team.supervisor.stop_agent("a")
        await team.settle()
        team.supervisor.restart("a")
        await team.settle()
        assert team.starts("a") == 1
        team.last("a").exit(0)
        await team.settle()
        assert team.starts("a") == 2


async def test_a_stop_hurried_after_the_leader_s_death_reaches_the_rest_of_its_tree(
    run_team: RunTeam,
) -> None:
    """The leader leaves on TERM, a member of its group ignores it (process-compose#520)."""

    class LeaderLeaves(PaperProcess):
        async def stop(self, ladder: StopLadder, *, now: bool = False) -> PaperTree:
            self.exit(0)
            if not now:
                self.stops.append("politely")
                await team.clock.sleep(1e6)
            return await super().stop(ladder, now=now)

    async with run_team(child("a")) as team:
        process = team.last("a")
        process.__class__ = LeaderLeaves
        team.supervisor.stop_agent("a")
        await team.advance(5.0)
        assert (process.alive, team.state("a")) == (False, AgentState.STOPPING)
        await team.stop(now=True)
        assert process.stops == ["politely", "now"]


# ---------------------------------------------------------------- stale notices


def late(team: Team, notice: Notice) -> None:
    team.slot("a")._mailbox.put_nowait(notice)


async def after_a_restart(team: Team) -> Exited:
    """Bring an agent to its second incarnation; return the exit of the first, as it would come late."""
    live = team.slot("a")._live
    assert live is not None
    team.last("a").kill()
    await team.advance(1.0)
    await team.make_ready("a")
    assert team.starts("a") == 2
    return Exited(of=live, exit=PaperExit(signal=9))


async def test_a_stale_exit_does_not_hit_the_replacement(run_team: RunTeam) -> None:
    """An exit event of the old process must not be taken for the new one's (pm2#6142)."""
    async with run_team(child("a")) as team:
        late(team, await after_a_restart(team))
        await team.advance(30.0)
        assert (team.state("a"), team.starts("a")) == (AgentState.IDLE, 2)
        assert team.launcher.most_alive == 1


async def test_canary_a_slot_that_takes_stale_exits_gives_up_its_living_agent(
    run_team: RunTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_team(child("a")) as team:
        exit_of_the_first = await after_a_restart(team)
        monkeypatch.setattr(Slot, "_is_stale", lambda self, notice: False)
        late(team, exit_of_the_first)
        await team.advance(30.0)
        assert team.launcher.most_alive == 2


async def test_a_late_report_of_an_old_incarnation_makes_nobody_ready(run_team: RunTeam) -> None:
    async with run_team(child("a", start_timeout_s=5.0)) as team:
        team.last("a").kill()
        await team.advance(1.0)
        team.supervisor.ready("a", 1)
        await team.settle()
        assert team.state("a") is STARTING
        await team.advance(5.0)
        assert team.starts("a") == 2
        assert team.state("a") is BACKOFF


async def test_a_report_from_nobody_is_ignored(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        team.last("a").exit(0)
        await team.settle()
        team.supervisor.ready("a", 1)
        await team.settle()
        assert team.state("a") is EXITED


async def test_an_agent_that_reports_in_the_moment_its_time_is_up_is_ready(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        team.supervisor.ready("a", 1)
        late(team, Overdue(attempt=team.slot("a")._attempt, limit=ExitClass.START_TIMEOUT))
        await team.advance(1.0)
        assert (team.state("a"), team.last("a").stops) == (AgentState.IDLE, [])


async def test_a_report_during_the_stop_changes_nothing(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    async with run_team(child("a"), launcher=launcher) as team:
        team.supervisor.stop_agent("a")
        team.supervisor.ready("a", 1)
        await team.settle()
        assert team.state("a") is AgentState.STOPPING


# ---------------------------------------------------------------- stuck trees


async def test_no_incarnation_starts_while_the_old_tree_is_not_verified_empty(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b")) as team:
        team.last("a").leftovers = (4711, 4712)
        team.last("a").kill()
        await team.advance(3600.0)
        assert (team.state("a"), team.starts("a")) == (STUCK, 1)
        last = team.log.last("a")
        assert last.reason == "processes that cannot be ended: 4711, 4712"
        assert last.last_exit is not None
        assert last.last_exit.signal == 9
        assert len([change for change in team.log.of("a") if change.state is STUCK]) == 1


async def test_a_stuck_tree_that_vanishes_frees_the_slot(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        process = team.last("a")
        process.leftovers = (4711, 4712)
        process.kill()
        await team.advance(3 * STUCK_RECHECK_S)
        process.leftovers = (4712,)
        await team.advance(STUCK_RECHECK_S)
        assert team.log.last("a").reason.endswith(": 4712")
        process.leftovers = ()
        await team.advance(STUCK_RECHECK_S)
        await team.advance(1.0)
        assert team.starts("a") == 2
        assert team.log.states("a") == ["starting", "stopping", "stuck", "pending", "starting"]


async def test_a_stuck_agent_is_looked_at_again_at_once_by_hand(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        process = team.last("a")
        process.leftovers = (4711,)
        process.kill()
        await team.settle()
        team.supervisor.restart("a")
        await team.settle()
        assert (team.state("a"), process.clearings) == (STUCK, 2)
        process.leftovers = ()
        team.supervisor.restart("a")
        await team.settle()
        assert team.starts("a") == 2


async def test_a_stuck_agent_does_not_hold_up_the_stop_of_the_rest(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b")) as team:
        team.last("b").leftovers = (4711,)
        team.last("b").kill()
        await team.settle()
        assert team.state("b") is STUCK
        await team.stop()
        assert (team.state("a"), team.state("b")) == (EXITED, STUCK)
        assert team.running.done()


async def test_an_agent_that_gets_stuck_by_the_stop_ends_it(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        team.last("a").leftovers = (1000,)
        await team.stop()
        assert team.state("a") is STUCK
        assert team.supervisor.all_settled


async def test_a_leader_that_dies_long_after_its_kill_is_still_its_slot_s(run_team: RunTeam) -> None:
    """A leader in D state: the stop reports it as left over, its exit comes later."""

    class Unkillable(PaperProcess):
        async def stop(self, ladder: StopLadder, *, now: bool = False) -> PaperTree:
            return PaperTree(leftovers=(self.pid,))

        async def clean_up(self) -> PaperTree:
            return PaperTree(leftovers=(self.pid,) if self.alive else ())

    async with run_team(child("a")) as team:
        process = team.last("a")
        process.__class__ = Unkillable
        team.supervisor.restart("a")
        await team.advance(60.0)
        last = team.log.last("a")
        assert (last.state, last.pid) == (STUCK, process.pid)
        process.kill()
        await team.advance(STUCK_RECHECK_S)
        assert team.starts("a") == 2


async def test_an_exit_told_after_the_tree_was_found_empty_ends_the_incarnation(run_team: RunTeam) -> None:
    class SilentEnd(PaperProcess):
        async def stop(self, ladder: StopLadder, *, now: bool = False) -> PaperTree:
            return PaperTree()

    async with run_team(child("a")) as team:
        process = team.last("a")
        process.__class__ = SilentEnd
        team.supervisor.stop_agent("a")
        await team.settle()
        assert team.state("a") is AgentState.STOPPING
        process.exit(0)
        await team.settle()
        assert team.state("a") is EXITED


async def test_an_ending_that_fails_leaves_the_slot_shut_not_the_team_dead(
    run_team: RunTeam, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(PaperProcess):
        async def clean_up(self) -> PaperTree:
            raise RuntimeError("bug in the runtime")

    async with run_team(child("a"), child("b")) as team:
        process = team.last("a")
        process.__class__ = Faulty
        process.kill()
        await team.advance(30.0)
        assert (team.state("a"), team.starts("a")) == (STUCK, 1)
        assert team.last("b").alive
    assert "could not end the process tree of a" in caplog.text


async def test_a_signal_without_a_name_is_told_by_its_number(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        team.last("a").kill(63)
        await team.settle()
        assert team.log.last("a").reason == "killed by signal 63"


# ---------------------------------------------------------------- the table


async def test_a_slot_moves_only_as_the_table_allows(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        with pytest.raises(WrongState, match="a cannot go from starting to pending"):
            team.slot("a")._move(AgentState.PENDING, "by mistake")
