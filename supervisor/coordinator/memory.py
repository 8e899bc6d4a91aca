"""Shared memory: set, get, list, search and delete by scope and key; every change is a new version."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, Final

from supervisor.coordinator.actor import Actor
from supervisor.coordinator.memory_use import count_change, size_of, use_of
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import Forbidden, InvalidArgument, NotFound, TooLarge, WrongState
from supervisor.model.ids import HUMAN, NAME_PATTERN, SUPERVISOR, number_of
from supervisor.model.memory import (
    AUTHOR_BYTES_MAX,
    KEY_MAX,
    SCOPE_ENTRIES_MAX,
    TTL_MAX_S,
    VALUE_MAX,
    MemoryEntry,
)
from supervisor.model.permissions import Operation, check
from supervisor.model.wire import to_wire
from supervisor.store.transaction import Transaction

SHARED: Final = ("project", "team")
"""The scopes without a name of their own, the narrower one first."""

SCOPES: Final = "`task:T12`, `milestone:P3`, `project`, `team`, `agent:NAME`"
LIST_MAX: Final = 500
LIST_BYTES: Final = 256 * 1024
"""How many bytes of values one page carries before it ends early, one entry at least."""

FOUND_MAX: Final = 50
SEARCH_BYTES: Final = 4 * 1024 * 1024
ENTRY_COST: Final = 1024
"""What looking at one entry counts for, besides its value."""

EXCERPT: Final = 200
BATCH: Final = 1000
"""How many entries one transaction of the engine deletes at most."""

_NUMBERED: Final = re.compile(r"(task|milestone):([TPtp]?[0-9]{1,18})\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPage:
    """A part of what is remembered; `next` is the `after` of the following part."""

    entries: tuple[MemoryEntry, ...]
    next: str | None


def canonical_scope(spelled: str) -> str:
    """Spell a scope the one way it is stored under; raise InvalidArgument for anything else."""
    if spelled in SHARED:
        return spelled
    kind, _, name = spelled.partition(":")
    match = _NUMBERED.match(spelled)
    if match is not None:
        letter = "T" if kind == "task" else "P"
        return f"{kind}:{letter}{number_of(match[2], letter)}"
    if kind == "agent" and NAME_PATTERN.match(name):
        return spelled
    raise InvalidArgument(f"scope `{spelled[:70]}` is none of {SCOPES}")


def checked_scope(scope: Scope, spelled: str) -> str:
    """Return the canonical name of a scope; raise NotFound if what it belongs to is not there."""
    name = canonical_scope(spelled)
    kind, _, subject = name.partition(":")
    if kind == "task":
        scope.task(subject)
    elif kind == "milestone" and scope.tx.one("milestone.get", n=number_of(subject, "P")) is None:
        raise NotFound(f"there is no milestone `{subject[:40]}`")
    elif kind == "agent":
        scope.agent(subject)
    return name


def reading_order(scope: Scope, spelled: str) -> tuple[str, ...]:
    """List the scopes in which a reader looks, narrowest first: task, milestone, project, team."""
    name = checked_scope(scope, spelled)
    kind, _, subject = name.partition(":")
    if kind == "agent":
        return (name, "team")
    if kind == "task":
        milestone = scope.task(subject).milestone
        return (name, *(() if milestone is None else (f"milestone:{milestone}",)), *SHARED)
    return (name, *SHARED) if kind == "milestone" else SHARED[SHARED.index(name) :]


def remember(
    scope: Scope,
    actor: Actor,
    *,
    key: str,
    value: str,
    where: str = "team",
    expect_version: int | None = None,
    ttl_s: float | None = None,
) -> MemoryEntry:
    """Set a value; only its owner may write to an agent's own scope.

    With `expect_version` only if that is the present one (0: there is none), else WrongState.
    """
    check(actor.role, Operation.MEMORY_WRITE)
    name = _writable_scope(scope, actor, where)
    _check_key(key)
    if ttl_s is not None and not 1 <= ttl_s <= TTL_MAX_S:
        raise InvalidArgument(f"ttl_s {ttl_s} is not between 1 and {TTL_MAX_S:.0f}")
    known = scope.tx.value(MemoryEntry, "memory.get", scope=name, key=key)
    _check_version(scope, f"{name}/{key}", known, expect_version)
    entry = MemoryEntry(
        scope=name,
        key=sized(key, KEY_MAX, "key"),
        value=sized(value, VALUE_MAX, "value"),
        version=1 if known is None else known.version + 1,
        author=actor.name,
        at=scope.now,
        expires_at=None if ttl_s is None else scope.now + ttl_s,
    )
    _check_room(scope, entry, known)
    return _write(scope, "memory.set", known, entry, by=actor.name)


def _check_key(key: str) -> None:
    if not key.strip():
        raise InvalidArgument("a memory key cannot be empty")


def _writable_scope(scope: Scope, actor: Actor, where: str) -> str:
    name = checked_scope(scope, where)
    if name.startswith("agent:") and name != f"agent:{actor.name}":
        raise Forbidden(f"only {name.removeprefix('agent:')} may write to {name}")
    return name


def _check_version(scope: Scope, where: str, known: MemoryEntry | None, expected: int | None) -> None:
    """Raise WrongState, naming the present version, unless it is the expected one."""
    present = known.version if known is not None and known.is_live(scope.now) else 0
    if expected is not None and expected != present:
        there = f"is at version {present}" if present else "does not exist (version 0)"
        raise WrongState(
            f"`{where}` {there}, not at {expected}; read it again and decide anew", version=present
        )


def _check_room(scope: Scope, entry: MemoryEntry, known: MemoryEntry | None) -> None:
    """Raise TooLarge if the scope is full of entries or the author of bytes."""
    is_new = known is None or known.deleted
    if is_new and use_of(scope.tx, f"scope:{entry.scope}").entries >= SCOPE_ENTRIES_MAX:
        raise TooLarge(
            f"`{entry.scope}` holds {SCOPE_ENTRIES_MAX} entries, which is the most; "
            "delete some with memory_delete"
        )
    written = use_of(scope.tx, f"author:{entry.author}").bytes
    own = known is not None and known.author == entry.author
    more = size_of(entry) - (size_of(known) if known is not None and own else 0)
    if more > 0 and written + more > AUTHOR_BYTES_MAX:
        raise TooLarge(
            f"{entry.author} has {written} bytes in memory and wants {more} more; at most "
            f"{AUTHOR_BYTES_MAX} are allowed; delete some with memory_delete"
        )


def _write(
    scope: Scope, kind: str, known: MemoryEntry | None, entry: MemoryEntry, *, by: str, reason: str = ""
) -> MemoryEntry:
    """Write an entry over what was there, and count both."""
    count_change(scope.tx, known, entry)
    return scope.tx.record(kind, entry, actor=by, reason=reason)


def recall(
    scope: Scope, actor: Actor, *, key: str, where: str = "team", exact: bool = False
) -> MemoryEntry | None:
    """Return a remembered value from the narrowest scope that has one; its `scope` says which that is.

    With `exact` only the scope itself is looked at.
    """
    check(actor.role, Operation.MEMORY_READ)
    wanted = (checked_scope(scope, where),) if exact else reading_order(scope, where)
    for name in wanted:
        entry = scope.tx.value(MemoryEntry, "memory.get", scope=name, key=key)
        if entry is not None and entry.is_live(scope.now):
            return entry
    return None


def recall_page(
    scope: Scope,
    actor: Actor,
    *,
    where: str = "team",
    prefix: str = "",
    after: str = "",
    limit: int = LIST_MAX,
) -> MemoryPage:
    """List what one scope holds whose key begins with `prefix`, by key, after the key `after`."""
    check(actor.role, Operation.MEMORY_READ)
    name = checked_scope(scope, where)
    return _page_of_scope(scope.tx, name, prefix=prefix, after=after, limit=limit)


def _page_of_scope(tx: Transaction, name: str, *, prefix: str, after: str, limit: int) -> MemoryPage:
    start = max(prefix, after)
    with closing(_from_key(tx, name, start=start, without=after)) as found:
        entries, more = _cut(takewhile(lambda each: each.key.startswith(prefix), found), limit)
    return MemoryPage(entries=entries, next=entries[-1].key if more else None)


def _from_key(tx: Transaction, name: str, *, start: str, without: str) -> Generator[MemoryEntry, None, None]:
    wanted = {"scope": name, "start": start, "without": without, "now": tx.now}
    return tx.each_value(MemoryEntry, "memory.page_of_scope", **wanted)


def _of_all(tx: Transaction, *, after: str, prefix: str = "") -> Generator[MemoryEntry, None, None]:
    scope, _, key = after.partition("/")
    wanted = {"after_scope": scope, "after_key": key, "prefix": prefix, "now": tx.now}
    return tx.each_value(MemoryEntry, "memory.page", **wanted)


def _cut(entries: Iterable[MemoryEntry], limit: int) -> tuple[tuple[MemoryEntry, ...], bool]:
    """Take entries up to `limit`, or until their values get too heavy; tell whether some are left."""
    kept: list[MemoryEntry] = []
    room = LIST_BYTES
    for entry in entries:
        room -= size_of(entry)
        if len(kept) == limit or (kept and room < 0):
            return tuple(kept), True
        kept.append(entry)
    return tuple(kept), False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found, as excerpts; `next` is where to go on: one search looks only so far."""

    entries: tuple[dict[str, Any], ...]
    next: str | None


