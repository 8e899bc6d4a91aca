"""Handoffs: what one agent leaves to the next, recorded whether it meant to or only ended."""

from __future__ import annotations

from typing import Final

from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import InvalidArgument
from supervisor.model.agent import Role
from supervisor.model.handoff import HANDOFF_NOTES_MAX, Handoff, HandoffKind
from supervisor.model.ids import SUPERVISOR
from supervisor.model.permissions import Operation, check
from supervisor.model.task import Checkpoint, Task

LIST_MAX: Final = 200
NEWEST: Final = 2**62
"""Over every number, for the first page."""

LEFT_SHOWN: Final = 20


def record(scope: Scope, *, sender: str, to: str, notes: str, task: str | None = None) -> Handoff:
    """Write down that `sender` hands off to an agent or to `role:R`. Who may is checked by the caller."""
    return _write(
        scope,
        sender=sender,
        to=checked_address(scope, to),
        notes=checked_notes(notes),
        task=None if task is None else scope.task(task).id,
        kind=HandoffKind.ASKED,
    )


def checked_notes(notes: str) -> str:
    """Return notes that say something and not too much; raise InvalidArgument or TooLarge."""
    if not notes.strip():
        raise InvalidArgument("a handoff needs notes: what is done, what is left, what to look out for")
    return sized(notes, HANDOFF_NOTES_MAX, "notes")


def _write(scope: Scope, *, sender: str, to: str, notes: str, task: str | None, kind: HandoffKind) -> Handoff:
    handoff = Handoff(
        id=scope.tx.scalar("handoff.next_number"),
        run=scope.run,
        task=task,
        sender=sender,
        to=to,
        notes=notes,
        at=scope.now,
        kind=kind,
    )
    by = sender if kind is HandoffKind.ASKED else SUPERVISOR
    return scope.tx.record(f"handoff.{kind.value}", handoff, actor=by)


def checked_address(scope: Scope, to: str) -> str:
    """Return the address if it is `role:R` or an agent of this team."""
    kind, _, role = to.partition(":")
    if kind != "role":
        return scope.agent(to).name
    if role not in set(Role):
        raise InvalidArgument(f"role `{role[:40]}` is none of {', '.join(Role)}")
    return to


def automatic(scope: Scope, name: str, task: Task, reason: str) -> Handoff:
    """Record what is known of a task whose holder ended, for its next incarnation and the next claimer.

    Refuses nothing: what is too long is cut.
    """
    notes = _what_is_known(scope, name, task, reason)
    return _write(
        scope,
        sender=name,
        to=name,
        notes=notes.encode()[:HANDOFF_NOTES_MAX].decode(errors="ignore"),
        task=task.id,
        kind=HandoffKind.AUTOMATIC,
    )


def _what_is_known(scope: Scope, name: str, task: Task, reason: str) -> str:
    doing = f", {task.action[:500]}" if task.action else ""
    lines = [f"{name} ended while it held {task.id}: {reason[:500]}", f"it was at {task.percent} %{doing}"]
    checkpoint = scope.tx.value(Checkpoint, "checkpoint.get", task=task.id)
    if checkpoint is None:
        return "\n".join([*lines, "it left no checkpoint"])
    lines.append(f"its last checkpoint is by {checkpoint.author}, at {checkpoint.percent} %")
    lines += [f"done: {each[:100]}" for each in checkpoint.completed[:LEFT_SHOWN]]
    lines += [f"left: {each[:100]}" for each in checkpoint.remaining[:LEFT_SHOWN]]
    return "\n".join(lines)


def listed(
    scope: Scope,
    actor: Actor,
    *,
    task: str | None = None,
    to: str | None = None,
    before: int = NEWEST,
    limit: int = 50,
) -> tuple[Handoff, ...]:
    """List the run's handoffs before number `before`, newest first: of one task, to one address, or all."""
    check(actor.role, Operation.TASK_READ)
    page = {"before": before, "limit": limit}
    if task is not None:
        return scope.tx.values(Handoff, "handoff.of_task", task=scope.task(task).id, to=to, **page)
    if to is not None:
        return scope.tx.values(Handoff, "handoff.of_address", run=scope.run, to=to, **page)
    return scope.tx.values(Handoff, "handoff.of_run", run=scope.run, **page)


def newest_for(scope: Scope, name: str, role: Role) -> Handoff | None:
    """Return the newest handoff to this agent or to its role, or None."""
    found = [
        each
        for to in (name, f"role:{role.value}")
        for each in scope.tx.values(
            Handoff, "handoff.of_address", run=scope.run, to=to, before=NEWEST, limit=1
        )
    ]
    return max(found, key=lambda each: each.id, default=None)
