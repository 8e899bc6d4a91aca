"""Loops: when a cycle has ended its tasks are archived, and made anew for the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from supervisor.coordinator import plans
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.scope import Scope
from supervisor.errors import DependencyCycle
from supervisor.model.ids import SUPERVISOR
from supervisor.model.milestone import Milestone, MilestoneState
from supervisor.model.task import Task, TaskState


def begin_due_cycles(scope: Scope) -> None:
    """Begin the next cycle of every loop whose time has come: its tasks are archived and made anew."""
    for milestone in scope.tx.values(Milestone, "milestone.due", now=scope.now):
        _next_cycle(scope, milestone)


def _next_cycle(scope: Scope, milestone: Milestone) -> None:
    former = scope.tx.values(Task, "task.of_milestone", milestone=milestone.id)
    if former and all(task.state is TaskState.FAILED for task in former):
        why = f"all tasks of cycle {milestone.cycle} failed"
        plans.close(scope, milestone, MilestoneState.DONE, actor=SUPERVISOR, reason=why)
        return
    again, creators = _templates(former)
    try:
        ordered = plans.in_working_order(again)
        _check_no_circle(again)
    except DependencyCycle as circle:
        why = f"cycle {milestone.cycle + 1} cannot be made: {circle.message}"[:500]
        plans.close(scope, milestone, MilestoneState.DONE, actor=SUPERVISOR, reason=why)
        return
    for task in former:
        archive(scope, task)
    cycle = replace(
        milestone,
        cycle=milestone.cycle + 1,
        cycle_began_at=scope.now,
        next_cycle_at=None,
        updated_at=scope.now,
    )
    scope.tx.record("milestone.cycle_began", cycle, actor=SUPERVISOR, reason=f"cycle {cycle.cycle}")
    plans.create_tasks(scope, None, cycle, ordered, known={}, creators=creators)


def _templates(former: tuple[Task, ...]) -> tuple[tuple[NewTask, ...], dict[str, str]]:
    """Return the orders for a cycle like the former one, and by key who made each.

    A task that was added without a key of its own is given one: within its cycle it is named by it.
    """
    taken = {task.key for task in former}
    names: dict[str, str] = {}
    for task in former:
        name = task.key
        if not name or name in names.values():
            name = f"like-{task.id}"
            while name in taken:
                name += "+"
        names[task.id] = name
    again = tuple(_as_template(task, names) for task in former)
    return again, {names[task.id]: task.creator for task in former}


def _check_no_circle(tasks: tuple[NewTask, ...]) -> None:
    """Raise DependencyCycle if some of these tasks, or parents by their children, wait for each other."""
    waits: dict[str, set[str]] = {task.key: set(task.depends_on) for task in tasks}
    for task in tasks:
        if task.parent is not None:
            waits[task.parent].add(task.key)
    free = {key for key, names in waits.items() if not names & waits.keys()}
    while free:
        for key in free:
            del waits[key]
        free = {key for key, names in waits.items() if not names & waits.keys()}
    if waits:
        raise DependencyCycle(f"these wait for each other: {', '.join(sorted(waits)[:10])}")


def archive(scope: Scope, task: Task) -> Task:
    """Put an ended task out of sight; it stays in the database and in the log."""
    gone = replace(task, archived_at=scope.now, updated_at=scope.now)
    return scope.save_task("task.archived", gone, actor=SUPERVISOR, reason=f"cycle {task.cycle} is over")


def _as_template(task: Task, names: Mapping[str, str]) -> NewTask:
    """Return the order for a task like this one; what it names within its cycle, it names by key.

    A parent outside the cycle is left out: it would wait for every cycle's child, or has ended.
    """
    return NewTask(
        title=task.title,
        description=task.description,
        priority=task.priority.name.lower(),
        tags=task.tags,
        criteria=task.criteria,
        checks=task.checks,
        depends_on=tuple(names.get(each, each) for each in task.depends_on),
        policies={names.get(each, each): on.value for each, on in task.edge_policies.items()},
        review=task.review,
        required_role=task.required_role,
        required_tags=task.required_tags,
        required_group=task.required_group,
        parent=None if task.parent is None else names.get(task.parent),
        key=names[task.id],
        track=task.track,
        order=task.order,
        wave=task.wave,
        on_lost=task.on_lost.value,
        join=task.join.value,
        complexity=task.complexity,
        work_role=task.work_role,
        instructions=task.instructions,
        gate=task.gate.value,
        approvals_needed=task.approvals_needed,
    )
