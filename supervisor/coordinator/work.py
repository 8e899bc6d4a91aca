"""Doing work: claim under a lease, report with the fencing token, hand it in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from supervisor.coordinator import agents, choosing, dealing, flow, work_state
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized, task_number
from supervisor.errors import AlreadyClaimed, Forbidden, InvalidArgument, NothingToDo, StaleToken, WrongState
from supervisor.model.permissions import Operation, check
from supervisor.model.task import (
    BODY_MAX,
    LOCK_MAX_S,
    NOTE_MAX,
    RESULT_MAX,
    Board,
    Checkpoint,
    Note,
    Task,
    TaskState,
)
from supervisor.model.transitions import checked_move

ETA_MAX_S = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a claimer gets to start with; `dependencies` and `children` carry the results to build on."""

    task: Task
    notes: tuple[Note, ...]
    board: Board | None
    checkpoint: Checkpoint | None
    dependencies: tuple[Task, ...]
    children: tuple[Task, ...]


def claim(scope: Scope, actor: Actor, spelled: str | None, *, lock_minutes: float | None = None) -> Claim:
    """Lease one task to the actor: the named one, or the recommended one.

    Claiming again what one already holds is answered with the same token. `lock_minutes`
    makes the lease that long and never renewed; without it the lease is the team's, renewed
    while the holder lives, for four hours at most.
    """
    check(actor.role, Operation.TASK_CLAIM)
    if lock_minutes is not None and not 0 < lock_minutes * 60 <= 24 * 3600:
        raise InvalidArgument(f"lock_minutes {lock_minutes} is not between 0 and 1440")
    named = None if spelled is None else scope.task(spelled)
    if named is not None and named.state is TaskState.IN_PROGRESS and named.holder == actor.name:
        return claim_details(scope, named)
    choosing.check_free_hand(scope, actor)
    task = named or choosing.recommended(scope, actor)
    if task is None:
        raise NothingToDo("nothing is claimable for you now; `wait` for `task`")
    check_claimable(task, actor)
    choosing.check_milestone_room(scope, task)
    return claim_details(scope, _claimed(scope, actor, task, lock_minutes))


def _claimed(scope: Scope, actor: Actor, task: Task, lock_minutes: float | None) -> Task:
    lease_s = scope.team.lease_s if lock_minutes is None else lock_minutes * 60
    claimed = replace(
        task,
        state=TaskState.IN_PROGRESS,
        holder=actor.name,
        author=actor.name,
        token=task.token + 1,
        lease_until=scope.now + lease_s,
        lease_ceiling=scope.now + (max(LOCK_MAX_S, lease_s) if lock_minutes is None else lease_s),
        percent=0,
        action="",
        eta=None,
        reopened_inputs=(),
        started_at=scope.now,
        updated_at=scope.now,
    )
    scope.save_task("task.claimed", claimed, actor=actor.name)
    agents.refresh_activity(scope, actor.name)
    return claimed


def check_claimable(task: Task, actor: Actor) -> None:
    """Raise AlreadyClaimed, WrongState or Forbidden unless the actor may claim the task now."""
    if task.state is TaskState.IN_PROGRESS:
        raise AlreadyClaimed(
            f"task {task.id} is held by {task.holder} until its lease ends",
            holder=task.holder,
            lease_until=task.lease_until,
        )
    if task.run != actor.run:
        raise WrongState(f"task {task.id} belongs to run {task.run}, which is over")
    if task.state is TaskState.BLOCKED:
        waits = ", ".join(reason.value for reason in task.blocked_by)
        raise WrongState(f"task {task.id} is blocked by: {waits}; `task_why` tells by what exactly")
    checked_move(task, TaskState.IN_PROGRESS)
    if task.assignee is not None and task.assignee != actor.name:
        raise Forbidden(f"task {task.id} is reserved for {task.assignee}")
    if not dealing.suits(task, actor):
        wanted = [*task.required_tags, *filter(None, (task.required_role, task.required_group))]
        raise Forbidden(f"task {task.id} needs {', '.join(wanted)}; you are a {actor.role.value}")


