"""What a check said, in words; and when a task has passed its checks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from supervisor.errors import WrongState
from supervisor.model.evidence import Check, Evidence
from supervisor.model.ids import task_id
from supervisor.model.task import Task, TaskState
from supervisor.model.transitions import TASK_MOVES, checked_move

TESTS = Check(name="tests", argv=("make", "test"))


def said(**how: Any) -> Evidence:
    return Evidence(
        task=task_id(1), token=2, check="tests", argv=TESTS.argv, started_at=5.0, duration_s=61.2, **how
    )


@pytest.mark.parametrize(
    ("evidence", "passed", "words"),
    [
        (said(exit_code=0), True, "passed"),
        (said(exit_code=2), False, "failed: exit code 2"),
        (said(signal=9), False, "was killed by signal 9"),
        (said(timed_out=True), False, "was not done after 61 s and was ended"),
        (said(exit_code=0, timed_out=True), False, "was not done after 61 s and was ended"),
        (said(problem="no program make in PATH"), False, "could not be run: no program make in PATH"),
    ],
)
def test_evidence_tells_in_words_how_a_check_ended(evidence: Evidence, passed: bool, words: str) -> None:
    assert (evidence.passed, evidence.outcome, evidence.key) == (passed, words, "T1/2/tests")


def test_a_task_is_verified_only_for_the_hand_in_that_passed() -> None:
    task = Task(id=task_id(1), run=1, title="t", state=TaskState.IN_REVIEW, token=2, checks=(TESTS,))
    assert (task.is_verified, task.is_verifying) == (False, True)
    passed = replace(task, verified=2)
    assert (passed.is_verified, passed.is_verifying) == (True, False)
    assert not replace(passed, token=3).is_verified
    free = replace(task, checks=())
    assert (free.is_verified, free.is_verifying) == (True, False)
    assert not replace(task, state=TaskState.IN_PROGRESS).is_verifying


@pytest.mark.parametrize("before", [state for state in TaskState if TaskState.DONE in TASK_MOVES[state]])
def test_from_no_state_a_task_becomes_done_before_its_checks_have_passed(before: TaskState) -> None:
    task = Task(id=task_id(1), run=1, title="t", state=before, token=2, checks=(TESTS,))
    with pytest.raises(WrongState, match="task T1 is done only when its checks have passed: tests"):
        checked_move(task, TaskState.DONE)
    checked_move(replace(task, verified=2), TaskState.DONE)
