"""Milestones with their tasks: made at once, pushed again without harm, run in cycles, closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from supervisor.coordinator import flow, planning, steering
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import DependencyCycle, InvalidArgument, UnknownDependency, WrongState
from supervisor.model.agent import Role
from supervisor.model.ids import NAME_PATTERN, milestone_id
from supervisor.model.milestone import (
    CYCLES_MAX,
    GOAL_MAX,
    NAME_MAX,
    TASKS_AT_ONCE,
    Milestone,
    MilestoneKind,
    MilestoneState,
)
from supervisor.model.permissions import Operation, check
from supervisor.model.task import Task
from supervisor.model.wire import to_wire

INTERVAL_MAX_S: Final = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlan:
    """What somebody asks for when creating a milestone.

    Its tasks name each other by `key` in `depends_on` and `parent`, in any order. In a
    pipeline each task waits for the one before it.
    """

    name: str
    kind: str = "plan"
    goal: str = ""
    project: str = ""
    branch: str = ""
    key: str = ""
    review: bool | None = None
    wip: int = 0
    max_cycles: int = 1
    min_interval_s: float = 0.0
    tasks: tuple[NewTask, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What pushing a plan did: task ids by key, and for each key what happened to it.

    `conflicts` maps a key to why its task was left alone; `only_here` lists keys that the plan lost.
    """

    milestone: Milestone
    created: dict[str, str] = field(default_factory=dict)
    updated: dict[str, str] = field(default_factory=dict)
    unchanged: dict[str, str] = field(default_factory=dict)
    conflicts: dict[str, str] = field(default_factory=dict)
    only_here: tuple[str, ...] = ()


def create_plan(scope: Scope, actor: Actor | None, wanted: NewPlan) -> tuple[Milestone, tuple[Task, ...]]:
    """Create a milestone with all its tasks, or nothing; tasks are returned in the plan's order."""
    if actor is not None:
        check(actor.role, Operation.MILESTONE_WRITE)
    staged = _staged(wanted)
    ordered = in_working_order(staged)
    milestone = _put(scope, actor, wanted)
    known: dict[str, str] = {}
    create_tasks(scope, actor, milestone, ordered, known=known)
    made = tuple(scope.task(known[each.key]) for each in staged)
    return scope.milestone(milestone.id), made


def _put(scope: Scope, actor: Actor | None, wanted: NewPlan) -> Milestone:
    if not wanted.name.strip():
        raise InvalidArgument("a milestone needs a name")
    if wanted.kind not in set(MilestoneKind):
        raise InvalidArgument(f"kind `{wanted.kind[:40]}` is none of {', '.join(MilestoneKind)}")
    if not 0 <= wanted.max_cycles <= CYCLES_MAX:
        raise InvalidArgument(f"max_cycles {wanted.max_cycles} is not between 0 and {CYCLES_MAX}")
    if not 0 <= wanted.min_interval_s <= INTERVAL_MAX_S:
        raise InvalidArgument(
            f"min_interval_s {wanted.min_interval_s} is not between 0 and {INTERVAL_MAX_S:.0f}"
        )
    if not 0 <= wanted.wip <= 1000:
        raise InvalidArgument(f"wip {wanted.wip} is not between 0 and 1000")
    milestone = Milestone(
        id=milestone_id(scope.tx.scalar("milestone.next_number")),
        run=scope.run,
        name=sized(wanted.name, NAME_MAX, "name"),
        kind=MilestoneKind(wanted.kind),
        goal=sized(wanted.goal, GOAL_MAX, "goal"),
        project=sized(wanted.project, NAME_MAX, "project"),
        branch=sized(wanted.branch, NAME_MAX, "branch"),
        key=sized(wanted.key, planning.KEY_MAX, "key"),
        review=wanted.review,
        wip=wanted.wip,
        creator=steering.who(actor),
        max_cycles=wanted.max_cycles,
        min_interval_s=wanted.min_interval_s,
        cycle_began_at=scope.now,
        created_at=scope.now,
        updated_at=scope.now,
    )
    if milestone.key and scope.tx.one("milestone.by_key", run=scope.run, key=milestone.key) is not None:
        raise WrongState(f"this run has a milestone with the key `{milestone.key}` already; push it instead")
    return scope.tx.record("milestone.created", milestone, actor=milestone.creator)


def _staged(wanted: NewPlan) -> tuple[NewTask, ...]:
    """Return the tasks with keys, each with what its milestone's kind says about it."""
    if len(wanted.tasks) > TASKS_AT_ONCE:
        raise InvalidArgument(f"a plan can bring at most {TASKS_AT_ONCE} tasks, not {len(wanted.tasks)}")
    keyed = [
        replace(_by_stage_role(task), key=task.key or f"task-{number}")
        for number, task in enumerate(wanted.tasks, start=1)
    ]
    if wanted.kind == MilestoneKind.PIPELINE:
        keyed = [
            task if number == 0 else replace(task, depends_on=_with(task.depends_on, keyed[number - 1].key))
            for number, task in enumerate(keyed)
        ]
    return tuple(keyed)


