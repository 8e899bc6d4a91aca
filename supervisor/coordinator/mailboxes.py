"""Reading mail: fetched copies are hidden for a while, only an ack consumes, nothing is lost unseen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from supervisor.coordinator import messages
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument, NotFound
from supervisor.model.ids import HUMAN, SUPERVISOR, message_id, number_of
from supervisor.model.message import (
    ATTEMPTS_MAX,
    UNREAD,
    VISIBILITY_S,
    Delivery,
    DeliveryState,
    Message,
    MessageKind,
)

UNREAD_MAX: Final = 10_000
"""How many copies one ack by sender or thread looks at: the person and the engine may write without bound."""

TICK_MAX: Final = 500
"""How many copies one tick ends at most, so that others are answered in between."""

NAMED_MAX: Final = 20
LAST: Final = 1 << 62

Letter = tuple[Message, Delivery]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which mail somebody asks for: `after` is the last message they have seen."""

    sender: str | None = None
    thread: str | None = None
    kind: MessageKind | None = None
    after: str | None = None
    limit: int = 50


def fetch(scope: Scope, actor: Actor, wanted: Wanted) -> tuple[Letter, ...]:
    """Hand out unread mail, urgent first, then by priority, then the oldest.

    What is handed out is hidden from this incarnation for 5 minutes; unless it is acked it
    comes back then, or for the next incarnation at once.
    """
    fetched = unread(scope, actor.name, wanted, incarnation=actor.incarnation)
    return tuple((message, _delivered(scope, copy, actor)) for message, copy in fetched)


def _delivered(scope: Scope, copy: Delivery, actor: Actor) -> Delivery:
    fetched = replace(
        copy,
        state=DeliveryState.DELIVERED,
        delivered_at=copy.delivered_at or scope.now,
        attempts=copy.attempts + 1,
        visible_at=scope.now + VISIBILITY_S,
        incarnation=actor.incarnation,
    )
    return scope.tx.record("delivery.delivered", fetched, actor=actor.name)


def unread(scope: Scope, recipient: str, wanted: Wanted, *, incarnation: int = 0) -> tuple[Letter, ...]:
    """List what one incarnation has to read, without handing it out; 0 sees what nobody hides."""
    rank, number = -1, 0
    if wanted.after is not None:
        rank, number = _place(scope, recipient, wanted.after)
    copies = scope.tx.values(
        Delivery,
        "delivery.unread",
        recipient=recipient,
        rank=rank,
        n=number,
        attempts_max=ATTEMPTS_MAX,
        incarnation=incarnation,
        now=scope.now,
        **_filters(wanted),
    )
    return letters(scope, copies)


def history(scope: Scope, recipient: str, wanted: Wanted) -> tuple[Letter, ...]:
    """List all mail of a mailbox, acked and hidden too, newest first; this hands nothing out."""
    number = LAST if wanted.after is None else number_of(wanted.after, "M")
    copies = scope.tx.values(Delivery, "delivery.history", recipient=recipient, n=number, **_filters(wanted))
    return letters(scope, copies)


def letters(scope: Scope, copies: tuple[Delivery, ...]) -> tuple[Letter, ...]:
    """Put each copy beside its message; raise NotFound for one whose message is gone."""
    return tuple((_message_of(scope, copy), copy) for copy in copies)


def _place(scope: Scope, recipient: str, spelled: str) -> tuple[int, int]:
    """Return where a copy stands in the order of reading, be it acked by now."""
    message = message_id(number_of(spelled, "M"))
    row = scope.tx.one("delivery.rank_of", message=message, recipient=recipient)
    if row is None:
        raise NotFound(f"there is no message `{spelled[:40]}` to {recipient}")
    return row["rank"], row["n"]


def _filters(wanted: Wanted) -> dict[str, str | int | None]:
    return {
        "sender": wanted.sender,
        "thread": wanted.thread,
        "message_kind": wanted.kind,
        "limit": wanted.limit,
    }


def _message_of(scope: Scope, copy: Delivery) -> Message:
    message = scope.tx.value(Message, "delivery.message_of", n=number_of(copy.message, "M"))
    if message is None:
        raise NotFound(f"message {copy.message} is gone")
    return message


def unread_count(scope: Scope, actor: Actor) -> int:
    """Return how many copies this incarnation has to read: what `fetch` would hand out."""
    count: int = scope.tx.scalar(
        "delivery.unread_count",
        recipient=actor.name,
        attempts_max=ATTEMPTS_MAX,
        incarnation=actor.incarnation,
        now=scope.now,
    )
    return count


