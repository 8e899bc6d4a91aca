"""What the engine gathers of an agent, what it stores of a verdict, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from supervisor.coordinator import agents, approvals, questions, shifting
from supervisor.engine.oversight import Bench
from supervisor.engine.steady_clock import SteadyClock
from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.health import Liveness, StallLimits
from supervisor.model.question import QuestionState
from supervisor.supervision.notices import Condemned
from supervisor.testing.small_team import SmallTeam, small_team
from tests.unit.engine.oversight_stage import NAME, PID, oversight_stage

SHORT = StallLimits(stalled_s=60.0, quiet_s=30.0, window_s=10.0)


async def test_an_agent_that_dies_with_work_in_hand_is_told_of_with_all_evidence(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path) as stage:
        await stage.take_work()
        await stage.wait(5)
        stage.writes()
        before = await stage.agent()
        await stage.wait(595)
        assert (await stage.agent()).liveness is Liveness.QUIET
        await stage.wait(10)
        after = await stage.agent()
        assert after.liveness is Liveness.STALLED
        assert after == replace(before, liveness=after.liveness, liveness_why=after.liveness_why)
        for phrase in ("no output for 10 min", "never called", "in no tool", "CPU 0.0 %", "work in hand"):
            assert phrase in after.liveness_why
        events = await stage.told()
        assert [event.after["liveness"] for event in events] == ["quiet", "stalled"]
        assert events[-1].reason == after.liveness_why
        assert {event.actor for event in events} == {"supervisor"}


async def test_an_agent_without_work_is_never_stalled(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path) as stage:
        await stage.wait(1500)
        assert (await stage.agent()).liveness is Liveness.OK
        assert await stage.told() == []


async def test_calls_keep_an_agent_alive_and_a_held_one_for_as_long_as_it_lasts(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path, SHORT) as stage:
        await stage.take_work()
        actor = stage.team[NAME]
        with stage.door.during(actor, "wait"):
            await stage.wait(200)
            assert (await stage.why())["verdict"]["evidence"] == ["it waits at our door"]
        with stage.door.during(actor, "heartbeat"), stage.door.during(actor, "task_progress"):
            await stage.wait(100)
            assert "in a tool" in (await stage.why())["verdict"]["evidence"][0]
        await stage.wait(59)
        assert (await stage.agent()).liveness is Liveness.QUIET
        with stage.door.during(actor, "heartbeat"):
            pass
        await stage.wait(20)
        assert (await stage.agent()).liveness is Liveness.OK
        await stage.wait(60)
        assert (await stage.agent()).liveness is Liveness.STALLED


async def test_calls_of_a_former_incarnation_do_not_count(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path) as stage:
        with stage.door.during(stage.team[NAME], "whoami"):
            pass
        stage.staff.live[NAME].started_at = stage.clock.monotonic() + 1
        await stage.take_work()
        await stage.wait(5)
        assert "never called" in (await stage.why())["verdict"]["evidence"]


async def test_who_asked_a_person_waits_and_is_left_alone(tmp_path: Path) -> None:
    async def ask_before(team: SmallTeam) -> None:
        await team.do(lambda scope: questions.ask(scope, team[NAME], question="which?", timeout_s=3600))
        await team.do(
            lambda scope: approvals.request(scope, team[NAME], kind="x", title="t", payload={}, tier=1)
        )

    async with oversight_stage(tmp_path, SHORT, before=ask_before) as stage:
        await stage.take_work()
        await stage.wait(200)
        assert (await stage.agent()).liveness is Liveness.WAITING
        asked = await stage.team.do(
            lambda scope: questions.ask(scope, stage.team[NAME], question="and?", timeout_s=3600)
        )
        for number in ("Q1", asked.id):
            answer = partial(questions.answer, spelled=number, answer="b", choice=None)
            assert (await stage.team.do(answer)).state is QuestionState.ANSWERED
        await stage.wait(5)
        assert (await stage.agent()).liveness is Liveness.WAITING
        pending = await stage.team.coordinator.read(lambda scope: scope.tx.all("approval.pending"))
        await stage.team.do(
            lambda scope: approvals.answer(scope, "A1", digest=pending[0]["digest"], allow=True)
        )
        await stage.wait(5)
        assert (await stage.agent()).liveness is Liveness.OK


async def test_a_stopped_leader_is_frozen_unless_a_person_paused_it(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path) as stage:
        stage.uses(is_stopped=True)
        await stage.wait(5)
        assert (await stage.agent()).liveness is Liveness.FROZEN
        stage.supervisor.pause(NAME)
        await stage.wait(5)
        assert (await stage.agent()).liveness is Liveness.OK
        assert (await stage.why())["verdict"]["evidence"] == ["paused by a person"]
        stage.supervisor.resume(NAME)
        stage.uses(is_stopped=False)
        await stage.wait(5)
        assert [event.after["liveness"] for event in await stage.told()] == ["frozen", "ok"]


async def test_a_tool_in_a_process_of_its_own_is_told_from_a_helper(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path, SHORT) as stage:
        stage.uses(pids=(PID, 501))
        await stage.wait(5)
        await stage.take_work()
        stage.uses(pids=(PID, 501, 502))
        await stage.wait(200)
        assert (await stage.agent()).liveness is Liveness.QUIET
        assert "1 child processes at work" in (await stage.why())["verdict"]["evidence"]
        stage.uses(pids=(PID, 501))
        await stage.wait(65)
        assert (await stage.agent()).liveness is Liveness.STALLED


async def test_cpu_keeps_an_agent_alive(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path, SHORT) as stage:
        await stage.take_work()
        stage.uses(cpu_s=0.3, cpu_percent=30.0)
        await stage.wait(300)
        assert (await stage.agent()).liveness is Liveness.QUIET
        stage.uses(cpu_s=1.0, cpu_percent=100.0)
        await stage.wait(30)
        assert (await stage.agent()).liveness is Liveness.SPINNING


async def test_what_an_adapter_hears_counts(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path, replace(SHORT, tool_s=100.0)) as stage:
        stage.oversight.heard_event("nobody")
        stage.oversight.heard_tool("nobody", runs=True)
        stage.oversight.heard_limit("nobody", 5)
        await stage.take_work()
        await stage.wait(50)
        stage.oversight.heard_event(NAME)
        await stage.wait(25)
        assert (await stage.agent()).liveness is Liveness.OK
        stage.oversight.heard_tool(NAME, runs=True)
        await stage.wait(90)
        assert (await stage.agent()).liveness is Liveness.OK
        await stage.wait(15)
        assert (await stage.agent()).liveness is Liveness.OVERDUE
        stage.oversight.heard_tool(NAME, runs=False)
        stage.oversight.heard_limit(NAME, 300)
        await stage.wait(290)
        assert (await stage.agent()).liveness is Liveness.LIMITED
        await stage.wait(15)
        assert (await stage.agent()).liveness is Liveness.OK


async def test_another_process_is_judged_for_itself(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path) as stage:
        stage.uses(is_stopped=True)
        await stage.wait(5)
        stage.staff.live[NAME] = SimpleNamespace(
            pid=900, started_at=stage.clock.monotonic(), last_output_at=None
        )
        stage.oversight.look()
        assert stage.oversight.opinion(NAME) is None
        stage.uses(is_stopped=False, pids=(900,))
        await stage.wait(2)
        opinion = stage.oversight.opinion(NAME)
        assert opinion is not None
        assert opinion.verdict.liveness is Liveness.OK


async def test_an_agent_that_left_the_team_is_nobodys_business(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path) as stage:
        stage.staff.live["worker-99"] = SimpleNamespace(pid=7, started_at=0.0, last_output_at=None)
        stage.staff.live["stranger"] = stage.staff.live["worker-99"]
        stage.oversight.look()
        assert stage.oversight.opinion("stranger") is None
        gone = Condemned(incarnation=1, cause=ExitClass.STALLED, detail="d")
        Bench(stage.supervisor).condemn("stranger", gone)
        del stage.staff.live["worker-99"], stage.staff.live["stranger"]


async def test_a_gap_in_time_gives_everybody_one_more_threshold(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path, SHORT) as stage:
        await stage.take_work()
        await stage.wait(65)
        assert (await stage.agent()).liveness is Liveness.STALLED
        await stage.team.do(lambda scope: shifting.pass_over_gap(scope, seconds=3600, asleep_s=3600))
        await stage.wait(5)
        assert (await stage.agent()).liveness is Liveness.OK
        await stage.wait(60)
        assert (await stage.agent()).liveness is Liveness.STALLED


async def test_a_stall_is_acted_on_without_a_person_and_told_step_by_step(tmp_path: Path) -> None:
    limits = replace(SHORT, nudge_after_s=20.0, interrupt_after_s=40.0, restart_after_s=60.0)
    async with oversight_stage(tmp_path, limits) as stage:
        await stage.take_work()
        await stage.wait(85)
        (urged,) = await stage.told("agent.urged")
        assert urged.reason == "nudge skipped: there is no way to remind an agent of its kind"
        assert urged.after["liveness_why"].endswith(urged.reason)
        assert [each["step"] for each in (await stage.why())["ladder"]["done"]] == ["nudge"]
        await stage.wait(40)
        assert stage.supervisor.state_of(NAME) in {
            AgentState.STOPPING,
            AgentState.BACKOFF,
            AgentState.STARTING,
        }
        assert len(await stage.told("agent.urged")) == 3


async def test_with_a_person_in_front_it_is_only_told(tmp_path: Path) -> None:
    limits = replace(SHORT, nudge_after_s=20.0, restart_after_s=30.0)
    async with oversight_stage(tmp_path, limits, attended=True) as stage:
        await stage.take_work()
        await stage.wait(300)
        assert stage.supervisor.state_of(NAME) is AgentState.IDLE
        assert (await stage.told("agent.urged"), len(await stage.told())) == ([], 2)
        why = await stage.why()
        assert (why["ladder"]["action"], why["ladder"]["next"]) == ("notify", None)
        assert "a person was told" in why["reasons"][1]["detail"]


async def test_a_verdict_on_one_that_is_gone_is_dropped(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:

        async def judged(name: str, incarnation: int) -> object:
            return await team.do(
                lambda scope: agents.judged(
                    scope, name, incarnation, liveness=Liveness.STALLED, why="no output"
                )
            )

        assert await judged("nobody", 1) is None
        assert await judged(NAME, 2) is None
        await team.crash(NAME)
        assert await judged(NAME, 1) is None
        assert [event for event in await team.events() if event.kind == "agent.judged"] == []


async def test_an_ended_incarnation_takes_its_verdict_with_it(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path) as stage:
        stage.uses(is_stopped=True)
        await stage.wait(5)
        assert (await stage.agent()).liveness is Liveness.FROZEN
        await stage.team.crash(NAME)
        after = await stage.agent()
        assert (after.liveness, after.liveness_why) == (Liveness.OK, "")


async def test_a_set_wall_clock_changes_nothing(tmp_path: Path) -> None:
    async with oversight_stage(tmp_path, seen_by=SteadyClock) as stage:
        await stage.take_work()
        await stage.wait(5)
        stage.writes()
        stage.team.clock.jump(86_400)
        await stage.wait(110)
        stage.team.clock.jump(-3600)
        await stage.wait(5)
        assert (await stage.agent()).liveness is Liveness.OK
