"""Shared memory: set and get by scope and key, every change a new version."""

from __future__ import annotations

import re
from typing import Final

from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import Forbidden, InvalidArgument
from supervisor.model.ids import NAME_PATTERN
from supervisor.model.memory import KEY_MAX, VALUE_MAX, MemoryEntry
from supervisor.model.permissions import Operation, check

_TASK_SCOPE: Final = re.compile(r"task:T?([0-9]{1,18})\Z")
LIST_MAX: Final = 500


def checked_scope(scope: Scope, spelled: str) -> str:
    """Return the canonical name of a memory scope: `team`, `task:T12` or `agent:NAME`."""
    if spelled == "team":
        return spelled
    match = _TASK_SCOPE.match(spelled)
    if match is not None:
        return f"task:{scope.task(match[1]).id}"
    kind, _, name = spelled.partition(":")
    if kind == "agent" and NAME_PATTERN.match(name):
        return f"agent:{scope.agent(name).name}"
    raise InvalidArgument(f"scope `{spelled[:70]}` is none of `team`, `task:T12`, `agent:NAME`")


def remember(scope: Scope, actor: Actor, *, key: str, value: str, where: str = "team") -> MemoryEntry:
    """Set a value; only its owner may write to an agent's own scope."""
    check(actor.role, Operation.MEMORY_WRITE)
    if not key.strip():
        raise InvalidArgument("a memory key cannot be empty")
    name = checked_scope(scope, where)
    if name.startswith("agent:") and name != f"agent:{actor.name}":
        raise Forbidden(f"only {name.removeprefix('agent:')} may write to {name}")
    known = scope.tx.value(MemoryEntry, "memory.get", scope=name, key=key)
    entry = MemoryEntry(
        scope=name,
        key=sized(key, KEY_MAX, "key"),
        value=sized(value, VALUE_MAX, "value"),
        version=1 if known is None else known.version + 1,
        author=actor.name,
        at=scope.now,
    )
    return scope.tx.record("memory.set", entry, actor=actor.name)


def recall(scope: Scope, actor: Actor, *, key: str, where: str = "team") -> MemoryEntry | None:
    """Return a remembered value, or None."""
    check(actor.role, Operation.MEMORY_READ)
    return scope.tx.value(MemoryEntry, "memory.get", scope=checked_scope(scope, where), key=key)


def recall_all(scope: Scope, actor: Actor, *, where: str = "team") -> tuple[MemoryEntry, ...]:
    """List what a scope holds, by key, at most 500 entries."""
    check(actor.role, Operation.MEMORY_READ)
    name = checked_scope(scope, where)
    return scope.tx.values(MemoryEntry, "memory.of_scope", scope=name, limit=LIST_MAX)
