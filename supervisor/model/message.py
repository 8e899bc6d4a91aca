"""Messages: one row per message, one delivery per recipient."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from supervisor.model.ids import MessageId
from supervisor.model.task import Priority

MESSAGE_MAX: Final = 8 * 1024
MESSAGE_PAYLOAD_MAX: Final = 8 * 1024
LABEL_MAX: Final = 200
"""Bytes of a thread's name and of a correlation id."""

MESSAGE_TTL_S: Final = 24 * 3600.0
MESSAGE_TTL_MAX_S: Final = 7 * 24 * 3600.0

VISIBILITY_S: Final = 300.0
"""How long a fetched copy is hidden from the incarnation that fetched it."""

ATTEMPTS_MAX: Final = 3
"""How often a copy may be fetched without an ack before it is a dead letter."""


class MessageKind(StrEnum):
    """What a message is about."""

    INFO = "info"
    QUERY = "query"
    TASK = "task"
    RESULT = "result"
    ACK = "ack"
    HELP = "help"
    REVIEW = "review"
    VOTE = "vote"
    STAGE = "stage"
    CUSTOM = "custom"


class DeliveryState(StrEnum):
    """How far one copy has come; only an ack consumes it."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    ACKED = "acked"
    EXPIRED = "expired"
    DEAD = "dead"


UNREAD: Final = frozenset({DeliveryState.QUEUED, DeliveryState.DELIVERED})
"""States of a copy that still waits for its recipient's ack."""

DELIVERY_MOVES: Final[dict[DeliveryState, frozenset[DeliveryState]]] = {
    DeliveryState.QUEUED: frozenset({DeliveryState.DELIVERED, DeliveryState.ACKED, DeliveryState.EXPIRED}),
    DeliveryState.DELIVERED: frozenset({DeliveryState.ACKED, DeliveryState.EXPIRED, DeliveryState.DEAD}),
    DeliveryState.ACKED: frozenset(),
    DeliveryState.EXPIRED: frozenset(),
    DeliveryState.DEAD: frozenset({DeliveryState.QUEUED, DeliveryState.ACKED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one sender wrote.

    `to` is the address as written: a name, `role:x`, `group:x`, `all`, `human`, `self`.
    `incarnation` is the sender's; 0 for the person and the engine. `payload` is canonical JSON
    text, or empty.
    """

    id: MessageId
    run: int
    sender: str
    to: str
    body: str
    kind: MessageKind = MessageKind.INFO
    urgent: bool = False
    thread: str = ""
    at: float = 0.0
    expires_at: float = 0.0
    priority: Priority = Priority.NORMAL
    correlation_id: str = ""
    payload: str = ""
    incarnation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One recipient's copy of a message.

    `incarnation` fetched it last, for the `attempts`-th time; from that one it is hidden until
    `visible_at`. `expires_at` stands only where it is not the message's: a dead letter that was
    put back has its time again.
    """

    message: MessageId
    recipient: str
    state: DeliveryState = DeliveryState.QUEUED
    delivered_at: float | None = None
    acked_at: float | None = None
    attempts: int = 0
    visible_at: float | None = None
    incarnation: int | None = None
    expires_at: float | None = None

    @property
    def key(self) -> str:
        """Name this copy: `M5/worker-1`."""
        return f"{self.message}/{self.recipient}"