def open_count(scope: Scope, recipient: str) -> int:
    """Return how many copies in a mailbox nobody has acked, hidden ones too."""
    count: int = scope.tx.scalar("delivery.open_count", recipient=recipient)
    return count


def ack(
    scope: Scope,
    recipient: str,
    *,
    ids: tuple[str, ...] = (),
    sender: str | None = None,
    thread: str | None = None,
) -> int:
    """Consume the recipient's own copies by id, by sender or by thread, all that any names; return how many.

    An id also consumes a dead letter: who says late that it was dealt with still says so.
    """
    if not ids and not sender and not thread:
        raise InvalidArgument("say what to ack: `ids`, `sender` or `thread`")
    found = dict.fromkeys(_named(scope, recipient, ids))
    if sender or thread:
        found |= dict.fromkeys(
            scope.tx.values(
                Delivery,
                "delivery.open_by",
                recipient=recipient,
                sender=sender or None,
                thread=thread or None,
                limit=UNREAD_MAX,
            )
        )
    for copy in found:
        consumed = replace(
            copy,
            state=DeliveryState.ACKED,
            delivered_at=copy.delivered_at or scope.now,
            acked_at=scope.now,
        )
        scope.tx.record("delivery.acked", consumed, actor=recipient)
    return len(found)


def _named(scope: Scope, recipient: str, ids: tuple[str, ...]) -> Iterator[Delivery]:
    for spelled in ids:
        message = message_id(number_of(spelled, "M"))
        copy = scope.tx.value(Delivery, "delivery.get", message=message, recipient=recipient)
        if copy is not None and copy.state in {*UNREAD, DeliveryState.DEAD}:
            yield copy


def incarnation_over(scope: Scope, name: str, *, is_failure: bool = True) -> None:
    """Give back the mail that an ended incarnation had fetched and not acked.

    Its next one sees it at once. An attempt counts if the reader failed over it; if we
    stopped it ourselves the attempt is given back too.
    """
    for copy in scope.tx.values(Delivery, "delivery.in_hands", recipient=name, now=scope.now):
        attempts = copy.attempts if is_failure else copy.attempts - 1
        returned = replace(copy, visible_at=scope.now, attempts=attempts)
        scope.tx.record("delivery.returned", returned, actor=SUPERVISOR, reason=f"{name} ended")


def keep_mail(scope: Scope) -> None:
    """Expire what nobody acked in time, bury what nobody could deal with, and tell the senders.

    Each sender gets one message a tick; the engine's own messages are never told about.
    """
    fates: dict[str, list[tuple[int, str]]] = {}
    overdue = scope.tx.values(Delivery, "delivery.overdue", now=scope.now, limit=TICK_MAX)
    for message, copy in letters(scope, overdue):
        expired = replace(copy, state=DeliveryState.EXPIRED)
        scope.tx.record("delivery.expired", expired, actor=SUPERVISOR, reason="not acked within its time")
        _note_fate(fates, message, f"{copy.key} expired")
    spent = scope.tx.values(Delivery, "delivery.spent", now=scope.now, limit=TICK_MAX)
    for message, copy in letters(scope, spent):
        dead = replace(copy, state=DeliveryState.DEAD)
        why = f"fetched {copy.attempts} times, never acked"
        scope.tx.record("delivery.died", dead, actor=SUPERVISOR, reason=why)
        _note_fate(fates, message, f"{copy.key} is a dead letter")
    told = {HUMAN, *(agent.name for agent in scope.agents())}
    for sender in sorted(fates.keys() & told):
        _tell_sender(scope, sender, [words for _, words in sorted(fates[sender])])


def _note_fate(fates: dict[str, list[tuple[int, str]]], message: Message, words: str) -> None:
    fates.setdefault(message.sender, []).append((number_of(message.id, "M"), words))


def _tell_sender(scope: Scope, sender: str, fates: list[str]) -> None:
    more = f", and {len(fates) - NAMED_MAX} more" if len(fates) > NAMED_MAX else ""
    messages.post(
        scope,
        SUPERVISOR,
        to=sender,
        recipients=(sender,),
        body=f"Nobody acknowledged these copies of your messages: {', '.join(fates[:NAMED_MAX])}{more}.",
    )