def search(
    scope: Scope,
    actor: Actor,
    *,
    words: str,
    where: str | None = None,
    after: str = "",
    limit: int = FOUND_MAX,
) -> Found:
    """Find entries by words in their key or value, whatever their case, in one scope or in all.

    Looks through at most SEARCH_BYTES, since nobody else is served meanwhile.
    """
    check(actor.role, Operation.MEMORY_READ)
    if not words.strip():
        raise InvalidArgument("say what to search for: `words`")
    needle = sized(words, KEY_MAX, "words").casefold()
    found: list[dict[str, Any]] = []
    room = SEARCH_BYTES
    with closing(_searched(scope, where, after)) as entries:
        for entry in entries:
            room -= size_of(entry) + ENTRY_COST
            if needle in entry.key.casefold() or needle in entry.value.casefold():
                found.append(_excerpt(entry, needle))
            if len(found) == limit or room < 0:
                return Found(entries=tuple(found), next=entry.id)
    return Found(entries=tuple(found), next=None)


def _searched(scope: Scope, where: str | None, after: str) -> Generator[MemoryEntry, None, None]:
    if where is None:
        return _of_all(scope.tx, after=after)
    key = after.partition("/")[2]
    return _from_key(scope.tx, checked_scope(scope, where), start=key, without=key)


