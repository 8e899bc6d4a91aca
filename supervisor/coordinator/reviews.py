"""Judging handed-in work: take it under a lease, approve it, or send it back with feedback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from supervisor.coordinator import agents, choosing, flow
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.evidence import author_if_there
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import AlreadyClaimed, Forbidden, InvalidArgument, NothingToDo, WrongState
from supervisor.model.agent import Agent, Role
from supervisor.model.ids import HUMAN
from supervisor.model.permissions import Operation, check
from supervisor.model.task import MAX_REVIEW_ROUNDS, NOTE_MAX, BlockReason, Gate, Task, TaskState
from supervisor.model.transitions import checked_move

ISSUES_MAX: Final = 50
LINEAGE_MAX: Final = 32
"""How far a spawn lineage is followed."""


def next_review(
    scope: Scope, actor: Actor, *, declined: Callable[[Task], bool] = lambda _task: False
) -> Task | None:
    """Return the handed-in task that this judge should look at next, or None; never one it `declined`."""
    check(actor.role, Operation.TASK_REVIEW)
    if actor.name in scope.held_back:
        return None
    handed_in = scope.tx.values(Task, "task.reviewable", run=scope.run, agent=actor.name)
    wanted = (task for task in handed_in if not declined(task))
    return next((task for task in wanted if not _why_not(scope, task, actor)), None)


def take_review(scope: Scope, actor: Actor, spelled: str | None) -> Task:
    """Reserve one handed-in task for this judge under a lease, so that two do not judge the same."""
    check(actor.role, Operation.TASK_REVIEW)
    choosing.check_not_held_back(scope, actor)
    task = next_review(scope, actor) if spelled is None else scope.task(spelled)
    if task is None:
        raise NothingToDo("nothing waits for review; `wait` for `review`")
    _check_may_judge(scope, task, actor)
    taken = replace(
        task, reviewer=actor.name, review_until=scope.now + scope.team.lease_s, updated_at=scope.now
    )
    scope.save_task("task.review_taken", taken, actor=actor.name)
    agents.refresh_activity(scope, actor.name)
    return taken


def _check_may_judge(scope: Scope, task: Task, actor: Actor) -> None:
    if task.state is not TaskState.IN_REVIEW:
        raise WrongState(f"task {task.id} is {task.state.value}; only a task in review can be judged")
    if task.is_verifying:
        raise WrongState(f"the checks of task {task.id} have not passed yet; `wait` for `review`")
    if because := _why_not(scope, task, actor):
        raise Forbidden(because)
    if task.reviewer not in {None, actor.name}:
        raise AlreadyClaimed(
            f"task {task.id} is being reviewed by {task.reviewer}",
            holder=task.reviewer,
            lease_until=task.review_until,
        )


def _why_not(scope: Scope, task: Task, actor: Actor) -> str:
    """Say why this judge may never judge the task in this round; empty if it may."""
    if actor.name in task.approved_by:
        return f"you approved task {task.id} already; another judge has to look too"
    if actor.role is Role.SOLO or task.author is None:
        return ""
    if task.author == actor.name:
        return f"you did task {task.id} yourself; somebody else must judge it"
    if lineage(scope, task.author) == lineage(scope, actor.name):
        return f"{task.author}, who did task {task.id}, is of your own line; somebody else must judge it"
    return ""


def lineage(scope: Scope, name: str) -> str:
    """Return the first of the agents whose work called for the next, down to this one."""
    for _ in range(LINEAGE_MAX):
        agent = scope.tx.value(Agent, "agent.get", name=name)
        if agent is None or agent.spawned_by is None:
            break
        name = agent.spawned_by
    return name


def approve_task(
    scope: Scope,
    actor: Actor | None,
    spelled: str,
    note: str = "",
    *,
    verified: tuple[int, ...] | None = None,
) -> Task:
    """Accept the work: with the last approval that it needs, the task is done.

    `verified` numbers the criteria that were checked, from 1; if given, none may be missing.
    The person's approval is enough alone.
    """
    task = _judged(scope, actor, spelled)
    _check_verified(task, verified)
    judge = HUMAN if actor is None else actor.name
    approvers = (*task.approved_by, judge)
    words = sized(note, NOTE_MAX, "note")
    if actor is not None and task.gate is Gate.HUMAN:
        raise Forbidden(f"task {task.id} is for a person to approve; you can reject it, or leave a note")
    if actor is not None and len(approvers) < task.approvals_needed:
        counted = replace(task, approved_by=approvers, reviewer=None, review_until=None, updated_at=scope.now)
        scope.save_task("task.approval_counted", counted, actor=judge, reason=words[:200])
        agents.refresh_activity(scope, judge)
        return counted
    checked_move(task, TaskState.DONE)
    done = replace(
        task,
        state=TaskState.DONE,
        reviewer=judge,
        review_until=None,
        approved_by=approvers,
        feedback=words,
        issues=(),
        updated_at=scope.now,
        finished_at=scope.now,
    )
    flow.record(scope, "task.approved", task, done, actor=judge, reason=note[:200])
    agents.refresh_activity(scope, task.reviewer)
    return done


def _check_verified(task: Task, verified: tuple[int, ...] | None) -> None:
    if verified is None:
        return
    wanted = set(range(1, len(task.criteria) + 1))
    if strange := set(verified) - wanted:
        raise InvalidArgument(f"task {task.id} has {len(wanted)} criteria, no number {min(strange)}")
    if missing := sorted(wanted - set(verified)):
        shown = "; ".join(f"{number}. {task.criteria[number - 1]}" for number in missing[:5])
        raise WrongState(f"task {task.id} has criteria that you did not verify: {shown}")


def reject_task(
    scope: Scope, actor: Actor | None, spelled: str, feedback: str, *, issues: tuple[str, ...] = ()
) -> Task:
    """Send the work back with what is missing; after too many rounds a person decides."""
    if not feedback.strip():
        raise InvalidArgument("a rejection needs feedback that says what is missing")
    if len(issues) > ISSUES_MAX:
        raise InvalidArgument(f"at most {ISSUES_MAX} issues can be listed, not {len(issues)}")
    task = _judged(scope, actor, spelled)
    judge = HUMAN if actor is None else actor.name
    stuck = task.review_round + 1 > MAX_REVIEW_ROUNDS
    back = replace(
        task,
        blocked_by=(BlockReason.NEEDS_HUMAN,) if stuck else (),
        block_note=f"rejected {task.review_round + 1} times; a person has to decide" if stuck else "",
        reviewer=None,
        review_until=None,
        approved_by=(),
        assignee=author_if_there(scope, task),
        feedback=sized(feedback, NOTE_MAX, "feedback"),
        issues=tuple(sized(each, 1000, "issue") for each in issues),
        review_round=task.review_round + 1,
        updated_at=scope.now,
    )
    back = flow.settled(scope, back, flow.counters_of(scope, task))
    checked_move(task, back.state)
    scope.save_task("task.rejected", back, actor=judge, reason=feedback[:200])
    agents.refresh_activity(scope, task.reviewer)
    return flow.unless_lost(scope, back)


def _judged(scope: Scope, actor: Actor | None, spelled: str) -> Task:
    task = scope.task(spelled)
    if actor is None:
        if task.state is not TaskState.IN_REVIEW:
            raise WrongState(f"task {task.id} is {task.state.value}; only a task in review can be judged")
        return task
    check(actor.role, Operation.TASK_REVIEW)
    _check_may_judge(scope, task, actor)
    return task
