"""Changing work that exists: edit, assign, link, hold, cancel, skip, force, reopen."""

from __future__ import annotations

from dataclasses import dataclass, replace

from supervisor.coordinator import agents, dealing, dependencies, flow, planning
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.evidence import checked_checks
from supervisor.coordinator.scope import Scope, sized, task_number
from supervisor.errors import Forbidden, WrongState
from supervisor.model.evidence import Check
from supervisor.model.ids import HUMAN, checked_name
from supervisor.model.milestone import MilestoneState
from supervisor.model.permissions import Operation, check, may
from supervisor.model.task import BODY_MAX, NOTE_MAX, BlockReason, Task, TaskState
from supervisor.model.transitions import checked_move


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What is to change of a task; None leaves it as it is."""

    title: str | None = None
    description: str | None = None
    priority: str | None = None
    tags: tuple[str, ...] | None = None
    criteria: tuple[str, ...] | None = None
    complexity: int | None = None
    review: bool | None = None
    instructions: str | None = None
    checks: tuple[Check, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Whom a task is for, all parts together; `assignee` is a name, None lets anybody who suits claim it."""

    assignee: str | None = None
    required_role: str | None = None
    required_tags: tuple[str, ...] = ()
    required_group: str | None = None
    work_role: str = ""
    instructions: str = ""


def who(actor: Actor | None) -> str:
    """Return the name under which an act stands in the log; None is the person."""
    return HUMAN if actor is None else actor.name


def _open_task(scope: Scope, actor: Actor | None, operation: Operation, spelled: str) -> Task:
    if actor is not None:
        check(actor.role, operation)
    task = scope.task(spelled)
    if task.is_terminal:
        raise WrongState(f"task {task.id} has ended already: it is {task.state.value}")
    return task


def update_task(scope: Scope, actor: Actor | None, spelled: str, edit: Edit) -> Task:
    """Change what an open task says; the holder sees it with its next look."""
    task = _open_task(scope, actor, Operation.TASK_UPDATE, spelled)
    if edit.checks is not None and task.state is TaskState.IN_REVIEW:
        raise WrongState(f"task {task.id} is in review; its checks can be changed when it is back at work")
    changed = replace(
        task,
        title=task.title if edit.title is None else planning.checked_title(edit.title),
        description=task.description
        if edit.description is None
        else sized(edit.description, BODY_MAX, "description"),
        priority=task.priority if edit.priority is None else planning.checked_priority(edit.priority),
        tags=task.tags if edit.tags is None else planning.checked_tags(edit.tags),
        criteria=task.criteria if edit.criteria is None else planning.checked_criteria(edit.criteria),
        complexity=task.complexity
        if edit.complexity is None
        else planning.checked_complexity(edit.complexity),
        review=task.review if edit.review is None else edit.review,
        instructions=task.instructions
        if edit.instructions is None
        else sized(edit.instructions, planning.INSTRUCTIONS_MAX, "instructions"),
        checks=task.checks if edit.checks is None else checked_checks(edit.checks),
        updated_at=scope.now,
    )
    return scope.save_task("task.updated", changed, actor=who(actor))


def assign_task(scope: Scope, actor: Actor | None, spelled: str, wanted: Assignment) -> Task:
    """Say whom an open task is for; one that somebody else holds is taken from its holder."""
    task = _open_task(scope, actor, Operation.TASK_ASSIGN, spelled)
    assignee = None if wanted.assignee is None else agents.reservable(scope, wanted.assignee)
    role = None if wanted.required_role is None else planning.claiming_role(wanted.required_role)
    assigned = replace(
        task,
        assignee=None if assignee is None else assignee.name,
        required_role=role,
        required_tags=planning.checked_tags(wanted.required_tags),
        required_group=None
        if wanted.required_group is None
        else checked_name(wanted.required_group, "group"),
        work_role=sized(wanted.work_role, 200, "work_role"),
        instructions=sized(wanted.instructions, planning.INSTRUCTIONS_MAX, "instructions")
        or task.instructions,
        updated_at=scope.now,
    )
    if task.state is TaskState.IN_PROGRESS and task.holder != assigned.assignee:
        assigned = replace(
            assigned, state=TaskState.PENDING, holder=None, lease_until=None, lease_ceiling=None
        )
        checked_move(task, TaskState.PENDING)
    scope.save_task("task.assigned", assigned, actor=who(actor))
    assigned = set_aside(scope, assigned, quarantined=bool(assignee and assignee.quarantined))
    if task.holder is not None and assigned.holder is None:
        flow.settle(scope, assigned, reason=f"taken from {task.holder}")
        agents.refresh_activity(scope, task.holder)
    return scope.task(task.id)