def _with(names: tuple[str, ...], another: str) -> tuple[str, ...]:
    return names if another in names else (*names, another)


def _by_stage_role(task: NewTask) -> NewTask:
    """Read a role that is none of ours as a tag: `code-analyzer` is a kind of worker."""
    role = task.required_role
    if role is None or role in set(Role) or NAME_PATTERN.match(role) is None:
        return task
    return replace(task, required_role=None, required_tags=_with(task.required_tags, role))


def in_working_order(tasks: tuple[NewTask, ...]) -> tuple[NewTask, ...]:
    """Return the tasks so that each comes after what it names; raise DependencyCycle with the keys."""
    by_key: dict[str, NewTask] = {}
    for task in tasks:
        if task.key in by_key:
            raise InvalidArgument(f"two tasks of the plan have the key `{task.key[:40]}`")
        by_key[task.key] = task
    ordered: dict[str, NewTask] = {}
    for task in tasks:
        _visit(task, by_key, ordered, ())
    return tuple(ordered.values())


def _visit(
    task: NewTask, by_key: Mapping[str, NewTask], ordered: dict[str, NewTask], path: tuple[str, ...]
) -> None:
    if task.key in ordered:
        return
    if task.key in path:
        cycle = " → ".join((*path[path.index(task.key) :], task.key))
        raise DependencyCycle(f"the plan has a cycle: {cycle}")
    for name in (*task.depends_on, *([task.parent] if task.parent else [])):
        if name in by_key:
            _visit(by_key[name], by_key, ordered, (*path, task.key))
    ordered[task.key] = task


def create_tasks(
    scope: Scope,
    actor: Actor | None,
    milestone: Milestone,
    ordered: tuple[NewTask, ...],
    *,
    known: dict[str, str],
    creators: Mapping[str, str] | None = None,
) -> list[Task]:
    """Create tasks in working order; `known` maps keys to ids and grows."""
    made = []
    for each in ordered:
        wanted = replace(
            each,
            milestone=milestone.id,
            depends_on=tuple(_id_of(name, known, each.key) for name in each.depends_on),
            policies={_id_of(name, known, each.key): on for name, on in each.policies.items()},
            parent=None if each.parent is None else _id_of(each.parent, known, each.key),
        )
        if creators is not None and wanted.parent is not None and scope.task(wanted.parent).is_terminal:
            wanted = replace(wanted, parent=None)  # its parent was lost as soon as it was made
        creator = None if creators is None else creators.get(each.key)
        task = planning.create_task(scope, actor, wanted, creator=creator, cycle=milestone.cycle)
        known[each.key] = task.id
        made.append(task)
    return made


def _id_of(name: str, known: Mapping[str, str], asking: str) -> str:
    if name in known:
        return known[name]
    if name[:1] in {"T", "t"} and name[1:].isdigit():
        return name
    raise UnknownDependency(f"`{asking[:40]}` names `{name[:40]}`, but the plan has no task with that key")


def push_plan(scope: Scope, actor: Actor | None, wanted: NewPlan) -> Pushed:
    """Bring a plan that was pushed before up to date, by keys; pushing it twice changes nothing.

    Tasks that somebody works on or that have ended are never changed: they are conflicts.
    """
    if actor is not None:
        check(actor.role, Operation.MILESTONE_WRITE)
    if not wanted.key:
        raise InvalidArgument("a plan needs a `key` to be pushed again")
    ordered = in_working_order(_staged(wanted))
    milestone = scope.tx.value(Milestone, "milestone.by_key", run=scope.run, key=wanted.key) or _put(
        scope, actor, wanted
    )
    present = {task.key: task for task in scope.tx.values(Task, "task.of_milestone", milestone=milestone.id)}
    known: dict[str, str] = {key: task.id for key, task in present.items()}
    fresh = tuple(each for each in ordered if each.key not in present)
    made = create_tasks(scope, actor, milestone, fresh, known=known)
    sorted_out: dict[str, dict[str, str]] = {"updated": {}, "unchanged": {}, "conflicts": {}}
    for each in ordered:
        if each.key in present:
            where, what = _refresh(scope, actor, present[each.key], each, known)
            sorted_out[where][each.key] = what
    keys = {each.key for each in ordered}
    return Pushed(
        milestone=scope.milestone(milestone.id),
        created={task.key: task.id for task in made},
        only_here=tuple(key for key in present if key not in keys),
        **sorted_out,
    )


