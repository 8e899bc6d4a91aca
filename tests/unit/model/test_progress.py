"""How far tasks are together."""

from __future__ import annotations

from supervisor.model.ids import TaskId
from supervisor.model.progress import Progress, progress
from supervisor.model.task import Task, TaskState


def task(state: TaskState, percent: int = 0) -> Task:
    return Task(id=TaskId("T1"), run=1, title="", state=state, percent=percent)


def test_nothing_is_not_far() -> None:
    assert progress([]) == Progress()


def test_ends_count_whole_work_in_part_and_failures_not() -> None:
    tasks = [
        task(TaskState.DONE),
        task(TaskState.SKIPPED),
        task(TaskState.FAILED, 90),
        task(TaskState.IN_PROGRESS, 50),
        task(TaskState.IN_REVIEW, 100),
        task(TaskState.PENDING, 40),
    ]

    assert progress(tasks) == Progress(
        counts={"pending": 1, "in_progress": 1, "in_review": 1, "done": 1, "failed": 1, "skipped": 1},
        total=6,
        ended=2,
        percent=58,
    )