def set_aside(scope: Scope, task: Task, *, quarantined: bool) -> Task:
    """Let a task that only a quarantined agent may claim say so, or no longer."""
    if task.state not in flow.WAITING or quarantined == (BlockReason.QUARANTINE in task.blocked_by):
        return task
    reasons = flow.stated(task) - {BlockReason.QUARANTINE} | (
        {BlockReason.QUARANTINE} if quarantined else set()
    )
    return flow.restate(scope, task, reasons, actor=HUMAN, reason=f"reserved for {task.assignee}")


def link_task(
    scope: Scope, actor: Actor | None, spelled: str, wanted: tuple[str, ...], *, on: str = "done"
) -> Task:
    """Add dependencies to a task that nobody has claimed yet."""
    if actor is not None:
        check(actor.role, Operation.TASK_LINK)
    policy = dependencies.checked_policy(on)
    return dependencies.link(scope, scope.task(spelled), wanted, policy=policy, actor=who(actor))


def hold_task(scope: Scope, actor: Actor | None, spelled: str, reason: str) -> Task:
    """Keep an open task from being claimed until the hold is lifted; a holder loses it."""
    task = _open_task(scope, actor, Operation.TASK_HOLD, spelled)
    words = sized(reason, NOTE_MAX, "reason")
    if task.state is TaskState.IN_REVIEW:
        raise WrongState(f"task {task.id} is in review; judge it, or cancel it")
    if task.state in flow.WAITING:
        reasons = flow.stated(task) | {BlockReason.HOLD}
        return flow.restate(scope, task, reasons, actor=who(actor), reason=words, note=words)
    held = replace(
        task,
        state=TaskState.BLOCKED,
        blocked_by=(BlockReason.HOLD,),
        block_note=words,
        holder=None,
        lease_until=None,
        lease_ceiling=None,
        assignee=task.holder,
        updated_at=scope.now,
    )
    scope.save_task("task.blocked", held, actor=who(actor), reason=words)
    agents.refresh_activity(scope, task.holder)
    return flow.settle(scope, held, reason=words)


def unhold_task(scope: Scope, actor: Actor | None, spelled: str) -> Task:
    """Lift a hold; other reasons to wait stay."""
    task = _open_task(scope, actor, Operation.TASK_HOLD, spelled)
    if BlockReason.HOLD not in task.blocked_by:
        raise WrongState(f"task {task.id} is not held")
    reasons = flow.stated(task) - {BlockReason.HOLD}
    return flow.restate(scope, task, reasons, actor=who(actor), reason="the hold was lifted")


def cancel_task(scope: Scope, actor: Actor | None, spelled: str, reason: str) -> Task:
    """Withdraw a task that has not ended, and its open children with it."""
    return _withdraw(scope, actor, spelled, TaskState.CANCELLED, reason)


def skip_task(scope: Scope, actor: Actor | None, spelled: str, reason: str) -> Task:
    """End a task as not needed, and its open children with it."""
    return _withdraw(scope, actor, spelled, TaskState.SKIPPED, reason)


def _withdraw(scope: Scope, actor: Actor | None, spelled: str, to: TaskState, reason: str) -> Task:
    task = scope.task(spelled)
    if actor is not None and not may(actor.role, Operation.TASK_CANCEL):
        _check_own_subtask(scope, actor, task)
    if task.is_terminal:
        raise WrongState(f"task {task.id} has ended already: it is {task.state.value}")
    words = sized(reason, NOTE_MAX, "reason")
    ended = flow.end(scope, task, to, actor=who(actor), reason=words)
    agents.refresh_activity(scope, task.holder, task.reviewer)
    for child in scope.tx.values(Task, "task.children", parent=task_number(task.id)):
        if not scope.task(child.id).is_terminal:
            _withdraw(scope, None, child.id, to, f"its parent {task.id} is {to.value}")
    return ended


