"""The exit code of a run says how it went."""

from __future__ import annotations

import pytest

from supervisor.headless.exit_code import exit_code_of
from supervisor.model.task import TaskState
from supervisor.testing.scripted_team import ScriptedTeam


def team_with(*states: TaskState) -> ScriptedTeam:
    team = ScriptedTeam()
    team.start_run()
    for state in states:
        team.task("work", state=state)
    return team


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ((), 0),
        ((TaskState.DONE, TaskState.DONE), 0),
        ((TaskState.DONE, TaskState.CANCELLED, TaskState.SKIPPED), 0),
        ((TaskState.DONE, TaskState.FAILED), 1),
        ((TaskState.DONE, TaskState.BLOCKED), 1),
        ((TaskState.IN_PROGRESS,), 1),
    ],
)
def test_the_tasks_decide_when_the_engine_ended_well(states: tuple[TaskState, ...], code: int) -> None:
    assert exit_code_of(team_with(*states).world, 0) == code


@pytest.mark.parametrize("engine_code", [1, 3, 6, 124, 130, 143])
def test_the_engines_own_reason_to_stop_stands(engine_code: int) -> None:
    assert exit_code_of(team_with(TaskState.DONE).world, engine_code) == engine_code
    assert exit_code_of(team_with(TaskState.FAILED).world, engine_code) == engine_code


def test_tasks_of_earlier_runs_do_not_count() -> None:
    from dataclasses import replace

    team = team_with(TaskState.DONE)
    old = replace(team.world.tasks["T1"], run=0, state=TaskState.FAILED)
    team.record("task.failed", old)

    assert exit_code_of(team.world, 0) == 0
