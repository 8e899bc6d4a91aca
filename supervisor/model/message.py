"""Messages: one row per message, one delivery per recipient."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from supervisor.model.ids import MessageId

MESSAGE_MAX: Final = 8 * 1024
MESSAGE_TTL_S: Final = 24 * 3600.0


class MessageKind(StrEnum):
    """What a message is about."""

    INFO = "info"
    QUERY = "query"
    TASK = "task"
    RESULT = "result"
    HELP = "help"
    REVIEW = "review"
    VOTE = "vote"


class DeliveryState(StrEnum):
    """How far one copy has come; only an ack consumes it."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    ACKED = "acked"
    EXPIRED = "expired"


DELIVERY_MOVES: Final[dict[DeliveryState, frozenset[DeliveryState]]] = {
    DeliveryState.QUEUED: frozenset({DeliveryState.DELIVERED, DeliveryState.ACKED, DeliveryState.EXPIRED}),
    DeliveryState.DELIVERED: frozenset({DeliveryState.ACKED, DeliveryState.EXPIRED}),
    DeliveryState.ACKED: frozenset(),
    DeliveryState.EXPIRED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one sender wrote. `to` is the address as written: a name, `role:x`, `group:x`, `all`, `human`."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One recipient's copy of a message."""

    message: MessageId
    recipient: str
    state: DeliveryState = DeliveryState.QUEUED
    delivered_at: float | None = None
    acked_at: float | None = None

    @property
    def key(self) -> str:
        """Name this copy: `M5/worker-1`."""
        return f"{self.message}/{self.recipient}"
