"""Dead letters: copies that were fetched again and again without an ack; kept until a person decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from supervisor.coordinator.mailboxes import Letter, letters
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import InvalidArgument, NotFound, WrongState
from supervisor.model.ids import HUMAN, message_id, number_of
from supervisor.model.message import Delivery, DeliveryState

LIST_MAX: Final = 200
REASON_MAX: Final = 2000


def dead_letters(
    scope: Scope, *, sender: str | None = None, after: str | None = None, limit: int = LIST_MAX
) -> tuple[Letter, ...]:
    """List dead letters, all or those of one sender, oldest first, after a copy like `M5/worker-1`."""
    number, recipient = (0, "") if after is None else _spelled(after)
    place = {"n": number, "recipient": recipient, "limit": limit}
    if sender is None:
        return letters(scope, scope.tx.values(Delivery, "delivery.dead", **place))
    return letters(scope, scope.tx.values(Delivery, "delivery.dead_of_sender", sender=sender, **place))


def requeue(scope: Scope, spelled: tuple[str, ...], *, reason: str = "") -> tuple[Delivery, ...]:
    """Put dead letters back as if nobody had fetched them, with their whole time again."""
    why = sized(reason, REASON_MAX, "reason")
    copies = _named(scope, spelled)
    lives = {copy.key: message.expires_at - message.at for message, copy in letters(scope, copies)}
    return tuple(
        scope.tx.record(
            "delivery.requeued",
            replace(
                copy,
                state=DeliveryState.QUEUED,
                attempts=0,
                visible_at=None,
                incarnation=None,
                expires_at=scope.now + lives[copy.key],
            ),
            actor=HUMAN,
            reason=why,
        )
        for copy in copies
    )


def drop(scope: Scope, spelled: tuple[str, ...], *, reason: str = "") -> tuple[Delivery, ...]:
    """Take dead letters as dealt with; the person answers for it, and the log keeps the reason."""
    why = sized(reason, REASON_MAX, "reason")
    return tuple(
        scope.tx.record(
            "delivery.dropped",
            replace(copy, state=DeliveryState.ACKED, acked_at=scope.now),
            actor=HUMAN,
            reason=why,
        )
        for copy in _named(scope, spelled)
    )


def _named(scope: Scope, spelled: tuple[str, ...]) -> tuple[Delivery, ...]:
    """Return the dead letters named by copy (`M5/worker-1`) or by message (`M5`: all its dead copies)."""
    if not spelled:
        raise InvalidArgument("name the dead letters, e.g. `M5/worker-1`, or `M5` for all its copies")
    return tuple(dict.fromkeys(copy for each in spelled for copy in _meant(scope, each)))


def _meant(scope: Scope, spelled: str) -> Iterator[Delivery]:
    number, recipient = _spelled(spelled)
    copies = scope.tx.values(Delivery, "delivery.of_message", message=message_id(number))
    wanted = [copy for copy in copies if recipient in {"", copy.recipient}]
    if not wanted:
        raise NotFound(f"there is no message `{spelled[:70]}`")
    dead = [copy for copy in wanted if copy.state is DeliveryState.DEAD]
    if not dead:
        raise WrongState(f"{wanted[0].key} is {wanted[0].state.value}, no dead letter")
    yield from dead


def _spelled(copy: str) -> tuple[int, str]:
    message, _, recipient = copy.partition("/")
    return number_of(message, "M"), recipient
