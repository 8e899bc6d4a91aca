"""How much mail one agent may write: its rate, the room in mailboxes, and no loop between two.

A refusal loses nothing: nothing was stored, and it says when to try again. The person and the
engine are never refused.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import ceil
from typing import Final

from supervisor.coordinator.scope import Scope
from supervisor.errors import TooMany
from supervisor.model.ids import HUMAN, SUPERVISOR
from supervisor.model.message import MessageKind

WINDOW_S: Final = 60.0
MESSAGES_MAX: Final = 60
"""How many messages one agent may write within the window."""

COPIES_MAX: Final = 200
"""How many copies its messages may make within the window: a broadcast makes one for each recipient."""

INBOX_MAX: Final = 1000
"""How many messages that nobody acked one mailbox may hold before it refuses those of agents."""

PERSON_MAX: Final = 50
"""How many of one agent's messages may wait for the person."""

ASK_AGAIN_S: Final = 60.0
"""When to try again at a full mailbox, unless something in it expires sooner: its reader decides."""

LOOP_MESSAGES: Final = 20
LOOP_SHARE: Final = 8
LOOP_TURNS: Final = 15
"""Two agents are in a loop when of their newest 20 messages within the window each wrote 8, by turns."""

LOOP_PAUSE_S: Final = 60.0
FREE_SHOWN: Final = 10


def check_limits(scope: Scope, sender: str, recipients: tuple[str, ...]) -> None:
    """Raise TooMany, with the time to try again, if this agent may not write to these mailboxes now."""
    if sender in {HUMAN, SUPERVISOR}:
        return
    _check_rate(scope, sender, len(recipients))
    _check_pairs(scope, sender, recipients)
    _check_room(scope, sender, recipients)


def _check_rate(scope: Scope, sender: str, copies: int) -> None:
    rows = scope.tx.all("message.sent_since", sender=sender, since=scope.now - WINDOW_S)
    sent = [row["copies"] for row in rows]
    gone = next(gone for gone in range(len(sent) + 1) if _fits(sent[gone:], copies))
    if gone:
        wait_s = _milliseconds(rows[gone - 1]["at"] + WINDOW_S - scope.now)
        raise TooMany(
            f"{sender} may send {MESSAGES_MAX} messages, to {COPIES_MAX} mailboxes, within {WINDOW_S:.0f} s; "
            f"try again in {wait_s} s",
            retry_after_s=wait_s,
        )


def _fits(sent: list[int], copies: int) -> bool:
    """Tell whether a message with so many copies may follow those; the first one always may."""
    return not sent or (len(sent) < MESSAGES_MAX and sum(sent) + copies <= COPIES_MAX)


def _check_pairs(scope: Scope, sender: str, recipients: tuple[str, ...]) -> None:
    silenced = silenced_with(scope, sender)
    other = next((name for name in recipients if name in silenced), None)
    if other is not None:
        wait_s = _milliseconds(silenced[other] - scope.now)
        raise TooMany(
            f"{sender} and {other} wrote to each other in a loop; try again in {wait_s} s"
            f"{_hint(free := _free(scope, sender, recipients, other))}",
            retry_after_s=wait_s,
            free=free,
        )


def silenced_with(scope: Scope, name: str) -> dict[str, float]:
    """Return with whom an agent was in a loop, and until when it is refused."""
    pairs = scope.tx.all("silenced_pair.of_sender", name=name, now=scope.now)
    return {row["other"] if row["one"] == name else row["one"]: row["until"] for row in pairs}


def _check_room(scope: Scope, sender: str, recipients: tuple[str, ...]) -> None:
    for name in recipients:
        held, due, limit = _room(scope, sender, name)
        if held < limit:
            continue
        wait_s = _milliseconds(min(ASK_AGAIN_S, max(due - scope.now, 1.0)))
        whose = "the person has" if name == HUMAN else f"the mailbox of {name} is full:"
        raise TooMany(
            f"{whose} {held} unread messages{f' of {sender}' if name == HUMAN else ''}; "
            f"try again in {wait_s} s{_hint(free := _free(scope, sender, recipients, name))}",
            retry_after_s=wait_s,
            free=free,
        )


def _room(scope: Scope, sender: str, name: str) -> tuple[int, float, int]:
    """Return how many copies count against the limit, when the first of them expires, and the limit."""
    if name == HUMAN:
        row = scope.tx.one("delivery.open_from", recipient=name, sender=sender)
        return (0, 0.0, PERSON_MAX) if row is None else (row["copies"], row["due"] or 0.0, PERSON_MAX)
    held = scope.tx.scalar("delivery.open_count", recipient=name)
    due = scope.tx.scalar("delivery.first_due", recipient=name) if held >= INBOX_MAX else 0.0
    return held, due, INBOX_MAX


def _free(scope: Scope, sender: str, recipients: tuple[str, ...], stuck: str) -> list[str]:
    """Name who could be written to instead: others of the same address, else others of the same role."""
    agents = {agent.name: agent for agent in scope.agents()}
    others: tuple[str, ...] = recipients
    if len(recipients) == 1 and stuck in agents:
        others = tuple(name for name, agent in agents.items() if agent.role is agents[stuck].role)
    silenced = silenced_with(scope, sender)
    return [
        name
        for name in others
        if name in agents and name not in {sender, stuck, *silenced} and _has_room(scope, sender, name)
    ][:FREE_SHOWN]


def _has_room(scope: Scope, sender: str, name: str) -> bool:
    held, _, limit = _room(scope, sender, name)
    return held < limit


def _hint(free: list[str]) -> str:
    return f"; free now: {', '.join(free)}" if free else ""


def break_loops(scope: Scope, sender: str, recipients: tuple[str, ...]) -> tuple[str, ...]:
    """Silence the pairs that the sender's newest message shows to be in a loop; return the others."""
    if sender in {HUMAN, SUPERVISOR}:
        return ()
    since = scope.now - WINDOW_S
    if len(scope.tx.all("message.sent_since", sender=sender, since=since)) < LOOP_SHARE:
        return ()  # spares a broadcast the look at every pair
    looping = tuple(
        name
        for name in recipients
        if name not in {HUMAN, sender} and _is_loop(_exchange(scope, sender, name, since))
    )
    for name in looping:
        one, other = sorted((sender, name))
        scope.tx.execute("silenced_pair.forget", now=scope.now)
        scope.tx.execute("silenced_pair.put", one=one, other=other, until=scope.now + LOOP_PAUSE_S)
    return looping


def _exchange(scope: Scope, one: str, other: str, since: float) -> list[tuple[str, str]]:
    rows = scope.tx.all("message.exchanged_since", one=one, other=other, since=since, limit=LOOP_MESSAGES)
    return [(row["sender"], row["kind"]) for row in rows]


def _is_loop(exchange: list[tuple[str, str]]) -> bool:
    """Tell whether two write by turns. Acks that only one of them sends are answers and do not count."""
    ackers = {sender for sender, kind in exchange if kind == MessageKind.ACK}
    if len(ackers) == 1:
        exchange = [(sender, kind) for sender, kind in exchange if kind != MessageKind.ACK]
    senders = [sender for sender, _ in exchange]
    shares = Counter(senders)
    turns = sum(earlier != later for earlier, later in pairwise(senders))
    return (
        len(senders) >= LOOP_MESSAGES
        and len(shares) == 2
        and min(shares.values()) >= LOOP_SHARE
        and turns >= LOOP_TURNS
    )


def _milliseconds(seconds: float) -> float:
    return ceil(seconds * 1000) / 1000
