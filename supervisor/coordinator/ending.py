"""Work that ends without success or changes hands: failures, retries, releases, deaths, quarantine."""

from __future__ import annotations

from dataclasses import replace

from supervisor.coordinator import agents, flow, handoffs, work_state
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.coordinator.work import held_task
from supervisor.errors import WrongState
from supervisor.model.agent import Agent
from supervisor.model.ids import HUMAN, SUPERVISOR
from supervisor.model.task import (
    FINAL_ERRORS,
    MAX_FAILURES,
    MAX_RELEASES,
    NOTE_MAX,
    QUARANTINE_FAILURES,
    QUARANTINE_WINDOW_S,
    BlockReason,
    ErrorClass,
    Task,
    TaskState,
    retry_delay,
)
from supervisor.model.transitions import checked_move


def fail(scope: Scope, actor: Actor, spelled: str, token: int, error: str, *, kind: ErrorClass) -> Task:
    """Report that the work failed; unless the error is final it is tried again after a while."""
    task = held_task(scope, actor, spelled, token)
    words = sized(error, NOTE_MAX, "error")
    failed = after_failure(scope, task, actor=actor.name, error=words, kind=kind)
    agents.refresh_activity(scope, actor.name)
    return failed


def after_failure(
    scope: Scope, task: Task, *, actor: str, error: str, kind: ErrorClass, crashed: bool = False
) -> Task:
    """Count one failure; put the task back after a delay, or end it as failed when the budget is spent.

    The first crash puts the task back at once: its holder's successor waits for its own restart.
    """
    count_failure(scope, task.holder or actor, task)
    failures = task.failures + 1
    if kind in FINAL_ERRORS or failures >= MAX_FAILURES:
        return _failed(scope, task, actor=actor, error=error, kind=kind)
    passed = failures - 1 if crashed else failures
    not_before = scope.now + retry_delay(passed) if passed else None
    back = replace(
        _taken(scope, task),
        failures=failures,
        feedback=error,
        error_class=kind,
        not_before=not_before,
        blocked_by=flow.postponed(scope, not_before),
        block_note=error[:200],
    )
    return _put_back(scope, task, back, kind="task.retried", actor=actor, reason=error[:200])


def _failed(scope: Scope, task: Task, *, actor: str, error: str, kind: ErrorClass) -> Task:
    checked_move(task, TaskState.FAILED)
    failed = replace(
        _taken(scope, task),
        state=TaskState.FAILED,
        failures=task.failures + 1,
        feedback=error,
        error_class=kind,
        finished_at=scope.now,
    )
    if task.holder is not None:
        work_state.note_task_end(scope, task.holder, failed, failed.outcome)
    return flow.record(scope, "task.failed", task, failed, actor=actor, reason=error[:200])


def _taken(scope: Scope, task: Task) -> Task:
    """Return a held task without its holder."""
    return replace(
        task, holder=None, lease_until=None, lease_ceiling=None, eta=None, blocked_by=(), updated_at=scope.now
    )


def _put_back(scope: Scope, task: Task, back: Task, *, kind: str, actor: str, reason: str) -> Task:
    """Write a task that nobody holds any more, blocked by whatever stands in its way now."""
    settled = flow.settled(scope, back, flow.counters_of(scope, task))
    checked_move(task, settled.state)
    return flow.unless_lost(scope, scope.save_task(kind, settled, actor=actor, reason=reason))


def release(scope: Scope, actor: Actor, spelled: str, token: int, reason: str) -> Task:
    """Give a task back untouched; the third time it waits for a person instead."""
    task = held_task(scope, actor, spelled, token)
    words = sized(reason, NOTE_MAX, "reason")
    waits_for_children = flow.children_wait(task, flow.counters_of(scope, task))
    releases = task.releases + (not waits_for_children)
    released = give_back(scope, task, actor=actor.name, reason=words, releases=releases)
    agents.refresh_activity(scope, actor.name)
    return released


def give_back(scope: Scope, task: Task, *, actor: str, reason: str, releases: int) -> Task:
    """Take a task from its holder and make it claimable again, unless it was given back too often."""
    thrashing = releases >= MAX_RELEASES
    back = replace(
        _taken(scope, task),
        blocked_by=(BlockReason.NEEDS_HUMAN,) if thrashing else (),
        block_note=f"given back {releases} times; last: {reason[:200]}" if thrashing else "",
        releases=releases,
    )
    kind = "task.blocked" if thrashing else "task.released"
    return _put_back(scope, task, back, kind=kind, actor=actor, reason=reason)


