"""Doing work: claim under a lease, report with the fencing token, end it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from supervisor.coordinator import agents
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.dependencies import task_ended
from supervisor.coordinator.scope import Scope, sized, task_number
from supervisor.errors import (
    AlreadyClaimed,
    Forbidden,
    InvalidArgument,
    NothingToDo,
    StaleToken,
    WrongState,
)
from supervisor.model.ids import SUPERVISOR
from supervisor.model.permissions import Operation, check
from supervisor.model.task import (
    BODY_MAX,
    MAX_FAILURES,
    MAX_RELEASES,
    NOTE_MAX,
    RESULT_MAX,
    BlockReason,
    Checkpoint,
    Note,
    Task,
    TaskState,
    checked_move,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a claimer gets to start with."""

    task: Task
    notes: tuple[Note, ...]
    checkpoint: Checkpoint | None
    dependencies: tuple[Task, ...]


def recommended(scope: Scope, actor: Actor) -> Task | None:
    """Return the task that this agent should claim next, or None."""
    check(actor.role, Operation.TASK_CLAIM)
    return scope.tx.value(Task, "task.claimable", run=scope.run, agent=actor.name, role=actor.role.value)


def claim(scope: Scope, actor: Actor, spelled: str | None) -> Claim:
    """Lease one task to the actor: the named one, or the recommended one.

    Claiming again what one already holds is answered with the same token.
    """
    check(actor.role, Operation.TASK_CLAIM)
    task = recommended(scope, actor) if spelled is None else scope.task(spelled)
    if task is None:
        raise NothingToDo("nothing is claimable for you now; `wait` for `task`")
    if task.state is TaskState.IN_PROGRESS and task.holder == actor.name:
        return claim_details(scope, task)
    _check_claimable(task, actor)
    claimed = replace(
        task,
        state=TaskState.IN_PROGRESS,
        holder=actor.name,
        author=actor.name,
        token=task.token + 1,
        lease_until=scope.now + scope.team.lease_s,
        percent=0,
        action="",
        started_at=scope.now,
        updated_at=scope.now,
    )
    scope.save_task("task.claimed", claimed, actor=actor.name)
    agents.refresh_activity(scope, actor.name)
    return claim_details(scope, claimed)


def _check_claimable(task: Task, actor: Actor) -> None:
    if task.state is TaskState.IN_PROGRESS:
        raise AlreadyClaimed(
            f"task {task.id} is held by {task.holder} until its lease ends",
            holder=task.holder,
            lease_until=task.lease_until,
        )
    checked_move(task, TaskState.IN_PROGRESS)
    if task.assignee is not None and task.assignee != actor.name:
        raise Forbidden(f"task {task.id} is reserved for {task.assignee}")
    if task.required_role is not None and task.required_role != actor.role.value:
        raise Forbidden(f"task {task.id} needs the role {task.required_role}; you are a {actor.role.value}")


def claim_details(scope: Scope, task: Task) -> Claim:
    """Gather what somebody who looks at a task needs."""
    return Claim(
        task=task,
        notes=scope.tx.values(Note, "note.of_task", task=task.id),
        checkpoint=scope.tx.value(Checkpoint, "checkpoint.get", task=task.id),
        dependencies=scope.tx.values(Task, "dependency.of", task=task_number(task.id)),
    )


def held_task(scope: Scope, actor: Actor, spelled: str, token: int) -> Task:
    """Return the task if the actor holds it under this token; else raise StaleToken or WrongState."""
    check(actor.role, Operation.TASK_WORK)
    task = scope.task(spelled)
    if task.token != token:
        raise StaleToken(
            f"token {token} of task {task.id} is not current; stop working on it", holder=task.holder
        )
    if task.state is not TaskState.IN_PROGRESS or task.holder != actor.name:
        raise StaleToken(
            f"you no longer hold task {task.id} (it is {task.state.value}); stop working on it",
            holder=task.holder,
        )
    return task


def progress(scope: Scope, actor: Actor, spelled: str, token: int, *, percent: int, action: str) -> Task:
    """Report how far the holder is, 0 to 100, and what it does now; renews the lease."""
    task = held_task(scope, actor, spelled, token)
    if not 0 <= percent <= 100:
        raise InvalidArgument(f"percent {percent} is not between 0 and 100")
    moved = replace(
        task,
        percent=percent,
        action=sized(action, 200, "action"),
        lease_until=scope.now + scope.team.lease_s,
        updated_at=scope.now,
    )
    return scope.save_task("task.progress", moved, actor=actor.name)


def add_note(scope: Scope, actor: Actor, spelled: str, body: str, token: int | None) -> Note:
    """Add a remark; one that claims to come from the holder must carry the current token."""
    check(actor.role, Operation.TASK_NOTE)
    task = held_task(scope, actor, spelled, token) if token is not None else scope.task(spelled)
    if not body.strip():
        raise InvalidArgument("a note needs a body")
    note = Note(
        id=scope.tx.scalar("note.next_number"),
        task=task.id,
        author=actor.name,
        body=sized(body, NOTE_MAX, "note"),
        at=scope.now,
    )
    return scope.tx.record("note.added", note, actor=actor.name)


def save_checkpoint(
    scope: Scope,
    actor: Actor,
    spelled: str,
    token: int,
    *,
    percent: int,
    completed: tuple[str, ...],
    remaining: tuple[str, ...],
    state: str,
) -> Checkpoint:
    """Keep how far the holder came, for whoever claims the task after it."""
    task = held_task(scope, actor, spelled, token)
    checkpoint = Checkpoint(
        task=task.id,
        author=actor.name,
        token=token,
        percent=percent,
        completed=completed,
        remaining=remaining,
        state=sized(state, BODY_MAX, "state"),
        at=scope.now,
    )
    return scope.tx.record("checkpoint.saved", checkpoint, actor=actor.name)


