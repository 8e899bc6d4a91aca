"""Handing work on: to a role or an agent, with notes that are kept, sent and shown with the task."""

from __future__ import annotations

from dataclasses import dataclass, replace

from supervisor.coordinator import agents, flow, handoffs, messages, work
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument, NotFound
from supervisor.model.agent import ROLE_ALIASES, Role
from supervisor.model.handoff import Handoff
from supervisor.model.message import MESSAGE_MAX, MessageKind
from supervisor.model.permissions import Operation, check, may
from supervisor.model.task import RESULT_MAX, BlockReason, Task, TaskState
from supervisor.model.transitions import checked_move


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOn:
    """A handoff that was recorded, the task as it is now, and whose mailboxes have the notes."""

    handoff: Handoff
    task: Task | None
    recipients: tuple[str, ...]


def hand_off(
    scope: Scope, actor: Actor, *, to: str, notes: str, spelled: str | None = None, token: int | None = None
) -> HandedOn:
    """Record notes for an agent or a role, and send them. With a task that the actor holds, pass it on.

    A held task goes to review if `to` judges, else back to the queue for that role or agent;
    for one that never claims it is held until somebody plans on. Any other task stays as it is.
    """
    check(actor.role, Operation.TASK_HANDOFF)
    address = to if ":" in to or scope.pool_of(to) is not None else f"role:{ROLE_ALIASES.get(to, to)}"
    address = handoffs.checked_address(scope, address)
    handoffs.checked_notes(notes)
    task = None if spelled is None else scope.task(spelled)
    if task is not None and task.state is TaskState.IN_PROGRESS and task.holder == actor.name:
        if token is None:
            raise InvalidArgument("task_handoff: `token` is needed for a task that you hold")
        work.held_task(scope, actor, task.id, token)
        task = _passed_on(scope, actor, task, address, notes)
    record = handoffs.record(
        scope, sender=actor.name, to=address, notes=notes, task=None if task is None else task.id
    )
    if task is not None:
        work.put_note(scope, task, notes.encode()[:MESSAGE_MAX].decode(errors="ignore"), author=actor.name)
    return HandedOn(handoff=record, task=task, recipients=_sent(scope, actor, address, notes, task))


def _role_at(scope: Scope, address: str) -> Role:
    kind, _, role = address.partition(":")
    return Role(role) if kind == "role" else scope.agent(address).role


def _passed_on(scope: Scope, actor: Actor, task: Task, address: str, notes: str) -> Task:
    role = _role_at(scope, address)
    if may(role, Operation.TASK_REVIEW) and not may(role, Operation.TASK_CLAIM):
        result = task.result or notes.encode()[:RESULT_MAX].decode(errors="ignore")
        reviewed = scope.save_task(
            "task.updated", replace(task, review=True, updated_at=scope.now), actor=actor.name
        )
        return work.complete(scope, actor, reviewed.id, reviewed.token, result)
    claims = may(role, Operation.TASK_CLAIM)
    named = ":" not in address
    passed = replace(
        task,
        holder=None,
        lease_until=None,
        lease_ceiling=None,
        eta=None,
        assignee=address if claims and named else None,
        required_role=role.value if claims and not named else task.required_role,
        blocked_by=() if claims else (BlockReason.HOLD,),
        block_note="" if claims else f"handed to {address} by {actor.name}",
        updated_at=scope.now,
    )
    passed = flow.settled(scope, passed, flow.counters_of(scope, task))
    checked_move(task, passed.state)
    scope.save_task("task.handed_on", passed, actor=actor.name, reason=f"to {address}")
    agents.refresh_activity(scope, actor.name)
    return flow.unless_lost(scope, passed)


def _sent(scope: Scope, actor: Actor, address: str, notes: str, task: Task | None) -> tuple[str, ...]:
    """Send the notes to whoever is meant; a role that nobody has yet finds them in the record."""
    about = "" if task is None else f"{task.id} {task.title}: "
    body = f"Handoff from {actor.name}. {about}{notes}".encode()[:MESSAGE_MAX].decode(errors="ignore")
    thread = "" if task is None else str(task.id)
    try:
        messages.resolve(scope, address, sender=actor.name)
    except NotFound:
        return ()
    sent = messages.send(scope, actor, to=address, body=body, kind=MessageKind.TASK, thread=thread)
    return sent.recipients
