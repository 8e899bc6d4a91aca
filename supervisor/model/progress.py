"""How far a container's tasks are together; the same count for people, screens and scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from supervisor.model.task import ENDED, Task, TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Tasks by state; `ended` leaves failures out, `percent` counts what is begun in part, 0 to 100."""

    counts: dict[str, int] = field(default_factory=dict)
    total: int = 0
    ended: int = 0
    percent: int = 0


def progress(tasks: Iterable[Task]) -> Progress:
    """Count tasks by state and say how far they are together."""
    listed = list(tasks)
    counts = Counter(task.state for task in listed)
    ended = sum(counts[state] for state in ENDED)
    begun = sum(task.percent for task in listed if task.state in {TaskState.IN_PROGRESS, TaskState.IN_REVIEW})
    percent = int((ended * 100 + begun) / len(listed)) if listed else 0
    named = {state.value: counts[state] for state in TaskState if counts[state]}
    return Progress(counts=named, total=len(listed), ended=ended, percent=percent)
