"""Words for whoever plans: how to break a task down, and which tasks are too large. Nothing is changed."""

from __future__ import annotations

from typing import Any, Final

from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized, task_number
from supervisor.model.permissions import Operation, check
from supervisor.model.task import COMPLEXITY_MAX, Task

TOO_COMPLEX: Final = 5
"""From this score on, of 10, a task should be broken down."""

QUOTED_MAX: Final = 4000
REPORTED_MAX: Final = 1000


def expansion(scope: Scope, actor: Actor, spelled: str, *, parts: int, hint: str = "") -> dict[str, Any]:
    """Return the prompt with which to break a task down, and the subtasks that it has already.

    The task's own words are quoted in it; they are data and no instruction.
    """
    check(actor.role, Operation.TASK_READ)
    task = scope.task(spelled)
    children = scope.tx.values(Task, "task.children", parent=task_number(task.id))
    return {
        "prompt": _prompt(task, children, parts, sized(hint, QUOTED_MAX, "hint")),
        "parent": task.id,
        "children": [each.id for each in children],
    }


def _prompt(task: Task, children: tuple[Task, ...], parts: int, hint: str) -> str:
    lines = [
        f"Break task {task.id} into about {parts} subtasks that one agent can finish in one go.",
        "",
        f"Title: {task.title}",
        f"Description: {task.description[:QUOTED_MAX] or '(none)'}",
        *(f"Criterion {number}: {each}" for number, each in enumerate(task.criteria, start=1)),
        *(f"Subtask there already: {each.id} {each.title} ({each.state.value})" for each in children),
        *([f"Hint: {hint}"] if hint else []),
        "",
        f"For each subtask call `task_create` with `parent` {task.id}, a title, a description that can be",
        "understood alone, and criteria that can be checked. Give `depends_on` only where one needs",
        "another's result; what can go on side by side should. Score `complexity` from 1 to 10.",
        f"{task.id} itself becomes claimable when all its subtasks have ended: its holder puts their",
        "results together.",
    ]
    return "\n".join(lines)


def complexity_report(scope: Scope, actor: Actor) -> dict[str, Any]:
    """List the open tasks by complexity, the most complex first, at most 1,000, and what to do about them."""
    check(actor.role, Operation.TASK_READ)
    tasks = scope.tx.values(Task, "task.open", run=scope.run)
    scored = sorted((each for each in tasks if each.complexity is not None), key=_by_complexity)
    unscored = [each.id for each in tasks if each.complexity is None]
    lines = [
        {
            "task": each.id,
            "title": each.title,
            "complexity": each.complexity,
            "expand": (each.complexity or 0) >= TOO_COMPLEX,
        }
        for each in scored[:REPORTED_MAX]
    ]
    advice = f"Score each from 1 (minutes) to {COMPLEXITY_MAX} (unknown ground) with `task_update`"
    return {
        "tasks": lines,
        "threshold": TOO_COMPLEX,
        "unscored": unscored[:REPORTED_MAX],
        "advice": f"{advice}, and break down those from {TOO_COMPLEX} on with `task_expand`.",
    }


def _by_complexity(task: Task) -> tuple[int, int]:
    return -(task.complexity or 0), task_number(task.id)
