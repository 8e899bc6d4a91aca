"""What agents know of their own work, kept over their incarnations."""

from __future__ import annotations

from dataclasses import replace

from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import TooLarge
from supervisor.model.ids import SUPERVISOR
from supervisor.model.permissions import Operation, check
from supervisor.model.task import NOTE_MAX, TITLE_MAX, Checkpoint, Task
from supervisor.model.work_state import (
    ITEM_MAX,
    ITEMS_MAX,
    OUTCOME_MAX,
    SUMMARY_MAX,
    LastTask,
    WorkState,
)


def save(
    scope: Scope,
    actor: Actor,
    *,
    summary: str | None = None,
    work_items: tuple[str, ...] | None = None,
    open_questions: tuple[str, ...] | None = None,
    last_task: LastTask | None = None,
) -> WorkState:
    """Keep what the actor says of its own work; what it leaves out stays as it was."""
    check(actor.role, Operation.MEMORY_WRITE)
    known = state_of(scope, actor.name) or WorkState(agent=actor.name)
    saved = replace(
        known,
        summary=known.summary if summary is None else sized(summary, SUMMARY_MAX, "summary"),
        work_items=known.work_items if work_items is None else _checked(work_items, "work_items"),
        open_questions=(
            known.open_questions if open_questions is None else _checked(open_questions, "open_questions")
        ),
        last_task=known.last_task if last_task is None else _checked_task(last_task),
        updated_at=scope.now,
        incarnation=actor.incarnation,
    )
    return scope.tx.record("work_state.saved", saved, actor=actor.name)


def _checked(items: tuple[str, ...], what: str) -> tuple[str, ...]:
    if len(items) > ITEMS_MAX:
        raise TooLarge(f"{what} has {len(items)} items; at most {ITEMS_MAX} are allowed")
    for item in items:
        if len(item) > ITEM_MAX:
            raise TooLarge(f"an item of {what} has {len(item)} characters; at most {ITEM_MAX} are allowed")
    return items


def _checked_task(last: LastTask) -> LastTask:
    sized(last.task_id, TITLE_MAX, "last_task.task_id")
    sized(last.title, TITLE_MAX, "last_task.title")
    sized(last.outcome, OUTCOME_MAX, "last_task.outcome")
    sized(last.notes, NOTE_MAX, "last_task.notes")
    return last


def state_of(scope: Scope, agent: str) -> WorkState | None:
    """Return what an agent knows of its work, or None if nothing was ever kept."""
    return scope.tx.value(WorkState, "work_state.get", agent=agent)


def read(scope: Scope, actor: Actor, agent: str | None = None) -> WorkState | None:
    """Return the actor's own state, or another agent's; raise NotFound for a stranger."""
    check(actor.role, Operation.MEMORY_READ)
    return state_of(scope, actor.name if agent is None else scope.agent(agent).name)


def note_task_end(scope: Scope, agent: str, task: Task, outcome: str) -> WorkState:
    """Keep the task that just ended under an agent as its last one; all else stays."""
    known = state_of(scope, agent) or WorkState(agent=agent)
    last = LastTask(
        task_id=task.id,
        title=task.title,
        outcome=outcome[:OUTCOME_MAX],
        notes=(task.feedback or task.result)[:ITEM_MAX],
    )
    noted = replace(known, last_task=last, updated_at=scope.now, incarnation=scope.agent(agent).incarnation)
    return scope.tx.record("work_state.task_ended", noted, actor=SUPERVISOR, reason=last.outcome)


def newest_checkpoint(scope: Scope, agent: str) -> Checkpoint | None:
    """Return the newest checkpoint that an agent wrote on a task which has not ended."""
    return scope.tx.value(Checkpoint, "work_state.newest_checkpoint", agent=agent, run=scope.run)