def _excerpt(entry: MemoryEntry, needle: str) -> dict[str, Any]:
    at = max(entry.value.casefold().find(needle), 0)
    start = max(at - EXCERPT // 4, 0)
    return metadata(entry) | {"value": entry.value[start : start + EXCERPT]}


def metadata(entry: MemoryEntry) -> dict[str, Any]:
    """Spell an entry as wire data with the beginning of its value, and the whole one's size in bytes."""
    told: dict[str, Any] = to_wire(entry)
    return told | {"value": entry.value[:EXCERPT], "size": size_of(entry)}


def forget(
    scope: Scope, actor: Actor | None, *, key: str, where: str = "team", expect_version: int | None = None
) -> MemoryEntry:
    """Delete one entry; `actor` None is the person, who may delete anywhere. Raises NotFound."""
    if actor is None:
        name = canonical_scope(where)
    else:
        check(actor.role, Operation.MEMORY_WRITE)
        name = _writable_scope(scope, actor, where)
    known = scope.tx.value(MemoryEntry, "memory.get", scope=name, key=key)
    if known is None or not known.is_live(scope.now):
        raise NotFound(f"nothing is remembered as `{key[:80]}` in `{name}`")
    _check_version(scope, known.id, known, expect_version)
    return _end(scope, known, "memory.deleted", by=HUMAN if actor is None else actor.name)


def _end(scope: Scope, entry: MemoryEntry, kind: str, *, by: str, reason: str = "") -> MemoryEntry:
    """Leave an empty entry behind, which no reader is shown."""
    gone = replace(
        entry,
        value="",
        version=entry.version + 1,
        author=by,
        at=scope.now,
        expires_at=None,
        deleted=True,
    )
    return _write(scope, kind, entry, gone, by=by, reason=reason)


def purge_author(scope: Scope, author: str) -> int:
    """Delete a batch of what one author wrote last, by the person's will; 0 means that all is gone."""
    written = scope.tx.values(MemoryEntry, "memory.by_author", author=author, limit=BATCH)
    for entry in written:
        _end(scope, entry, "memory.purged", by=HUMAN, reason=f"all memory by {author[:70]} is purged")
    return len(written)


def expire_overdue(scope: Scope) -> None:
    """Delete a batch of the entries whose time has come."""
    for entry in scope.tx.values(MemoryEntry, "memory.overdue", now=scope.now, limit=BATCH):
        _end(scope, entry, "memory.expired", by=SUPERVISOR, reason="its time had come")


def listed(
    tx: Transaction, *, where: str | None = None, prefix: str = "", after: str = "", limit: int = LIST_MAX
) -> dict[str, Any]:
    """List what is remembered, of one scope or of all, for people: metadata, and `next` for the next part."""
    if where is not None:
        page = _page_of_scope(tx, canonical_scope(where), prefix=prefix, after=after, limit=limit)
        return {"entries": [metadata(each) for each in page.entries], "next": page.next}
    with closing(_of_all(tx, after=after, prefix=prefix)) as found:
        entries, more = _cut(found, limit)
    following = entries[-1].id if more else None
    return {"entries": [metadata(each) for each in entries], "next": following}


def shown(tx: Transaction, *, key: str, where: str) -> MemoryEntry:
    """Return one entry whole, for people; raise NotFound."""
    name = canonical_scope(where)
    entry = tx.value(MemoryEntry, "memory.get", scope=name, key=key)
    if entry is None or not entry.is_live(tx.now):
        raise NotFound(f"nothing is remembered as `{key[:80]}` in `{name}`. See `supervisor memory list`")
    return entry


def newest(tx: Transaction, limit: int) -> tuple[MemoryEntry, ...]:
    """Return the newest entries with the beginnings of their values, oldest first, for a snapshot."""
    entries = tx.values(MemoryEntry, "memory.newest", now=tx.now, limit=limit)
    return tuple(replace(each, value=each.value[:EXCERPT]) for each in reversed(entries))