def _check_own_subtask(scope: Scope, actor: Actor, task: Task) -> None:
    """Let a holder take back a subtask of its own that nobody has claimed."""
    check(actor.role, Operation.TASK_CREATE_SUBTASK)
    parent = None if task.parent is None else scope.task(task.parent)
    if parent is None or parent.holder != actor.name or task.creator != actor.name:
        raise Forbidden("a worker may only withdraw its own subtasks of a task that it holds")
    if task.state not in flow.WAITING:
        raise Forbidden(f"task {task.id} is {task.state.value}; only a subtask that nobody has claimed")


def unblock(scope: Scope, spelled: str, *, actor: str, force: bool = False) -> Task:
    """Let a person clear what waits for a person; with `force` everything that stands in the way.

    Forcing cuts the edges that are not met and takes the task out of its track and wave, so
    that it stays free; the log tells.
    """
    task = scope.task(spelled)
    if task.state is not TaskState.BLOCKED:
        raise WrongState(f"task {task.id} does not wait for a person; it is {task.state.value}")
    if not force and BlockReason.NEEDS_HUMAN not in task.blocked_by:
        waits = ", ".join(reason.value for reason in task.blocked_by)
        raise WrongState(f"task {task.id} does not wait for a person but for: {waits}; `--force` overrides")
    counted = flow.counters_of(scope, task)
    if force and flow.children_wait(task, counted):
        raise WrongState(f"task {task.id} waits for {counted.open_children} open children; cancel them first")
    cleared = replace(task, releases=0, review_round=0, check_failures=0, assignee=None, failures=0)
    if not force:
        rest = flow.stated(task) - {BlockReason.NEEDS_HUMAN}
        return flow.restate(scope, cleared, rest, actor=actor, reason="cleared by a person")
    free = replace(_cut_loose(scope, cleared), state=TaskState.PENDING, blocked_by=(), block_note="")
    checked_move(task, TaskState.PENDING)
    free = replace(dealing.dealt(scope, free), not_before=None, updated_at=scope.now)
    scope.save_task("task.forced", free, actor=actor, reason="forced by a person")
    flow.left_its_place(scope, task)
    return free


def _cut_loose(scope: Scope, task: Task) -> Task:
    number = task_number(task.id)
    needed = scope.tx.values(Task, "dependency.of", task=number)
    met = {each.id for each in needed if task.policy_of(each.id).is_met_by(each.state)}
    scope.tx.execute("dependency.cut", task=number)
    scope.tx.execute("task.reset_edges", n=number)
    return replace(
        task,
        depends_on=tuple(name for name in task.depends_on if name in met),
        edge_policies={name: on for name, on in task.edge_policies.items() if name in met},
        track=None,
        order=0,
        wave=0,
    )


def reopen_task(scope: Scope, actor: Actor | None, spelled: str, reason: str) -> Task:
    """Put a task that has ended back to work; what depends on it waits again or is flagged."""
    if actor is not None:
        check(actor.role, Operation.TASK_REOPEN)
    task = scope.task(spelled)
    if not task.is_terminal:
        raise WrongState(f"task {task.id} has not ended; it is {task.state.value}")
    if task.archived_at is not None:
        raise WrongState(f"task {task.id} was archived with its cycle; create a new one")
    if task.run != scope.run:
        raise WrongState(f"task {task.id} belongs to run {task.run}, which is over; create a new one")
    if task.milestone is not None and scope.milestone(task.milestone).state is MilestoneState.CANCELLED:
        raise WrongState(f"milestone {task.milestone} of task {task.id} is cancelled; create a new task")
    dependencies.check_open_again(scope, task)
    fresh = replace(
        task,
        reviewer=None,
        assignee=None,
        percent=0,
        action="",
        eta=None,
        approved_by=(),
        issues=(),
        feedback=task.feedback if task.state is TaskState.FAILED else "",
        error_class=None,
        review_round=0,
        check_failures=0,
        failures=0,
        releases=0,
        finished_at=None,
        updated_at=scope.now,
    )
    ready = flow.settled(scope, fresh, flow.counters_of(scope, task))
    checked_move(task, ready.state)
    words = sized(reason, NOTE_MAX, "reason")
    flow.record(scope, "task.reopened", task, ready, actor=who(actor), reason=words)
    return flow.unless_lost(scope, scope.task(task.id))
