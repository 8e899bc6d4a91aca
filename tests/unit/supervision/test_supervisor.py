"""The cases of OTP's supervisor suite that apply to one_for_one pools, under their names, and our own."""

from __future__ import annotations

import asyncio
import random

import pytest

from supervisor.errors import NotFound, WrongState
from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.branch import Restart
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.clock import VirtualClock
from supervisor.testing.processes import ChangeLog, PaperLauncher, cannot_start
from tests.unit.supervision.conftest import RunTeam, child

EXITED, PARKED, BACKOFF = AgentState.EXITED, AgentState.PARKED, AgentState.BACKOFF


# ---------------------------------------------------------------- start and stop


async def test_order_of_children(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b"), child("c")) as team:
        assert team.launcher.spawned == [("a", 1), ("b", 1), ("c", 1)]


async def test_pools_stop_in_reverse_start_order_and_the_agents_of_a_pool_at_once(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    pools = (child("p"), child("w-1", pool="w"), child("w-2", pool="w"), child("j"))
    async with run_team(*pools, launcher=launcher) as team:
        stopping = team.tasks.create_task(team.supervisor.stop())
        asked = []
        for agents in (["j"], ["w-1", "w-2"], ["p"]):
            await team.settle()
            asked.append([spec.name for spec in pools if team.last(spec.name).stops])
            for agent in agents:
                team.last(agent).exit(0)
        await team.settle()
        assert asked == [["j"], ["w-1", "w-2", "j"], ["p", "w-1", "w-2", "j"]]
        assert stopping.done()
        assert team.running.done()


async def test_a_stop_is_told_with_its_own_exit_class(run_team: RunTeam) -> None:
    async with run_team(child("a", restart=Restart.PERMANENT)) as team:
        await team.make_ready("a")
        await team.stop()
        last = team.log.last("a")
        assert last.last_exit is not None
        assert (last.state, last.last_exit.kind) == (EXITED, ExitClass.STOP_REQUESTED)
        assert team.log.states("a") == ["starting", "idle", "stopping", "exited"]
        assert team.starts("a") == 1


async def test_a_second_stop_is_immediate_for_all_that_is_left(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    async with run_team(child("a"), child("b"), launcher=launcher) as team:
        polite = team.tasks.create_task(team.supervisor.stop())
        await team.advance(30.0)
        assert not polite.done()
        await team.stop(now=True)
        assert polite.done()
        assert (team.last("a").stops, team.last("b").stops) == (["now"], ["politely", "now"])


async def test_a_repeated_order_to_stop_at_once_changes_nothing(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    async with run_team(child("a"), launcher=launcher) as team:
        team.supervisor.stop_agent("a")
        team.supervisor.stop_agent("a")
        await team.settle()
        await team.stop(now=True)
        await team.stop(now=True)
        assert team.last("a").stops == ["politely", "now"]


async def test_a_team_stopped_before_it_ran_starts_nothing() -> None:
    launcher = PaperLauncher()
    supervisor = Supervisor([child("a")], launcher, ChangeLog(), VirtualClock(), random.Random(1))
    await supervisor.stop()
    await supervisor.run()
    assert launcher.prepared == []


async def test_an_agent_stopped_before_the_team_ran_is_not_started_until_a_person_says_so() -> None:
    clock, launcher = VirtualClock(), PaperLauncher()
    supervisor = Supervisor([child("a"), child("b")], launcher, ChangeLog(), clock, random.Random(1))
    supervisor.stop_agent("a")
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run())
        await clock.settle()
        assert launcher.spawned == [("b", 1)]
        supervisor.restart("a")
        await clock.settle()
        assert launcher.spawned == [("b", 1), ("a", 1)]
        await supervisor.stop()


async def test_a_team_of_nobody_is_settled_and_ends_when_it_is_stopped() -> None:
    supervisor = Supervisor([], PaperLauncher(), ChangeLog(), VirtualClock(), random.Random(1))
    assert supervisor.all_settled
    await supervisor.settled()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run())
        await asyncio.sleep(0)
        await supervisor.stop()


async def test_scale_start_stop_many_children(run_team: RunTeam) -> None:
    agents = [child(f"w-{number}", pool="w") for number in range(300)]
    async with run_team(*agents) as team:
        assert len(team.launcher.spawned) == 300
        await team.stop()
        assert all(not processes[-1].alive for processes in team.launcher.processes.values())


# ---------------------------------------------------------------- restart types


@pytest.mark.parametrize(
    ("restart", "ending", "restarted"),
    [
        (Restart.PERMANENT, "normal", True),
        (Restart.PERMANENT, "abnormal", True),
        (Restart.PERMANENT, "killed", True),
        (Restart.TRANSIENT, "normal", False),
        (Restart.TRANSIENT, "abnormal", True),
        (Restart.TRANSIENT, "killed", True),
        (Restart.TEMPORARY, "normal", False),
        (Restart.TEMPORARY, "abnormal", False),
        (Restart.TEMPORARY, "killed", False),
    ],
)
async def test_permanent_transient_temporary(
    run_team: RunTeam, restart: Restart, ending: str, restarted: bool
) -> None:
    async with run_team(child("a", restart=restart)) as team:
        await team.make_ready("a")
        await team.advance(20.0)
        if ending == "killed":
            team.last("a").kill()
        else:
            team.last("a").exit({"normal": 0, "abnormal": 1}[ending])
        await team.advance(0.0)
        assert team.starts("a") == (2 if restarted else 1)
        kind = {"normal": ExitClass.OK, "abnormal": ExitClass.FAIL, "killed": ExitClass.SIGNAL}[ending]
        change = next(change for change in team.log.of("a") if change.last_exit is not None)
        assert change.last_exit is not None
        assert change.last_exit.kind is kind
        assert (team.state("a") is EXITED) is not restarted


@pytest.mark.parametrize("restart", Restart)
async def test_permanent_transient_temporary_shutdown(run_team: RunTeam, restart: Restart) -> None:
    async with run_team(child("a", restart=restart)) as team:
        team.supervisor.stop_agent("a")
        await team.advance(600.0)
        assert (team.state("a"), team.starts("a")) == (EXITED, 1)


async def test_temporary_bystander(run_team: RunTeam) -> None:
    async with run_team(child("crashing"), child("bystander", restart=Restart.TEMPORARY)) as team:
        team.last("crashing").kill()
        await team.advance(5.0)
        assert (team.starts("crashing"), team.starts("bystander")) == (2, 1)
        assert team.last("bystander").alive


async def test_an_exit_without_a_fault_is_told_as_ok(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        await team.make_ready("a")
        team.last("a").exit(0)
        await team.settle()
        last = team.log.last("a")
        assert last.last_exit is not None
        assert (last.state, last.pid, last.last_exit.kind) == (EXITED, None, ExitClass.OK)


# ---------------------------------------------------------------- intensity and backoff


async def test_one_for_one_escalation(run_team: RunTeam) -> None:
    async with run_team(child("a", intensity=2), child("b")) as team:
        for _ in range(3):
            team.last("a").kill(11)
            await team.advance(10.0)
        assert team.state("a") is PARKED
        assert team.supervisor.gave_up == ("a",)
        assert team.last("b").alive
        assert team.log.last("a").reason == (
            "gave up after more than 2 restarts in 120 s; the last: killed by SIGSEGV"
        )


async def test_multiple_restarts(run_team: RunTeam) -> None:
    async with run_team(child("a", intensity=3, period_s=60.0, start_timeout_s=1e6)) as team:
        for crashes in range(1, 21):
            team.last("a").kill()
            await team.advance(21.0 if crashes <= 3 else 72.0)
            assert team.starts("a") == crashes + 1
        assert team.supervisor.gave_up == ()


async def test_a_crash_loop_starts_at_most_six_times_and_then_gives_up(run_team: RunTeam) -> None:
    launcher = PaperLauncher(on_spawn=lambda agent, number, process: process.exit(1))
    async with run_team(child("a"), launcher=launcher) as team:
        await team.advance(3600.0)
        assert (team.starts("a"), team.state("a")) == (6, PARKED)


async def test_the_delays_of_a_crash_loop_grow_and_are_told(run_team: RunTeam) -> None:
    launcher = PaperLauncher(on_spawn=lambda agent, number, process: process.exit(1))
    async with run_team(child("a"), launcher=launcher) as team:
        await team.advance(3600.0)
        waits = [change.next_start_at for change in team.log.of("a") if change.state is BACKOFF]
        assert waits == [1.0, 3.0, 7.0, 15.0, 31.0]
        assert [change.restarts for change in team.log.of("a") if change.state is BACKOFF] == [1, 2, 3, 4, 5]


async def test_a_permanent_agent_that_ends_at_once_without_a_fault_backs_off_too(run_team: RunTeam) -> None:
    launcher = PaperLauncher(on_spawn=lambda agent, number, process: process.exit(0))
    async with run_team(child("a", restart=Restart.PERMANENT), launcher=launcher) as team:
        await team.advance(3600.0)
        assert (team.starts("a"), team.state("a")) == (6, PARKED)


async def test_the_first_restart_of_an_agent_that_had_worked_is_free(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        await team.make_ready("a")
        await team.advance(10.0)
        team.last("a").kill()
        await team.settle()
        assert team.starts("a") == 2


# ---------------------------------------------------------------- failed starts


async def test_a_failed_start_counts_for_intensity(run_team: RunTeam) -> None:
    launcher = PaperLauncher(failures={"a": cannot_start("no memory", permanent=False)})
    async with run_team(child("a"), launcher=launcher) as team:
        await team.advance(3600.0)
        assert (team.starts("a"), team.state("a")) == (6, PARKED)
        last = team.log.last("a")
        assert last.last_exit is not None
        assert (last.last_exit.kind, last.last_exit.detail) == (ExitClass.SPAWN_ERROR, "no memory")


async def test_a_permanent_spawn_error_parks_at_once(run_team: RunTeam) -> None:
    launcher = PaperLauncher(failures={"a": cannot_start("no program nope in PATH")})
    async with run_team(child("a"), child("b"), launcher=launcher) as team:
        assert (team.starts("a"), team.state("a")) == (1, PARKED)
        assert team.log.last("a").reason == "cannot be started: no program nope in PATH"
        assert team.log.states("a") == ["starting", "parked"]
        assert (team.supervisor.gave_up, team.last("b").alive) == (("a",), True)
        await team.advance(3600.0)
        assert team.starts("a") == 1


@pytest.mark.parametrize("fault", [cannot_start("no kit", permanent=False), ValueError("plug-in bug")])
async def test_a_start_that_cannot_be_prepared_is_tried_again(
    run_team: RunTeam, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    launcher = PaperLauncher(unpreparable={"a": fault})
    async with run_team(child("a"), launcher=launcher) as team:
        assert team.state("a") is BACKOFF
        launcher.unpreparable.clear()
        await team.advance(1.0)
        assert team.state("a") is AgentState.STARTING
    assert ("could not prepare a start of a" in caplog.text) is isinstance(fault, ValueError)


async def test_a_fault_of_an_adapter_is_its_agent_s_trouble_alone(
    run_team: RunTeam, caplog: pytest.LogCaptureFixture
) -> None:
    launcher = PaperLauncher(failures={"a": TypeError("plug-in bug")})
    async with run_team(child("a"), child("b"), launcher=launcher) as team:
        assert team.state("a") is BACKOFF
        assert "plug-in bug" in team.log.last("a").reason
        assert team.last("b").alive
    assert "could not start a" in caplog.text


async def test_a_preparation_that_hangs_is_a_failed_start(run_team: RunTeam) -> None:
    launcher = PaperLauncher()
    launcher.gate.clear()
    async with run_team(child("a", start_timeout_s=30.0), launcher=launcher) as team:
        await team.advance(30.0)
        assert team.state("a") is BACKOFF
        assert team.log.last("a").reason == "could not be prepared within 30 s"
        launcher.gate.set()
        await team.advance(1.0)
        assert team.launcher.prepared == [("a", 1)]
        assert team.state("a") is AgentState.STARTING


async def test_one_for_one_other_child_fails_restart(run_team: RunTeam) -> None:
    launcher = PaperLauncher()
    async with run_team(child("a"), child("b"), launcher=launcher) as team:
        launcher.failures["a"] = cannot_start(permanent=False)
        team.last("a").kill()
        await team.advance(1.0)
        team.last("b").kill()
        await team.advance(1.0)
        assert (team.state("a"), team.starts("b")) == (BACKOFF, 2)


# ---------------------------------------------------------------- limits of one incarnation


async def test_an_agent_that_is_not_ready_in_time_is_stopped_and_started_again(run_team: RunTeam) -> None:
    async with run_team(child("a", start_timeout_s=5.0)) as team:
        await team.advance(4.9)
        assert team.last("a").alive
        await team.advance(0.1)
        last = team.log.last("a")
        assert last.last_exit is not None
        assert (last.state, last.last_exit.kind) == (BACKOFF, ExitClass.START_TIMEOUT)
        assert last.reason == "not ready within 5 s"
        await team.advance(1.0)
        assert team.starts("a") == 2


async def test_a_ready_agent_has_no_start_timeout(run_team: RunTeam) -> None:
    async with run_team(child("a", start_timeout_s=5.0)) as team:
        await team.make_ready("a")
        await team.make_ready("a")
        await team.advance(600.0)
        assert team.state("a") is AgentState.IDLE
        assert team.log.states("a") == ["starting", "idle"]


async def test_an_agent_that_runs_too_long_is_stopped_whatever_it_does(run_team: RunTeam) -> None:
    async with run_team(child("a", max_runtime_s=3600.0)) as team:
        await team.make_ready("a")
        await team.advance(3600.0)
        ends = [change.last_exit.kind for change in team.log.of("a") if change.last_exit]
        assert ends[0] is ExitClass.RUNTIME_CAP
        assert team.starts("a") == 2


# ---------------------------------------------------------------- orders of a person


async def test_a_parked_agent_is_started_by_hand_with_a_clean_record(run_team: RunTeam) -> None:
    async with run_team(child("a", intensity=1)) as team:
        for _ in range(2):
            team.last("a").kill()
            await team.advance(5.0)
        assert team.state("a") is PARKED
        team.supervisor.restart("a")
        await team.settle()
        assert team.starts("a") == 3
        team.last("a").kill()
        await team.settle()
        assert team.log.last("a").next_start_at == team.clock.now() + 1.0


async def test_a_running_agent_is_restarted_by_hand_without_counting(run_team: RunTeam) -> None:
    async with run_team(child("a", intensity=0)) as team:
        await team.make_ready("a")
        team.supervisor.restart("a")
        await team.settle()
        assert (team.starts("a"), team.state("a")) == (2, AgentState.STARTING)
        last = team.log.last("a")
        assert last.last_exit is not None
        assert (last.restarts, last.last_exit.kind) == (0, ExitClass.STOP_REQUESTED)


@pytest.mark.parametrize("rest", ["exited", "backoff"])
async def test_a_resting_or_waiting_agent_starts_at_once_by_hand(run_team: RunTeam, rest: str) -> None:
    async with run_team(child("a")) as team:
        team.last("a").exit(0 if rest == "exited" else 1)
        await team.settle()
        assert team.state("a") == rest
        team.supervisor.restart("a")
        await team.settle()
        assert team.starts("a") == 2
        await team.advance(30.0)
        assert team.starts("a") == 2


async def test_an_agent_stopped_by_hand_stays_down_until_it_is_restarted(run_team: RunTeam) -> None:
    async with run_team(child("a", restart=Restart.PERMANENT)) as team:
        team.supervisor.stop_agent("a")
        await team.advance(3600.0)
        assert (team.state("a"), team.starts("a")) == (EXITED, 1)
        team.supervisor.restart("a")
        await team.settle()
        assert team.starts("a") == 2


async def test_a_parked_agent_can_be_laid_to_rest_but_a_stop_of_the_team_leaves_it_visible(
    run_team: RunTeam,
) -> None:
    launcher = PaperLauncher(failures={"a": cannot_start(), "b": cannot_start()})
    async with run_team(child("a"), child("b"), launcher=launcher) as team:
        team.supervisor.stop_agent("a")
        await team.settle()
        await team.stop()
        assert (team.state("a"), team.state("b")) == (EXITED, PARKED)
        assert team.supervisor.gave_up == ("b",)


async def test_orders_that_make_no_sense_are_refused(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        for order in (team.supervisor.restart, team.supervisor.stop_agent, team.supervisor.state_of):
            with pytest.raises(NotFound, match="`stranger`"):
                order("stranger")
        await team.stop()
        with pytest.raises(WrongState, match="stopping"):
            team.supervisor.restart("a")


# ---------------------------------------------------------------- settled


async def test_a_team_is_settled_when_all_are_exited_or_parked_and_no_more_once_one_starts(
    run_team: RunTeam,
) -> None:
    launcher = PaperLauncher(failures={"b": cannot_start()})
    async with run_team(child("a"), child("b"), launcher=launcher) as team:
        waiting = team.tasks.create_task(team.supervisor.settled())
        await team.settle()
        assert not waiting.done()
        team.last("a").exit(0)
        await team.settle()
        assert waiting.done()
        assert team.supervisor.all_settled
        team.supervisor.restart("a")
        await team.settle()
        assert not team.supervisor.all_settled


async def test_count_restarting_children(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b")) as team:
        team.last("a").kill()
        team.last("b").exit(0)
        await team.settle()
        assert (team.state("a"), team.state("b")) == (BACKOFF, EXITED)
        assert not team.supervisor.all_settled


# ---------------------------------------------------------------- over engine restarts


async def test_a_wait_goes_on_over_a_restart_of_the_engine(run_team: RunTeam) -> None:
    clock = VirtualClock(now=100.0, monotonic=0.0)
    async with run_team(child("a"), clock=clock, restore=[("a", 104.0, 3)]) as team:
        first = team.log.last("a")
        assert (first.state, first.next_start_at, first.restarts) == (BACKOFF, 104.0, 3)
        await team.advance(3.9)
        assert team.starts("a") == 0
        await team.advance(0.1)
        assert team.starts("a") == 1
        team.last("a").kill()
        await team.settle()
        assert team.log.last("a").next_start_at == 112.0
        assert team.log.last("a").restarts == 4


async def test_a_wait_that_is_over_when_the_engine_comes_back_is_not_waited_again(run_team: RunTeam) -> None:
    clock = VirtualClock(now=100.0, monotonic=0.0)
    async with run_team(child("a"), clock=clock, restore=[("a", 99.0, 3)]) as team:
        assert team.starts("a") == 1


async def test_a_clock_set_back_a_day_makes_no_wait_longer_than_the_cap(run_team: RunTeam) -> None:
    clock = VirtualClock(now=100.0, monotonic=0.0)
    async with run_team(child("a"), clock=clock, restore=[("a", 86_500.0, 3)]) as team:
        await team.advance(60.0)
        assert team.starts("a") == 1


async def test_an_agent_that_was_not_waiting_only_keeps_its_count(run_team: RunTeam) -> None:
    async with run_team(child("a"), restore=[("a", None, 9)]) as team:
        assert (team.starts("a"), team.log.last("a").restarts) == (1, 9)
        team.last("a").kill()
        await team.settle()
        assert team.log.last("a").next_start_at == 1.0


async def test_an_agent_that_had_finished_under_a_former_engine_rests_and_nothing_is_told_of_it(
    run_team: RunTeam,
) -> None:
    async with run_team(child("a"), child("b"), at_rest=[("a", 4)]) as team:
        await team.advance(600.0)
        assert (team.state("a"), team.starts("a"), team.log.of("a")) == (EXITED, 0, [])
        team.supervisor.restart("a")
        await team.settle()
        assert team.log.of("a")[0].incarnation == 4
        assert team.log.states("a") == ["pending", "starting"]


async def test_a_team_of_which_all_had_finished_is_settled_from_the_start(run_team: RunTeam) -> None:
    async with run_team(child("a"), at_rest=[("a", 1)]) as team:
        assert team.supervisor.all_settled


async def test_a_restored_agent_keeps_the_number_and_the_ending_of_its_last_incarnation() -> None:
    clock, log = VirtualClock(now=0.0), ChangeLog()
    supervisor = Supervisor([child("a")], PaperLauncher(), log, clock, random.Random(1))
    lost = ExitInfo(kind=ExitClass.ENGINE_LOST)
    supervisor.restore("a", 5.0, 2, incarnation=3, last_exit=lost)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run())
        await clock.settle()
        first = log.last("a")
        assert (first.state, first.incarnation, first.last_exit) == (BACKOFF, 3, lost)
        await supervisor.stop()


async def test_a_jump_of_the_wall_clock_moves_no_start(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        team.last("a").kill()
        await team.settle()
        team.clock.jump(86_400.0)
        await team.advance(0.9)
        assert team.starts("a") == 1
        await team.advance(0.1)
        assert team.starts("a") == 2


async def test_a_cancelled_run_does_not_leave_a_stop_hanging() -> None:
    clock = VirtualClock()
    supervisor = Supervisor([child("a")], PaperLauncher(), ChangeLog(), clock, random.Random(1))
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(supervisor.run())
        await clock.settle()
        running.cancel()
        await clock.settle()
        assert running.cancelled()
        await supervisor.stop()
