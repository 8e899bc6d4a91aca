"""The tools about mail and help."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import Field

from supervisor.coordinator import dead_letters, ending, mailboxes, messages
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.mailboxes import Letter, Wanted
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument
from supervisor.model.agent import ALIVE
from supervisor.model.ids import HUMAN
from supervisor.model.message import MESSAGE_TTL_MAX_S, MESSAGE_TTL_S, MessageKind
from supervisor.model.permissions import Operation, check
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.tool import Answer, Arguments, Mutation, simple_tool

ADDRESS: Final = "An agent's name, `role:R`, `group:G`, `all`, `human` or `self` (your next incarnation)."
KINDS: Final = f"One of {', '.join(MessageKind)}."
PAGE_MAX: Final = 200


class Nothing(Arguments):
    """No arguments."""


class Inbox(Mutation):
    """Arguments of inbox; fetching hands mail out, so this counts as a change."""

    ack: list[str] = Field(default_factory=list, description="Acknowledge these ids first.")
    unread: bool = Field(default=True, description="False: all your mail, newest first, handing nothing out.")
    limit: int = Field(default=50, ge=1, le=PAGE_MAX)
    after: str | None = Field(default=None, description="Go on after this id, the last of the page before.")
    thread: str | None = None
    sender: str | None = None
    kind: str | None = Field(default=None, description=KINDS)


class Send(Mutation):
    """Arguments of message_send."""

    to: str = Field(description=ADDRESS)
    body: str
    kind: str = Field(default="info", description=KINDS)
    priority: str = Field(default="normal", description="critical, high, normal or low.")
    urgent: bool = Field(default=False, description="An interrupt: comes before all that is not.")
    thread: str = ""
    correlation_id: str = Field(default="", description="Your own id of what this belongs to.")
    payload: dict[str, Any] | None = Field(default=None, description="Data for programs, at most 8 KiB.")
    ttl_s: float = Field(
        default=MESSAGE_TTL_S, ge=1, le=MESSAGE_TTL_MAX_S, description="Seconds until it expires unread."
    )


class Ack(Mutation):
    """Arguments of message_ack."""

    ids: list[str] = Field(default_factory=list)
    sender: str | None = None
    thread: str | None = None


class Help(Mutation):
    """Arguments of help."""

    body: str
    task_id: str | None = None
    token: int | None = Field(
        default=None, description="With task_id: your token; the task then waits for a person."
    )


class DeadLetters(Arguments):
    """Arguments of dead_letters."""

    limit: int = Field(default=50, ge=1, le=PAGE_MAX)
    after: str | None = Field(default=None, description="Go on after this copy, e.g. M5/worker-1.")


def fetch_inbox(scope: Scope, actor: Actor, asked: Inbox) -> Answer:
    """Acknowledge what the actor has dealt with, then answer its mail."""
    check(actor.role, Operation.MESSAGE_READ)
    acked = mailboxes.ack(scope, actor.name, ids=tuple(asked.ack)) if asked.ack else 0
    wanted = Wanted(
        sender=asked.sender,
        thread=asked.thread,
        kind=None if asked.kind is None else messages.kind_of(asked.kind),
        after=asked.after,
        limit=asked.limit,
    )
    if asked.unread:
        listed = mailboxes.fetch(scope, actor, wanted)
    else:
        listed = mailboxes.history(scope, actor.name, wanted)
    return {
        "messages": [_shown(letter) for letter in listed],
        "waiting": mailboxes.unread_count(scope, actor),
        "acked": acked,
    }


def _shown(letter: Letter) -> Answer:
    message, copy = letter
    same = ("id", "sender", "to", "kind", "body", "urgent", "thread", "correlation_id", "at", "expires_at")
    wire = to_wire(message)
    return {key: wire[key] for key in same} | {
        "priority": message.priority.name.lower(),
        "payload": json.loads(message.payload) if message.payload else None,
        "state": copy.state.value,
        "attempts": copy.attempts,
    }


def send_message(scope: Scope, actor: Actor, asked: Send) -> Answer:
    """Post a message and answer where it went."""
    sent = messages.send(
        scope,
        actor,
        to=asked.to,
        body=asked.body,
        kind=messages.kind_of(asked.kind),
        urgent=asked.urgent,
        thread=asked.thread,
        priority=messages.priority_of(asked.priority),
        correlation_id=asked.correlation_id,
        payload=asked.payload,
        ttl_s=asked.ttl_s,
    )
    return sent_wire(sent)


def sent_wire(sent: messages.Sent) -> Answer:
    """Spell a sent message and its mailboxes; a note names the agents that do not run."""
    absent = [
        f"{each.name} is {each.state.value}"
        for each in sent.mailboxes
        if each.state is not None and each.state not in ALIVE
    ]
    note = f"{', '.join(absent)}: it waits in the mailbox until the agent runs" if absent else None
    return {
        "message": to_wire(sent.message),
        "recipients": list(sent.recipients),
        "mailboxes": to_wire(sent.mailboxes),
        **({} if note is None else {"note": note}),
    }


def ack_messages(scope: Scope, actor: Actor, asked: Ack) -> Answer:
    """Consume mail."""
    check(actor.role, Operation.MESSAGE_READ)
    count = mailboxes.ack(scope, actor.name, ids=tuple(asked.ids), sender=asked.sender, thread=asked.thread)
    return {"acked": count}


def ask_for_help(scope: Scope, actor: Actor, asked: Help) -> Answer:
    """Tell the person; with a held task, let that task wait for them."""
    check(actor.role, Operation.HELP)
    if asked.task_id is not None:
        if asked.token is None:
            raise InvalidArgument("help: `token` is needed with `task_id`")
        ending.block_for_help(scope, actor, asked.task_id, asked.token, asked.body[:200])
    message, _ = messages.post(
        scope,
        actor.name,
        to=HUMAN,
        recipients=(HUMAN,),
        body=asked.body,
        kind=MessageKind.HELP,
        urgent=True,
        thread=asked.task_id or "",
        incarnation=actor.incarnation,
    )
    return {"message": to_wire(message)}


def list_groups(scope: Scope, actor: Actor, _asked: Nothing) -> Answer:
    """Answer which addresses mean several agents, and which."""
    check(actor.role, Operation.MESSAGE_READ)
    groups = messages.groups_of(scope)
    return {"groups": [{"address": each, "members": list(members)} for each, members in groups.items()]}


def own_dead_letters(scope: Scope, actor: Actor, asked: DeadLetters) -> Answer:
    """Answer which copies of the actor's messages nobody could deal with."""
    check(actor.role, Operation.MESSAGE_READ)
    found = dead_letters.dead_letters(scope, sender=actor.name, after=asked.after, limit=asked.limit)
    return {
        "dead": [
            _shown(letter) | {"copy": letter[1].key, "recipient": letter[1].recipient} for letter in found
        ]
    }


MAIL_TOOLS: Final = (
    simple_tool(
        "inbox",
        "Fetch your mail. It is then hidden from you for 5 minutes and comes back unless you acknowledge it.",
        Operation.MESSAGE_READ,
        Inbox,
        fetch_inbox,
    ),
    simple_tool(
        "message_send",
        "Send a message; the answer says in whose mailbox it is and how much is read before it.",
        Operation.MESSAGE_SEND,
        Send,
        send_message,
    ),
    simple_tool(
        "message_ack",
        "Mark mail as dealt with: all that ids, sender or thread name.",
        Operation.MESSAGE_READ,
        Ack,
        ack_messages,
    ),
    simple_tool(
        "help",
        "Ask a person for help; with a held task, it then waits for them.",
        Operation.HELP,
        Help,
        ask_for_help,
    ),
    simple_tool(
        "group_list",
        "List the addresses that mean several agents, with their members.",
        Operation.MESSAGE_READ,
        Nothing,
        list_groups,
    ),
    simple_tool(
        "dead_letters",
        "List the copies of your messages that were fetched 3 times and never acknowledged.",
        Operation.MESSAGE_READ,
        DeadLetters,
        own_dead_letters,
    ),
)
