"""The operator's verbs about mail: send, acknowledge, and decide about dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from supervisor.coordinator import dead_letters, mailboxes, messages
from supervisor.coordinator.dead_letters import LIST_MAX
from supervisor.errors import InvalidArgument
from supervisor.model.ids import HUMAN
from supervisor.model.message import MESSAGE_TTL_S, MessageKind
from supervisor.model.wire import to_wire

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Arguments of `send`."""

    to: str
    body: str
    urgent: bool = False
    thread: str = ""
    kind: str = MessageKind.INFO.value
    priority: str = "normal"
    correlation_id: str = ""
    payload: dict[str, Any] | None = None
    ttl_s: float = MESSAGE_TTL_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Arguments of `ack`."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadList:
    """Arguments of `dead_list`; `after` is a copy, e.g. `M5/worker-1`."""

    sender: str | None = None
    after: str | None = None
    limit: int = LIST_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """Arguments of `dead_requeue` and `dead_drop`: copies (`M5/worker-1`) or messages (`M5`)."""

    ids: tuple[str, ...]
    reason: str = ""


async def send(backend: Backend, asked: Send) -> dict[str, Any]:
    """Post a message of the person's."""
    sent = await backend.coordinator.write(
        lambda scope: messages.send(
            scope,
            None,
            to=asked.to,
            body=asked.body,
            urgent=asked.urgent,
            thread=asked.thread,
            kind=messages.kind_of(asked.kind),
            priority=messages.priority_of(asked.priority),
            correlation_id=asked.correlation_id,
            payload=asked.payload,
            ttl_s=asked.ttl_s,
        )
    )
    return {
        "message": to_wire(sent.message),
        "recipients": list(sent.recipients),
        "mailboxes": to_wire(sent.mailboxes),
    }


async def ack(backend: Backend, asked: Ack) -> dict[str, Any]:
    """Acknowledge messages to the person."""
    count = await backend.coordinator.write(lambda scope: mailboxes.ack(scope, HUMAN, ids=asked.ids))
    return {"acked": count}


async def dead_list(backend: Backend, asked: DeadList) -> dict[str, Any]:
    """List dead letters with their messages."""
    if not 1 <= asked.limit <= LIST_MAX:
        raise InvalidArgument(f"limit {asked.limit} is not between 1 and {LIST_MAX}")
    found = await backend.coordinator.read(
        lambda scope: dead_letters.dead_letters(
            scope, sender=asked.sender, after=asked.after, limit=asked.limit
        )
    )
    return {"dead": [{"message": to_wire(message), "delivery": to_wire(copy)} for message, copy in found]}


async def dead_requeue(backend: Backend, asked: DeadLetters) -> dict[str, Any]:
    """Put dead letters back into their mailboxes."""
    copies = await backend.coordinator.write(
        lambda scope: dead_letters.requeue(scope, asked.ids, reason=asked.reason)
    )
    return {"requeued": [copy.key for copy in copies]}


async def dead_drop(backend: Backend, asked: DeadLetters) -> dict[str, Any]:
    """Take dead letters as dealt with."""
    copies = await backend.coordinator.write(
        lambda scope: dead_letters.drop(scope, asked.ids, reason=asked.reason)
    )
    return {"dropped": [copy.key for copy in copies]}


MAIL_VERBS: Final[dict[str, tuple[type[Any], Any]]] = {
    "send": (Send, send),
    "ack": (Ack, ack),
    "dead_list": (DeadList, dead_list),
    "dead_requeue": (DeadLetters, dead_requeue),
    "dead_drop": (DeadLetters, dead_drop),
}
"""Each verb with the form of its arguments and what carries it out."""
