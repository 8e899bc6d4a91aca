"""What persons order of one agent: pause, resume, drain, kill; what others condemn; what exit codes mean."""

from __future__ import annotations

import pytest

from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.branch import AutoShutdown, BranchSpec, OnFailed, Restart
from supervisor.model.team import Backoff
from supervisor.supervision.notices import Condemned
from supervisor.supervision.supervisor import TeamOver
from supervisor.testing.processes import PaperLauncher
from tests.unit.supervision.conftest import RunTeam, Team, child

EXITED, PARKED, BACKOFF, PAUSED, DRAINING, IDLE, STARTING, STOPPING, STUCK = (
    AgentState.EXITED,
    AgentState.PARKED,
    AgentState.BACKOFF,
    AgentState.PAUSED,
    AgentState.DRAINING,
    AgentState.IDLE,
    AgentState.STARTING,
    AgentState.STOPPING,
    AgentState.STUCK,
)


# ---------------------------------------------------------------- pause and resume


async def test_a_paused_agent_is_frozen_and_goes_on_where_it_was(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        await team.make_ready("a")
        for _ in range(2):
            team.supervisor.pause("a")
            await team.settle()
            assert (team.state("a"), team.last("a").frozen) == (PAUSED, True)
        team.supervisor.resume("a")
        await team.settle()
        assert (team.state("a"), team.last("a").frozen) == (IDLE, False)
        assert team.log.states("a") == ["starting", "idle", "paused", "idle"]


async def test_the_time_to_get_ready_stands_still_while_an_agent_is_paused(run_team: RunTeam) -> None:
    async with run_team(child("a", start_timeout_s=30.0)) as team:
        await team.advance(20.0)
        team.supervisor.pause("a")
        await team.advance(600.0)
        assert team.state("a") is PAUSED
        team.supervisor.resume("a")
        await team.advance(29.0)
        assert team.state("a") is STARTING
        await team.advance(1.0)
        assert team.state("a") is BACKOFF


async def test_an_agent_that_drains_drains_on_after_a_pause(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        await team.make_ready("a")
        team.supervisor.drain("a")
        team.supervisor.pause("a")
        await team.settle()
        assert team.state("a") is PAUSED
        team.supervisor.resume("a")
        await team.settle()
        assert team.state("a") is DRAINING
        team.supervisor.drained("a")
        await team.settle()
        assert team.state("a") is EXITED


async def test_an_agent_that_waits_is_paused_and_starts_when_it_is_resumed(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        team.last("a").kill()
        await team.settle()
        team.supervisor.pause("a")
        await team.advance(600.0)
        assert (team.state("a"), team.starts("a")) == (PAUSED, 1)
        team.supervisor.resume("a")
        await team.settle()
        assert team.starts("a") == 2


async def test_an_agent_that_is_being_prepared_is_frozen_as_soon_as_it_lives(run_team: RunTeam) -> None:
    launcher = PaperLauncher()
    launcher.gate.clear()
    async with run_team(child("a"), launcher=launcher) as team:
        team.supervisor.pause("a")
        await team.settle()
        launcher.gate.set()
        await team.settle()
        assert (team.state("a"), team.last("a").frozen) == (PAUSED, True)


@pytest.mark.parametrize("order", ["pause", "resume", "drained"])
async def test_orders_that_mean_nothing_to_an_agent_change_nothing(run_team: RunTeam, order: str) -> None:
    async with run_team(child("a")) as team:
        if order == "pause":
            team.supervisor.stop_agent("a")
            await team.settle()
        before = team.state("a")
        getattr(team.supervisor, order)("a")
        await team.settle()
        assert (team.state("a"), team.last("a").frozen) == (before, False)


async def test_an_agent_that_is_being_stopped_is_not_paused(run_team: RunTeam) -> None:
    async with run_team(child("a"), launcher=PaperLauncher(obeys=False)) as team:
        team.supervisor.stop_agent("a")
        team.supervisor.pause("a")
        await team.settle()
        assert (team.state("a"), team.last("a").frozen) == (STOPPING, False)


async def test_a_process_that_cannot_be_frozen_is_told_of_and_stays_paused(
    run_team: RunTeam, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise PermissionError("not ours")

    async with run_team(child("a")) as team:
        monkeypatch.setattr(team.last("a"), "freeze", fail)
        monkeypatch.setattr(team.last("a"), "thaw", fail)
        team.supervisor.pause("a")
        await team.settle()
        team.supervisor.resume("a")
        await team.settle()
        assert team.state("a") is STARTING
    assert "could not pause a" in caplog.text
    assert "could not resume a" in caplog.text


# ---------------------------------------------------------------- drain, stop, kill


async def test_an_agent_that_has_nothing_is_stopped_instead_of_drained(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b")) as team:
        team.last("b").kill()
        team.supervisor.drain("a")
        team.supervisor.drain("b")
        await team.settle()
        assert (team.state("a"), team.state("b")) == (EXITED, EXITED)


async def test_a_paused_agent_goes_on_to_drain(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        await team.make_ready("a")
        team.supervisor.pause("a")
        team.supervisor.drain("a")
        team.supervisor.drain("a")
        await team.settle()
        assert (team.state("a"), team.last("a").frozen, team.last("a").stops) == (DRAINING, False, [])


async def test_an_agent_that_is_being_stopped_does_not_drain(run_team: RunTeam) -> None:
    async with run_team(child("a"), launcher=PaperLauncher(obeys=False)) as team:
        await team.make_ready("a")
        team.supervisor.stop_agent("a")
        team.supervisor.drain("a")
        await team.settle()
        assert team.state("a") is STOPPING


async def test_an_agent_that_ends_while_it_drains_is_not_started_again(run_team: RunTeam) -> None:
    async with run_team(child("a", restart=Restart.PERMANENT)) as team:
        await team.make_ready("a")
        team.supervisor.drain("a")
        await team.settle()
        team.last("a").kill()
        await team.advance(600.0)
        assert (team.state("a"), team.starts("a")) == (EXITED, 1)


async def test_a_kill_does_not_ask_and_lays_a_parked_agent_to_rest(run_team: RunTeam) -> None:
    async with run_team(child("a"), child("b", intensity=0), launcher=PaperLauncher(obeys=False)) as team:
        team.last("b").kill()
        await team.settle()
        for agent in "ab":
            team.supervisor.kill(agent)
        await team.settle()
        assert (team.last("a").stops, team.state("a"), team.state("b")) == (["now"], EXITED, EXITED)


# ---------------------------------------------------------------- condemned


async def test_a_condemned_agent_ends_with_its_cause_and_is_judged_by_it(run_team: RunTeam) -> None:
    async with run_team(child("a", intensity=1)) as team:
        stalled = Condemned(incarnation=1, cause=ExitClass.STALLED, detail="nothing moves")
        team.supervisor.condemn("a", stalled)
        team.supervisor.condemn("a", stalled)
        await team.settle()
        last = team.log.last("a")
        assert last.last_exit is not None
        assert (last.state, last.last_exit.kind, last.reason) == (BACKOFF, ExitClass.STALLED, "nothing moves")
        await team.advance(1.0)
        team.supervisor.condemn("a", stalled)
        await team.settle()
        assert team.last("a").alive
        team.supervisor.condemn("a", Condemned(incarnation=2, cause=ExitClass.PROBE, detail="no answer"))
        await team.settle()
        assert team.state("a") is PARKED


async def test_a_rate_limit_is_waited_out_and_counts_nowhere(run_team: RunTeam) -> None:
    async with run_team(child("a", intensity=0, backoff=Backoff(jitter=0.0))) as team:
        limited = Condemned(incarnation=1, cause=ExitClass.RATE_LIMITED, detail="429", retry_after_s=40.0)
        team.supervisor.condemn("a", limited)
        await team.advance(39.0)
        assert (team.state("a"), team.starts("a")) == (BACKOFF, 1)
        await team.advance(1.0)
        assert team.starts("a") == 2


async def test_a_login_that_does_not_work_parks_at_once(run_team: RunTeam) -> None:
    async with run_team(child("a")) as team:
        team.supervisor.condemn("a", Condemned(incarnation=1, cause=ExitClass.AUTH, detail="401"))
        await team.settle()
        assert (team.state("a"), team.log.last("a").reason) == (PARKED, "its login does not work: 401")


# ---------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    ("code", "restart", "restarted", "kind"),
    [
        (0, Restart.TRANSIENT, False, ExitClass.OK),
        (3, Restart.TRANSIENT, False, ExitClass.OK),
        (1, Restart.TRANSIENT, True, ExitClass.FAIL),
        (75, Restart.TRANSIENT, False, ExitClass.FAIL),
        (75, Restart.PERMANENT, False, ExitClass.FAIL),
        (42, Restart.TEMPORARY, True, ExitClass.FAIL),
    ],
)
async def test_an_exit_code_may_decide_alone(
    run_team: RunTeam, code: int, restart: Restart, restarted: bool, kind: ExitClass
) -> None:
    codes = {"success_codes": (0, 3), "no_restart_codes": (75,), "force_restart_codes": (42,)}
    async with run_team(child("a", restart=restart, **codes)) as team:
        team.last("a").exit(code)
        await team.advance(1.0)
        assert team.starts("a") == 1 + restarted
        ends = [change.last_exit for change in team.log.of("a") if change.last_exit is not None]
        assert ends[0].kind is kind


# ---------------------------------------------------------------- what is shown


async def test_what_is_under_way_is_described(run_team: RunTeam) -> None:
    async with run_team(child("a", intensity=0), child("b")) as team:
        assert set(team.supervisor.describe()) == {"a", "b"}
        assert "starting, incarnation 1" in team.supervisor.describe()["b"]
        team.last("b").leftovers = (4711,)
        for agent in "ab":
            team.last(agent).kill()
        await team.settle()
        assert team.supervisor.stuck == ("b",)
        assert team.supervisor.stranded == ()
        assert team.supervisor.why_nobody_comes == "a gave up"


# ---------------------------------------------------------------- ends that are not judged any more


async def fall_with(run_team: RunTeam, how: str) -> tuple[Team, TeamOver | None]:
    """Let something end in a team that falls already, before it is told so."""
    inner = BranchSpec(name="inner", on_failed=OnFailed.SHUTDOWN)
    agents = (
        child("early", significant=True),
        child("deep", branch="inner", intensity=0),
        child("slow"),
        child("x", intensity=0),
    )
    top = BranchSpec(on_failed=OnFailed.SHUTDOWN, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
    launcher = PaperLauncher(obeys=False)
    async with run_team(*agents, top=top, branches=(inner,), launcher=launcher) as team:
        team.last("x").kill()
        await team.settle()
        assert team.last("slow").stops == ["politely"]
        if how == "branch":
            team.last("deep").kill()
        else:
            team.last("early").exit(0)
        await team.settle()
        team.last("slow").exit(0)
        await team.settle()
        for agent in ("deep", "early"):
            team.last(agent).exit(0)
            await team.settle()
        return team, team.supervisor.over


@pytest.mark.parametrize("how", ["branch", "agent"])
async def test_a_team_that_falls_asks_for_no_further_reason(run_team: RunTeam, how: str) -> None:
    team, over = await fall_with(run_team, how)
    assert over == TeamOver(failed=True, words="the team ended: x gave up")
    assert all(team.starts(agent) == 1 for agent in ("early", "deep", "slow", "x"))
