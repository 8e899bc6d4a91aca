"""Sending mail: addresses, one message, one delivery per recipient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from supervisor.coordinator import floods
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import InvalidArgument, NotFound
from supervisor.model.agent import ROLE_ALIASES, Agent, AgentState
from supervisor.model.approval import canonical
from supervisor.model.ids import HUMAN, SUPERVISOR, message_id
from supervisor.model.message import (
    LABEL_MAX,
    MESSAGE_MAX,
    MESSAGE_PAYLOAD_MAX,
    MESSAGE_TTL_MAX_S,
    MESSAGE_TTL_S,
    Delivery,
    Message,
    MessageKind,
)
from supervisor.model.permissions import Operation, check
from supervisor.model.task import PRIORITY_WORDS, Priority

ALL: Final = "all"
SELF: Final = "self"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Where one copy went: its owner's state (None for the person) and how many copies are read before it."""

    name: str
    state: AgentState | None
    queued_ahead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that was stored, and the mailboxes that hold a copy of it."""

    message: Message
    mailboxes: tuple[Mailbox, ...]

    @property
    def recipients(self) -> tuple[str, ...]:
        """Return the names of the mailboxes."""
        return tuple(each.name for each in self.mailboxes)


def send(
    scope: Scope,
    sender: Actor | None,
    *,
    to: str,
    body: str,
    kind: MessageKind = MessageKind.INFO,
    urgent: bool = False,
    thread: str = "",
    priority: Priority = Priority.NORMAL,
    correlation_id: str = "",
    payload: Mapping[str, Any] | None = None,
    ttl_s: float = MESSAGE_TTL_S,
) -> Sent:
    """Post one message and say where it went. `sender` None is the person at the terminal.

    `to` is an agent's name, `role:R`, `group:G`, `all`, `human` or `self`; groups are resolved
    now, and an agent that does not run finds its copy when it starts. Raises NotFound for an
    address that means nobody, TooMany, with the time to try again, when a limit is reached.
    """
    if sender is not None:
        check(sender.role, Operation.MESSAGE_SEND)
    name = HUMAN if sender is None else sender.name
    recipients = resolve(scope, to, sender=name)
    message, _ = post(
        scope,
        name,
        to=to,
        recipients=recipients,
        body=body,
        kind=kind,
        urgent=urgent,
        thread=thread,
        priority=priority,
        correlation_id=correlation_id,
        payload=payload,
        ttl_s=ttl_s,
        incarnation=0 if sender is None else sender.incarnation,
    )
    return Sent(message=message, mailboxes=_mailboxes(scope, message, recipients))


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
    priority: Priority = Priority.NORMAL,
    correlation_id: str = "",
    payload: Mapping[str, Any] | None = None,
    ttl_s: float = MESSAGE_TTL_S,
    incarnation: int = 0,
) -> tuple[Message, tuple[str, ...]]:
    """Store a message with its copies, after checking sizes and the sender's limits.

    What the person and the engine itself write always fits: no agent can shut them out.
    """
    if not body.strip():
        raise InvalidArgument("a message needs a body")
    if not 1 <= ttl_s <= MESSAGE_TTL_MAX_S:
        raise InvalidArgument(f"ttl_s {ttl_s} is not between 1 and {MESSAGE_TTL_MAX_S:.0f}")
    text = "" if payload is None else canonical(dict(payload))
    message = Message(
        id=message_id(scope.tx.scalar("message.next_number")),
        run=scope.run,
        sender=sender,
        to=to,
        body=sized(body, MESSAGE_MAX, "message"),
        kind=kind,
        urgent=urgent,
        thread=sized(thread, LABEL_MAX, "thread"),
        at=scope.now,
        expires_at=scope.now + ttl_s,
        priority=priority,
        correlation_id=sized(correlation_id, LABEL_MAX, "correlation_id"),
        payload=sized(text, MESSAGE_PAYLOAD_MAX, "payload"),
        incarnation=incarnation,
    )
    floods.check_limits(scope, sender, recipients)
    scope.tx.record("message.sent", message, actor=sender)
    for recipient in recipients:
        scope.tx.record("delivery.queued", Delivery(message=message.id, recipient=recipient), actor=sender)
    for other in floods.break_loops(scope, sender, recipients):
        _tell_of_loop(scope, sender, other)
    return message, recipients


def _tell_of_loop(scope: Scope, one: str, other: str) -> None:
    post(
        scope,
        SUPERVISOR,
        to=HUMAN,
        recipients=(HUMAN,),
        body=f"{one} and {other} wrote {floods.LOOP_MESSAGES} messages to each other within "
        f"{floods.WINDOW_S:.0f} s, turn by turn. Their mail to each other is refused for "
        f"{floods.LOOP_PAUSE_S:.0f} s; tell them what you want: supervisor send {one} TEXT",
    )


def _mailboxes(scope: Scope, message: Message, recipients: tuple[str, ...]) -> tuple[Mailbox, ...]:
    alone = scope.member(recipients[0]) if len(recipients) == 1 else None
    known = scope.agents() if len(recipients) > 1 else () if alone is None else (alone,)
    states = {agent.name: agent.state for agent in known}
    return tuple(
        Mailbox(name=name, state=states.get(name), queued_ahead=_ahead(scope, message, name))
        for name in recipients
    )


def _ahead(scope: Scope, message: Message, recipient: str) -> int:
    ((rank, number),) = scope.tx.all("delivery.rank_of", message=message.id, recipient=recipient)
    count: int = scope.tx.scalar("delivery.ahead_count", recipient=recipient, rank=rank, n=number)
    return count


def resolve(scope: Scope, to: str, *, sender: str) -> tuple[str, ...]:
    """Return the mailboxes that an address means; raise NotFound for one that means nobody."""
    if to == HUMAN:
        return (HUMAN,)
    if to == SELF:
        return (sender,)
    kind, colon, value = to.partition(":")
    if not colon or kind == "agent":  # most mail: one row in place of the whole team
        one = scope.member(value if colon else to)
        if one is not None:
            return (one.name,)
    agents = scope.agents()
    names = tuple(
        agent.name for agent in agents if _is_meant(agent, to=to, kind=kind, value=value, sender=sender)
    )
    if not names:
        raise NotFound(_nobody(agents, to))
    return names


def _is_meant(agent: Agent, *, to: str, kind: str, value: str, sender: str) -> bool:
    """Tell whether an address means this agent; one that means many never means the sender."""
    match kind:
        case "agent":
            return agent.name == value
        case "role":
            return agent.name != sender and agent.role.value == ROLE_ALIASES.get(value, value)
        case "group":
            return agent.name != sender and value in agent.groups
        case _:
            return agent.name == to or (to == ALL and agent.name != sender)


def _nobody(agents: tuple[Agent, ...], to: str) -> str:
    """Say that an address means nobody, and which near ones there are."""
    kind, _, value = to[:70].rpartition(":")
    many, known = "", [*(agent.name for agent in agents), HUMAN, ALL]
    if kind == "role":
        many, known = "role:", sorted({agent.role.value for agent in agents})
    elif kind == "group":
        many, known = "group:", sorted({group for agent in agents for group in agent.groups})
    if value in known:
        return f"nobody but you has the address `{to}`"
    close = get_close_matches(value, known, n=1)
    shown = ", ".join(f"{many}{each}" for each in known[:20]) or "none"
    hint = f"; did you mean `{many}{close[0]}`?" if close else f"; there are: {shown}"
    return f"nobody has the address `{to[:70]}`{hint}"


def groups_of(scope: Scope) -> dict[str, tuple[str, ...]]:
    """Return the addresses that mean several agents, `all` and the profile's groups, with their members."""
    agents = scope.agents()
    names = sorted({group for agent in agents for group in agent.groups})
    members = {
        f"group:{name}": tuple(agent.name for agent in agents if name in agent.groups) for name in names
    }
    return {ALL: tuple(agent.name for agent in agents), **members}


def kind_of(word: str) -> MessageKind:
    """Read a message's kind, in any case; raise InvalidArgument."""
    if word.lower() not in set(MessageKind):
        raise InvalidArgument(f"kind `{word[:40]}` is none of {', '.join(MessageKind)}")
    return MessageKind(word.lower())


def priority_of(word: str) -> Priority:
    """Read a message's priority, in any case; raise InvalidArgument."""
    found = PRIORITY_WORDS.get(word.lower())
    if found is None:
        raise InvalidArgument(f"priority `{word[:40]}` is none of {', '.join(PRIORITY_WORDS)}")
    return found
