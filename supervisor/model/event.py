"""Events: one per change, numbered without gaps, each sealed with the hash of the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from supervisor.errors import DatabaseCorrupt
from supervisor.model.wire import to_json

GENESIS: Final = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change, whole: `after` is the changed value as wire data, so state is a fold of events.

    `kind` is `noun.verb` (`task.claimed`), `subject` the id of what changed, `actor` who did it and
    `incarnation` which life of that agent (0: not told), `session` the engine life that wrote it.
    """

    seq: int
    at: float
    run: int
    kind: str
    subject: str
    actor: str
    after: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    session: str = ""
    incarnation: int = 0
    hash: str = ""

    @property
    def noun(self) -> str:
        """Return what kind of thing changed: `task` of `task.claimed`."""
        return self.kind.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are wanted; what is empty wants all. A kind is whole (`task.done`) or a noun (`task`)."""

    kinds: tuple[str, ...] = ()
    subject: str = ""
    actor: str = ""
    run: int | None = None

    def takes(self, event: Event) -> bool:
        """Tell whether the event is wanted."""
        return (
            (not self.kinds or event.kind in self.kinds or event.noun in self.kinds)
            and self.subject in {"", event.subject}
            and self.actor in {"", event.actor}
            and self.run in {None, event.run}
        )


def sealed_hash(previous: str, event: Event) -> str:
    """Return the hash that binds this event to all before it."""
    return seal(
        previous,
        seq=event.seq,
        at=event.at,
        run=event.run,
        kind=event.kind,
        subject=event.subject,
        actor=event.actor,
        after=to_json(event.after),
        reason=event.reason,
        session=event.session,
        incarnation=event.incarnation,
    )


def seal(
    previous: str,
    *,
    seq: int,
    at: float,
    run: int,
    kind: str,
    subject: str,
    actor: str,
    after: str,
    reason: str,
    session: str,
    incarnation: int,
) -> str:
    """Hash an event's elements as one JSON list; `after` is JSON text already.

    An event with neither session nor incarnation, as all were once, is sealed over nine elements;
    every other one over eleven. So the old ones still verify, and neither field can be taken off.
    """
    head = to_json([previous, seq, at, run, kind, subject, actor])
    told = [session, incarnation] if session or incarnation else []
    body = f"{head[:-1]},{after},{to_json([reason, *told])[1:]}"
    return hashlib.sha256(body.encode()).hexdigest()


def verify_chain(events: Iterable[Event], *, previous: str = GENESIS, first_seq: int = 1) -> int:
    """Check numbering and hashes; return the last number, raise DatabaseCorrupt at the first bad event."""
    expected = first_seq
    for event in events:
        if event.seq != expected:
            raise DatabaseCorrupt(f"event {expected} is missing from the log; the next one is {event.seq}")
        if sealed_hash(previous, event) != event.hash:
            raise DatabaseCorrupt(f"event {event.seq} ({event.kind}) was altered")
        previous, expected = event.hash, expected + 1
    return expected - 1
