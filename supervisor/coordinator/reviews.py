"""Judging handed-in work: take it, approve it, or send it back with feedback."""

from __future__ import annotations

from dataclasses import replace

from supervisor.coordinator import agents
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.dependencies import task_ended
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import AlreadyClaimed, Forbidden, InvalidArgument, NothingToDo, WrongState
from supervisor.model.agent import ALIVE, Role
from supervisor.model.ids import HUMAN
from supervisor.model.permissions import Operation, check
from supervisor.model.task import MAX_REVIEW_ROUNDS, NOTE_MAX, BlockReason, Task, TaskState, checked_move


def next_review(scope: Scope, actor: Actor) -> Task | None:
    """Return the handed-in task that this judge should look at next, or None."""
    check(actor.role, Operation.TASK_REVIEW)
    return scope.tx.value(Task, "task.reviewable", run=scope.run, agent=actor.name)


def take_review(scope: Scope, actor: Actor, spelled: str | None) -> Task:
    """Reserve one handed-in task for this judge, so that two do not judge the same."""
    check(actor.role, Operation.TASK_REVIEW)
    task = next_review(scope, actor) if spelled is None else scope.task(spelled)
    if task is None:
        raise NothingToDo("nothing waits for review; `wait` for `review`")
    _check_may_judge(task, actor)
    if task.reviewer == actor.name:
        return task
    taken = replace(task, reviewer=actor.name, updated_at=scope.now)
    scope.save_task("task.review_taken", taken, actor=actor.name)
    agents.refresh_activity(scope, actor.name)
    return taken


def _check_may_judge(task: Task, actor: Actor) -> None:
    if task.state is not TaskState.IN_REVIEW:
        raise WrongState(f"task {task.id} is {task.state.value}; only a task in review can be judged")
    if task.author == actor.name and actor.role is not Role.SOLO:
        raise Forbidden(f"you did task {task.id} yourself; somebody else must judge it")
    if task.reviewer not in {None, actor.name}:
        raise AlreadyClaimed(f"task {task.id} is being reviewed by {task.reviewer}", holder=task.reviewer)


def approve_task(scope: Scope, actor: Actor | None, spelled: str, note: str = "") -> Task:
    """Accept the work: the task is done and what waits for it may become ready."""
    task = _judged(scope, actor, spelled)
    checked_move(task, TaskState.DONE)
    judge = HUMAN if actor is None else actor.name
    done = replace(
        task,
        state=TaskState.DONE,
        reviewer=judge,
        feedback=sized(note, NOTE_MAX, "note"),
        updated_at=scope.now,
        finished_at=scope.now,
    )
    scope.save_task("task.approved", done, actor=judge, reason=note[:200])
    task_ended(scope, done)
    agents.refresh_activity(scope, task.reviewer)
    return done


def reject_task(scope: Scope, actor: Actor | None, spelled: str, feedback: str) -> Task:
    """Send the work back with what is missing; after too many rounds a person decides."""
    if not feedback.strip():
        raise InvalidArgument("a rejection needs feedback that says what is missing")
    task = _judged(scope, actor, spelled)
    stuck = task.review_round + 1 > MAX_REVIEW_ROUNDS
    to = TaskState.BLOCKED if stuck else TaskState.PENDING
    checked_move(task, to)
    back = replace(
        task,
        state=to,
        blocked_by=(BlockReason.NEEDS_HUMAN,) if stuck else (),
        reviewer=None,
        assignee=_author_if_there(scope, task),
        feedback=sized(feedback, NOTE_MAX, "feedback"),
        review_round=task.review_round + 1,
        updated_at=scope.now,
    )
    judge = HUMAN if actor is None else actor.name
    scope.save_task("task.rejected", back, actor=judge, reason=feedback[:200])
    agents.refresh_activity(scope, task.reviewer)
    return back


def _judged(scope: Scope, actor: Actor | None, spelled: str) -> Task:
    task = scope.task(spelled)
    if actor is None:
        if task.state is not TaskState.IN_REVIEW:
            raise WrongState(f"task {task.id} is {task.state.value}; only a task in review can be judged")
        return task
    check(actor.role, Operation.TASK_REVIEW)
    _check_may_judge(task, actor)
    return task


def _author_if_there(scope: Scope, task: Task) -> str | None:
    return task.author if task.author is not None and scope.agent(task.author).state in ALIVE else None
