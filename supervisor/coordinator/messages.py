"""Mail: one message, one delivery per recipient, consumed only by an ack."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import InvalidArgument, NotFound, TooMany
from supervisor.model.ids import HUMAN, SUPERVISOR, message_id, number_of
from supervisor.model.message import (
    MESSAGE_MAX,
    MESSAGE_TTL_S,
    Delivery,
    DeliveryState,
    Message,
    MessageKind,
)
from supervisor.model.permissions import Operation, check

INBOX_MAX: Final = 1000
"""How many unacked messages one mailbox may hold before it refuses those of agents."""

UNREAD_MAX: Final = 10 * INBOX_MAX
"""How many of them one ack looks at: the person and the engine may write beyond the bound."""


def send(
    scope: Scope,
    sender: Actor | None,
    *,
    to: str,
    body: str,
    kind: MessageKind = MessageKind.INFO,
    urgent: bool = False,
    thread: str = "",
) -> tuple[Message, tuple[str, ...]]:
    """Post one message; return it and who gets a copy. `sender` None is the person at the terminal.

    `to` is an agent's name, `role:R`, `group:G`, `all`, `human` or `self`; groups are
    resolved now. Raises TooMany, with the time to try again, when a mailbox is full.
    """
    if sender is not None:
        check(sender.role, Operation.MESSAGE_SEND)
    name = HUMAN if sender is None else sender.name
    recipients = resolve(scope, to, sender=name)
    return post(scope, name, to=to, recipients=recipients, body=body, kind=kind, urgent=urgent, thread=thread)


def post(
    scope: Scope,
    sender: str,
    *,
    to: str,
    recipients: tuple[str, ...],
    body: str,
    kind: MessageKind = MessageKind.INFO,
    urgent: bool = False,
    thread: str = "",
) -> tuple[Message, tuple[str, ...]]:
    """Store a message with its copies, checking sizes and full mailboxes.

    What the person and the engine itself write always fits: no agent can shut them out.
    """
    if not body.strip():
        raise InvalidArgument("a message needs a body")
    if sender not in {HUMAN, SUPERVISOR}:
        _check_room(scope, recipients)
    message = Message(
        id=message_id(scope.tx.scalar("message.next_number")),
        run=scope.run,
        sender=sender,
        to=to,
        body=sized(body, MESSAGE_MAX, "message"),
        kind=kind,
        urgent=urgent,
        thread=sized(thread, 200, "thread"),
        at=scope.now,
        expires_at=scope.now + MESSAGE_TTL_S,
    )
    scope.tx.record("message.sent", message, actor=sender)
    for recipient in recipients:
        scope.tx.record("delivery.queued", Delivery(message=message.id, recipient=recipient), actor=sender)
    return message, recipients


def _check_room(scope: Scope, recipients: tuple[str, ...]) -> None:
    for recipient in recipients:
        if scope.tx.scalar("delivery.unread_count", recipient=recipient) >= INBOX_MAX:
            raise TooMany(
                f"the mailbox of {recipient} is full ({INBOX_MAX} unread); try again in 60 s",
                retry_after_s=60,
            )


def resolve(scope: Scope, to: str, *, sender: str) -> tuple[str, ...]:
    """Return the mailboxes that an address means; raise NotFound for one that means nobody."""
    kind, _, value = to.partition(":")
    if to == HUMAN:
        return (HUMAN,)
    if to == "self":
        return (sender,)
    agents = [agent for agent in scope.agents() if agent.name != sender]
    if to == "all":
        return tuple(agent.name for agent in agents)
    if kind == "role" and value:
        names = tuple(agent.name for agent in agents if agent.role.value == value)
    elif kind == "group" and value:
        names = tuple(agent.name for agent in agents if value in agent.groups)
    else:
        names = tuple(agent.name for agent in scope.agents() if agent.name == to)
    if not names:
        raise NotFound(_nobody(scope, to))
    return names


def _nobody(scope: Scope, to: str) -> str:
    known = [agent.name for agent in scope.agents()] + [HUMAN, "all"]
    close = get_close_matches(to[:70], known, n=1)
    hint = f"; did you mean `{close[0]}`?" if close else f"; there are: {', '.join(known[:20])}"
    return f"nobody has the address `{to[:70]}`{hint}"


def inbox(
    scope: Scope, recipient: str, *, unread_only: bool, limit: int, fetch: bool
) -> tuple[tuple[Message, Delivery], ...]:
    """List a mailbox: unread urgent mail first. With `fetch`, queued copies become delivered."""
    query = "delivery.unread" if unread_only else "delivery.inbox"
    copies = scope.tx.values(Delivery, query, recipient=recipient, limit=limit)
    listed = []
    for copy in copies:
        message = scope.tx.value(Message, "delivery.message_of", n=number_of(copy.message, "M"))
        if message is None:
            raise NotFound(f"message {copy.message} is gone")
        listed.append((message, _delivered(scope, copy) if fetch else copy))
    return tuple(listed)


def _delivered(scope: Scope, copy: Delivery) -> Delivery:
    if copy.state is not DeliveryState.QUEUED:
        return copy
    fetched = replace(copy, state=DeliveryState.DELIVERED, delivered_at=scope.now)
    return scope.tx.record("delivery.delivered", fetched, actor=copy.recipient)


def ack(
    scope: Scope,
    recipient: str,
    *,
    ids: tuple[str, ...] = (),
    sender: str | None = None,
    thread: str | None = None,
) -> int:
    """Consume the recipient's own copies by id, by sender or by thread; return how many."""
    if not ids and sender is None and thread is None:
        raise InvalidArgument("say what to ack: `ids`, `sender` or `thread`")
    wanted = {number_of(each, "M") for each in ids}
    acked = 0
    for message, copy in inbox(scope, recipient, unread_only=True, limit=UNREAD_MAX, fetch=False):
        if (
            number_of(message.id, "M") in wanted
            or message.sender == sender
            or (thread and message.thread == thread)
        ):
            consumed = replace(
                copy,
                state=DeliveryState.ACKED,
                delivered_at=copy.delivered_at or scope.now,
                acked_at=scope.now,
            )
            scope.tx.record("delivery.acked", consumed, actor=recipient)
            acked += 1
    return acked


def unread_count(scope: Scope, recipient: str) -> int:
    """Return how many copies the recipient has not acked."""
    count: int = scope.tx.scalar("delivery.unread_count", recipient=recipient)
    return count


def expire_mail(scope: Scope, recipients: tuple[str, ...]) -> None:
    """Expire copies that nobody acked in time; each is an event, so the sender can know."""
    for recipient in recipients:
        for copy in scope.tx.values(Delivery, "delivery.overdue", recipient=recipient, now=scope.now):
            expired = replace(copy, state=DeliveryState.EXPIRED)
            scope.tx.record("delivery.expired", expired, actor=SUPERVISOR, reason="not acked within its time")
