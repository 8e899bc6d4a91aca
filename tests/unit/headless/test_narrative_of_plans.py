"""Plans in sentences: retries, holds, waves, milestones, agents set aside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.headless.narrative import sentence
from supervisor.model.ids import MilestoneId
from supervisor.model.milestone import Milestone, MilestoneKind, MilestoneState
from supervisor.model.task import BlockReason, TaskState
from supervisor.model.world import World
from supervisor.testing.scripted_team import BEGIN, ScriptedTeam

PLAN = Milestone(id=MilestoneId("P1"), run=1, name="Spring\x1b[2J", kind=MilestoneKind.SPRINT)


def last(team: ScriptedTeam) -> str | None:
    """Tell the last event."""
    world = World()
    for event in team.events[:-1]:
        world.apply(event)
    return sentence(team.events[-1], world)


@pytest.fixture
def team() -> ScriptedTeam:
    scripted = ScriptedTeam()
    scripted.start_run()
    scripted.agent("worker-1")
    scripted.task("measure")
    scripted.change_task(
        "T1", "task.claimed", actor="worker-1", state=TaskState.IN_PROGRESS, holder="worker-1"
    )
    return scripted


def test_a_failure_that_is_tried_again_says_when_and_why(team: ScriptedTeam) -> None:
    team.change_task(
        "T1",
        "task.retried",
        actor="worker-1",
        state=TaskState.BLOCKED,
        blocked_by=(BlockReason.BACKOFF,),
        holder=None,
        failures=1,
        not_before=BEGIN + len(team.events) + 1 + 30,
        feedback="no compiler",
    )
    assert last(team) == "T1 measure failed 1 of 3 times, is tried again in 30 s: no compiler"


def test_a_crash_that_is_tried_again_at_once_says_so(team: ScriptedTeam) -> None:
    team.change_task(
        "T1",
        "task.retried",
        actor="supervisor",
        reason="died",
        state=TaskState.PENDING,
        holder=None,
        failures=1,
    )
    assert last(team) == "T1 measure failed 1 of 3 times, is tried again: died"


def test_holds_are_told_whatever_the_task_waited_for_before(team: ScriptedTeam) -> None:
    held = {"state": TaskState.BLOCKED, "block_note": "later"}
    team.change_task("T1", "task.blocked", actor="human", blocked_by=(BlockReason.HOLD,), **held)
    assert last(team) == "human holds T1 measure: later"
    team.change_task("T1", "task.ready", actor="human", state=TaskState.PENDING, blocked_by=(), block_note="")
    assert last(team) == "human freed T1 measure"

    team.change_task(
        "T1", "task.blocked", actor="planner", state=TaskState.BLOCKED, blocked_by=(BlockReason.DEPENDENCY,)
    )
    assert last(team) == "T1 measure is blocked: dependency"
    both = (BlockReason.DEPENDENCY, BlockReason.HOLD)
    team.change_task("T1", "task.blocked", actor="human", blocked_by=both, block_note="later")
    assert last(team) == "human holds T1 measure: later"
    team.change_task("T1", "task.blocked", actor="human", blocked_by=(BlockReason.DEPENDENCY,))
    assert last(team) == "human let T1 measure go"
    team.change_task("T1", "task.ready", actor="supervisor", state=TaskState.PENDING, blocked_by=())
    assert last(team) is None


def test_what_waits_for_a_person_says_for_what(team: ScriptedTeam) -> None:
    team.change_task(
        "T1",
        "task.blocked",
        actor="worker-1",
        state=TaskState.BLOCKED,
        blocked_by=(BlockReason.NEEDS_HUMAN,),
        block_note="which port?",
    )
    assert last(team) == "T1 measure is blocked: needs human: which port?"


def test_an_agent_set_aside_and_brought_back_is_told_with_the_command(team: ScriptedTeam) -> None:
    team.agent("worker-1", quarantined="3 failures within an hour")
    assert last(team) == (
        "worker-1 is quarantined: 3 failures within an hour; "
        "let it claim again: supervisor agent release worker-1"
    )
    team.agent("worker-1", quarantined="")
    assert last(team) == "worker-1 may claim again"


def test_the_end_of_a_wave_is_told_with_the_task_that_ended_it(team: ScriptedTeam) -> None:
    for title, state in (
        ("one", TaskState.SKIPPED),
        ("two", TaskState.PENDING),
        ("three", TaskState.PENDING),
    ):
        team.task(title, milestone="P1", wave=1, state=state)
    team.task("next", milestone="P1", wave=2)

    team.change_task("T3", "task.done", actor="worker-1", state=TaskState.DONE)
    assert last(team) == "worker-1 completed T3 two"
    team.change_task("T4", "task.failed", actor="worker-1", reason="broke", state=TaskState.FAILED)
    assert last(team) == "T4 three failed: broke"
    team.change_task("T4", "task.cancelled", actor="human", reason="moot", state=TaskState.CANCELLED)
    assert last(team) == "human cancelled T4 three: moot; wave 1 of P1 has ended"


def test_the_way_of_a_milestone_is_told(team: ScriptedTeam) -> None:
    team.record("milestone.created", PLAN, actor="planner")
    assert last(team) == "planner created the sprint P1 Spring\\x1b[2J"
    done = replace(PLAN, state=MilestoneState.DONE)
    team.record("milestone.done", done, reason="all its tasks have ended")
    assert last(team) == "P1 Spring\\x1b[2J is done"
    team.record("milestone.reopened", PLAN, reason="T9 is open")
    assert last(team) == "P1 Spring\\x1b[2J is open again"
    team.record(
        "milestone.cancelled", replace(PLAN, state=MilestoneState.CANCELLED), actor="human", reason="moot"
    )
    assert last(team) == "P1 Spring\\x1b[2J is cancelled: moot"


def test_the_cycles_of_a_loop_are_told(team: ScriptedTeam) -> None:
    loop = replace(PLAN, kind=MilestoneKind.LOOP)
    team.record("milestone.created", loop)
    team.record("milestone.cycle_ended", replace(loop, next_cycle_at=5.0))
    assert last(team) == "P1 Spring\\x1b[2J has ended cycle 1"
    team.record("milestone.cycle_began", replace(loop, cycle=2))
    assert last(team) == "P1 Spring\\x1b[2J begins cycle 2"
    team.record("milestone.last_cycle", replace(loop, cycle=2, max_cycles=2))
    assert last(team) is None