def block_for_help(scope: Scope, actor: Actor, spelled: str, token: int, reason: str) -> Task:
    """Stop working on a held task until a person has helped; the assignee stays."""
    task = held_task(scope, actor, spelled, token)
    blocked = replace(
        _taken(scope, task),
        blocked_by=(BlockReason.NEEDS_HUMAN,),
        block_note=reason[:200],
        assignee=actor.name,
    )
    blocked = _put_back(scope, task, blocked, kind="task.blocked", actor=actor.name, reason=reason)
    agents.refresh_activity(scope, actor.name)
    return blocked


def holder_gone(scope: Scope, name: str, *, reason: str, is_failure: bool) -> None:
    """Take everything from an agent whose incarnation ended: its tasks and its reviews."""
    for task in scope.tx.values(Task, "task.held_by", agent=name):
        handoffs.automatic(scope, name, task, reason)
        if is_failure:
            after_failure(
                scope, task, actor=SUPERVISOR, error=reason, kind=ErrorClass.TRANSIENT, crashed=True
            )
        else:
            give_back(scope, task, actor=SUPERVISOR, reason=reason, releases=task.releases)
    for task in scope.tx.values(Task, "task.reviewed_by", agent=name, run=scope.run):
        release_review(scope, task, reason=reason)


def release_review(scope: Scope, task: Task, *, reason: str) -> Task:
    """Let another judge take a review."""
    free = replace(task, reviewer=None, review_until=None, updated_at=scope.now)
    return scope.save_task("task.review_released", free, actor=SUPERVISOR, reason=reason)


def free_reservations(scope: Scope, name: str, *, reason: str) -> None:
    """Let others claim what was reserved for an agent that will not come back by itself."""
    for task in scope.tx.values(Task, "task.reserved_for", agent=name, run=scope.run):
        reasons = flow.stated(task) - {BlockReason.QUARANTINE}
        free = replace(task, assignee=None)
        flow.restate(scope, free, reasons, actor=SUPERVISOR, reason=reason, kind="task.unassigned")


def count_failure(scope: Scope, name: str, task: Task) -> None:
    """Remember an agent's failure; three within an hour set it aside until a person looks."""
    scope.tx.execute("agent_failure.add", agent=name, at=scope.now, task=task.id)
    recent = scope.tx.scalar("agent_failure.since", agent=name, at=scope.now - QUARANTINE_WINDOW_S)
    if recent >= QUARANTINE_FAILURES and not scope.quarantine_of(name):
        set_aside(scope, name, reason=f"{recent} failures within an hour, the last with {task.id}")


def set_aside(scope: Scope, name: str, *, reason: str, actor: str = SUPERVISOR) -> Agent:
    """Quarantine an agent: it keeps running but claims nothing, and what was reserved for it waits."""
    agent = scope.agent(name)
    if agent.quarantined:
        raise WrongState(f"{name} is quarantined already: {agent.quarantined}")
    aside = replace(agent, quarantined=sized(reason, 500, "reason") or "by hand")
    scope.tx.record("agent.quarantined", aside, actor=actor, reason=reason)
    for task in scope.tx.values(Task, "task.reserved_for", agent=name, run=scope.run):
        flow.restate(
            scope,
            task,
            flow.stated(task) | {BlockReason.QUARANTINE},
            actor=SUPERVISOR,
            reason=f"{name} is quarantined",
            note=f"{name} is quarantined",
        )
    return aside


def bring_back(scope: Scope, name: str) -> Agent:
    """Let a quarantined agent claim again, with a clean slate."""
    agent = scope.agent(name)
    if not agent.quarantined:
        raise WrongState(f"{name} is not quarantined")
    back = replace(agent, quarantined="")
    scope.tx.record("agent.released", back, actor=HUMAN, reason="released by a person")
    scope.tx.execute("agent_failure.forget", agent=name)
    for task in scope.tx.values(Task, "task.reserved_for", agent=name, run=scope.run):
        reasons = flow.stated(task) - {BlockReason.QUARANTINE}
        flow.restate(scope, task, reasons, actor=SUPERVISOR, reason=f"{name} was released")
    return back


def retry_due(scope: Scope) -> None:
    """Let go on what waited for a time that has come."""
    for task in scope.tx.values(Task, "task.due", now=scope.now):
        reasons = flow.stated(task) - {BlockReason.BACKOFF}
        flow.restate(scope, task, reasons, actor=SUPERVISOR, reason="its time has come")