def complete(scope: Scope, actor: Actor, spelled: str, token: int, result: str) -> Task:
    """Hand the work in: to review if the task asks for it, else it is done."""
    task = held_task(scope, actor, spelled, token)
    to = TaskState.IN_REVIEW if task.review else TaskState.DONE
    checked_move(task, to)
    handed_in = replace(
        task,
        state=to,
        holder=None,
        lease_until=None,
        result=sized(result, RESULT_MAX, "result"),
        percent=100,
        action="",
        assignee=None,
        updated_at=scope.now,
        finished_at=scope.now if to is TaskState.DONE else None,
    )
    scope.save_task("task.submitted" if task.review else "task.done", handed_in, actor=actor.name)
    if to is TaskState.DONE:
        task_ended(scope, handed_in)
    agents.refresh_activity(scope, actor.name)
    return handed_in


def fail(scope: Scope, actor: Actor, spelled: str, token: int, error: str, *, permanent: bool) -> Task:
    """Report that the work failed; it is tried again until its failure budget is spent."""
    task = held_task(scope, actor, spelled, token)
    failed = after_failure(
        scope, task, actor=actor.name, error=sized(error, NOTE_MAX, "error"), permanent=permanent
    )
    agents.refresh_activity(scope, actor.name)
    return failed


def after_failure(scope: Scope, task: Task, *, actor: str, error: str, permanent: bool) -> Task:
    """Count one failure; put the task back, or end it as failed when the budget is spent."""
    failures = task.failures + 1
    ends = permanent or failures >= MAX_FAILURES
    to = TaskState.FAILED if ends else TaskState.PENDING
    checked_move(task, to)
    failed = replace(
        task,
        state=to,
        holder=None,
        lease_until=None,
        failures=failures,
        feedback=error,
        updated_at=scope.now,
        finished_at=scope.now if ends else None,
    )
    scope.save_task("task.failed" if ends else "task.retried", failed, actor=actor, reason=error[:200])
    if ends:
        task_ended(scope, failed)
    return failed


def release(scope: Scope, actor: Actor, spelled: str, token: int, reason: str) -> Task:
    """Give a task back untouched; the third time it waits for a person instead."""
    task = held_task(scope, actor, spelled, token)
    words = sized(reason, NOTE_MAX, "reason")
    released = give_back(scope, task, actor=actor.name, reason=words, releases=task.releases + 1)
    agents.refresh_activity(scope, actor.name)
    return released


def give_back(scope: Scope, task: Task, *, actor: str, reason: str, releases: int) -> Task:
    """Take a task from its holder and make it claimable again."""
    thrashing = releases >= MAX_RELEASES
    to = TaskState.BLOCKED if thrashing else TaskState.PENDING
    checked_move(task, to)
    free = replace(
        task,
        state=to,
        blocked_by=(BlockReason.NEEDS_HUMAN,) if thrashing else (),
        holder=None,
        lease_until=None,
        releases=releases,
        updated_at=scope.now,
    )
    return scope.save_task("task.blocked" if thrashing else "task.released", free, actor=actor, reason=reason)


def block_for_help(scope: Scope, actor: Actor, spelled: str, token: int, reason: str) -> Task:
    """Stop working on a held task until a person has helped; the assignee stays."""
    task = held_task(scope, actor, spelled, token)
    checked_move(task, TaskState.BLOCKED)
    blocked = replace(
        task,
        state=TaskState.BLOCKED,
        blocked_by=(BlockReason.NEEDS_HUMAN,),
        holder=None,
        lease_until=None,
        assignee=actor.name,
        updated_at=scope.now,
    )
    scope.save_task("task.blocked", blocked, actor=actor.name, reason=reason)
    agents.refresh_activity(scope, actor.name)
    return blocked


def unblock(scope: Scope, spelled: str, *, actor: str) -> Task:
    """Let a person clear what waits for a person, so that the task can be claimed again."""
    task = scope.task(spelled)
    if task.state is not TaskState.BLOCKED or BlockReason.NEEDS_HUMAN not in task.blocked_by:
        raise WrongState(f"task {task.id} does not wait for a person; it is {task.state.value}")
    rest = tuple(reason for reason in task.blocked_by if reason is not BlockReason.NEEDS_HUMAN)
    freed = replace(
        task,
        blocked_by=rest,
        state=TaskState.BLOCKED if rest else TaskState.PENDING,
        releases=0,
        review_round=0,
        assignee=None,
        updated_at=scope.now,
    )
    return scope.save_task(
        "task.blocked" if rest else "task.ready", freed, actor=actor, reason="cleared by a person"
    )


def holder_gone(scope: Scope, name: str, *, reason: str, is_failure: bool) -> None:
    """Take everything from an agent whose incarnation ended: its tasks, its reviews, its reservations."""
    for task in scope.tx.values(Task, "task.held_by", agent=name):
        if is_failure:
            after_failure(scope, task, actor=SUPERVISOR, error=reason, permanent=False)
        else:
            give_back(scope, task, actor=SUPERVISOR, reason=reason, releases=task.releases)
    for task in scope.tx.values(Task, "task.reviewed_by", agent=name, run=scope.run):
        free = replace(task, reviewer=None, updated_at=scope.now)
        scope.save_task("task.review_released", free, actor=SUPERVISOR, reason=reason)


def free_reservations(scope: Scope, name: str, *, reason: str) -> None:
    """Let others claim what was reserved for an agent that will not come back by itself."""
    for task in scope.tx.values(Task, "task.reserved_for", agent=name, run=scope.run):
        free = replace(task, assignee=None, updated_at=scope.now)
        scope.save_task("task.unassigned", free, actor=SUPERVISOR, reason=reason)