def _refresh(
    scope: Scope, actor: Actor | None, task: Task, wanted: NewTask, known: Mapping[str, str]
) -> tuple[str, str]:
    """Change what a plan says differently about a task; tell in which list it belongs and why."""
    needed = tuple(_id_of(name, known, wanted.key) for name in wanted.depends_on)
    missing = tuple(name for name in needed if name not in task.depends_on)
    edit, kept = _edit(task, wanted), _assignment(task, wanted)
    if (wanted.track, wanted.order, wanted.wave) != (task.track, task.order, task.wave):
        return (
            "conflicts",
            f"{task.id} has another place in the plan; cancel it, and push it under another key",
        )
    if edit is None and kept is None and not missing:
        return "unchanged", task.id
    if task.state not in flow.WAITING:
        return "conflicts", f"{task.id} is {task.state.value} and differs from the plan; it was left alone"
    if edit is not None:
        steering.update_task(scope, actor, task.id, edit)
    if kept is not None:
        steering.assign_task(scope, actor, task.id, kept)
    if missing:
        steering.link_task(scope, actor, task.id, missing)
    return "updated", task.id


def _edit(task: Task, wanted: NewTask) -> steering.Edit | None:
    """Return what a plan says about a task in other words than stand there; None if nothing."""
    there = (task.title, task.description, task.priority, task.tags, task.criteria, task.checks)
    priority = planning.checked_priority(wanted.priority)
    said = (wanted.title, wanted.description, priority, wanted.tags, wanted.criteria, wanted.checks)
    if said == there:
        return None
    return steering.Edit(
        title=wanted.title,
        description=wanted.description,
        priority=wanted.priority,
        tags=wanted.tags,
        criteria=wanted.criteria,
        checks=wanted.checks,
    )


def _assignment(task: Task, wanted: NewTask) -> steering.Assignment | None:
    """Return for whom a plan wants a task if that is news; a plan that names nobody leaves it as it is."""
    assignee = task.assignee if wanted.assignee is None else wanted.assignee
    there = (task.assignee, task.required_role, task.required_tags, task.required_group)
    if (assignee, wanted.required_role, wanted.required_tags, wanted.required_group) == there:
        return None
    return steering.Assignment(
        assignee=assignee,
        required_role=wanted.required_role,
        required_tags=wanted.required_tags,
        required_group=wanted.required_group,
        work_role=task.work_role,
    )


def close_milestone(scope: Scope, actor: Actor | None, spelled: str, *, now: bool, reason: str) -> Milestone:
    """End a loop after its present cycle, or with `now` cancel a milestone and its open tasks."""
    if actor is not None:
        check(actor.role, Operation.MILESTONE_WRITE)
    milestone = scope.milestone(spelled)
    if milestone.state is not MilestoneState.OPEN:
        raise WrongState(f"milestone {milestone.id} is {milestone.state.value} already")
    words = sized(reason, 1000, "reason")
    if now:
        closed = close(scope, milestone, MilestoneState.CANCELLED, actor=steering.who(actor), reason=words)
        for task in scope.tx.values(Task, "task.of_milestone", milestone=milestone.id):
            if not scope.task(task.id).is_terminal:
                steering.cancel_task(scope, None, task.id, f"{milestone.id} was cancelled: {words}"[:1000])
        return closed
    if milestone.next_cycle_at is not None or not scope.tx.scalar(
        "task.open_in_milestone", milestone=milestone.id
    ):
        return close(scope, milestone, MilestoneState.DONE, actor=steering.who(actor), reason=words)
    last = replace(milestone, max_cycles=milestone.cycle, updated_at=scope.now)
    return scope.tx.record("milestone.last_cycle", last, actor=steering.who(actor), reason=words)


def close(scope: Scope, milestone: Milestone, to: MilestoneState, *, actor: str, reason: str) -> Milestone:
    """Write that a milestone has ended."""
    closed = replace(milestone, state=to, next_cycle_at=None, finished_at=scope.now, updated_at=scope.now)
    return scope.tx.record(f"milestone.{to.value}", closed, actor=actor, reason=reason)


def milestone_page(scope: Scope, spelled: str) -> dict[str, Any]:
    """Return a milestone with its tasks and how far it is, as wire data; percent from 0 to 100."""
    milestone = scope.milestone(spelled)
    tasks = scope.tx.values(Task, "task.of_milestone", milestone=milestone.id)
    return {
        "milestone": to_wire(milestone),
        "progress": progress_of(scope, milestone),
        "tasks": to_wire(tasks),
    }


def progress_of(scope: Scope, milestone: Milestone) -> dict[str, Any]:
    """Count a milestone's tasks by state and say how far they are together, 0 to 100."""
    rows = scope.tx.all("task.milestone_counts", milestone=milestone.id)
    counts = {row["state"]: row["n"] for row in rows}
    total = sum(counts.values())
    ended = sum(counts.get(state, 0) for state in ("done", "skipped", "cancelled"))
    partial = sum(row["percent"] for row in rows if row["state"] in {"in_progress", "in_review"})
    percent = 0 if total == 0 else int((ended * 100 + partial) / total)
    return {"counts": counts, "total": total, "ended": ended, "percent": percent}