def claim_details(scope: Scope, task: Task) -> Claim:
    """Gather what somebody who looks at a task needs."""
    number = task_number(task.id)
    return Claim(
        task=task,
        notes=scope.tx.values(Note, "note.of_task", task=task.id),
        board=scope.tx.value(Board, "board.get", task=task.id),
        checkpoint=scope.tx.value(Checkpoint, "checkpoint.get", task=task.id),
        dependencies=scope.tx.values(Task, "dependency.of", task=number),
        children=scope.tx.values(Task, "task.children", parent=number),
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


def renewed_lease(scope: Scope, task: Task) -> float:
    """Return until when a held task is leased if its holder gave a sign of life now."""
    until = max(scope.now + scope.team.lease_s, task.lease_until or 0.0)
    return until if task.lease_ceiling is None else min(until, task.lease_ceiling)


def progress(
    scope: Scope,
    actor: Actor,
    spelled: str,
    token: int,
    *,
    percent: int,
    action: str,
    eta_s: float | None = None,
) -> Task:
    """Report how far the holder is, 0 to 100, what it does and how long it will take; renews the lease."""
    task = held_task(scope, actor, spelled, token)
    if not 0 <= percent <= 100:
        raise InvalidArgument(f"percent {percent} is not between 0 and 100")
    if eta_s is not None and not 0 <= eta_s <= ETA_MAX_S:
        raise InvalidArgument(f"eta_s {eta_s} is not between 0 and {ETA_MAX_S:.0f}")
    moved = replace(
        task,
        percent=percent,
        action=sized(action, 200, "action"),
        eta=None if eta_s is None else scope.now + eta_s,
        lease_until=renewed_lease(scope, task),
        updated_at=scope.now,
    )
    return scope.save_task("task.progress", moved, actor=actor.name)


def add_note(scope: Scope, actor: Actor | None, spelled: str, body: str, token: int | None) -> Note:
    """Add a remark; one that claims to come from the holder must carry the current token."""
    if actor is not None:
        check(actor.role, Operation.TASK_NOTE)
        task = scope.task(spelled) if token is None else held_task(scope, actor, spelled, token)
    else:
        task = scope.task(spelled)
    return put_note(scope, task, body, author="human" if actor is None else actor.name)


def put_note(scope: Scope, task: Task, body: str, *, author: str) -> Note:
    """Write a remark on a task."""
    if not body.strip():
        raise InvalidArgument("a note needs a body")
    note = Note(
        id=scope.tx.scalar("note.next_number"),
        task=task.id,
        author=author,
        body=sized(body, NOTE_MAX, "note"),
        at=scope.now,
    )
    return scope.tx.record("note.added", note, actor=author)


def write_board(scope: Scope, actor: Actor, spelled: str, token: int, text: str, *, append: bool) -> Board:
    """Replace the board of a held task, or add a line to it."""
    task = held_task(scope, actor, spelled, token)
    known = scope.tx.value(Board, "board.get", task=task.id)
    whole = f"{known.text}\n{text}" if append and known is not None and known.text else text
    board = Board(task=task.id, text=sized(whole, BODY_MAX, "board"), author=actor.name, at=scope.now)
    return scope.tx.record("board.written", board, actor=actor.name)


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
    for each in (*completed, *remaining):
        sized(each, NOTE_MAX, "item")
    sized("".join((*completed, *remaining)), BODY_MAX, "items together")
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
    """Hand the work in: to its checks and to review if the task asks for them, else it is done.

    A parent whose children are still open cannot be handed in.
    """
    task = held_task(scope, actor, spelled, token)
    _check_children_ended(scope, task)
    to = TaskState.IN_REVIEW if task.review or task.checks else TaskState.DONE
    checked_move(task, to)
    handed_in = replace(
        task,
        state=to,
        holder=None,
        lease_until=None,
        lease_ceiling=None,
        result=sized(result, RESULT_MAX, "result"),
        percent=100,
        action="",
        eta=None,
        assignee=None,
        approved_by=(),
        updated_at=scope.now,
        finished_at=scope.now if to is TaskState.DONE else None,
    )
    kind = "task.done" if to is TaskState.DONE else "task.submitted"
    flow.record(scope, kind, task, handed_in, actor=actor.name)
    work_state.note_task_end(scope, actor.name, handed_in, handed_in.outcome or "handed in")
    agents.refresh_activity(scope, actor.name)
    return handed_in


def _check_children_ended(scope: Scope, task: Task) -> None:
    if flow.children_wait(task, flow.counters_of(scope, task)):
        children = scope.tx.values(Task, "task.children", parent=task_number(task.id))
        waiting = [each.id for each in children if not each.is_terminal]
        raise WrongState(
            f"task {task.id} has open children: {', '.join(waiting[:10])}; wait for them, or give it back "
            "with `task_release`: it becomes claimable when they have ended"
        )
