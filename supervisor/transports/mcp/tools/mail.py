"""The tools about mail and help."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from supervisor.coordinator import messages, work
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument
from supervisor.model.ids import HUMAN
from supervisor.model.message import MessageKind
from supervisor.model.permissions import Operation, check
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.tool import Answer, Mutation, simple_tool

ADDRESS: Final = "An agent's name, `role:R`, `group:G`, `all`, `human` or `self`."


class Inbox(Mutation):
    """Arguments of inbox; fetching marks mail as delivered, so this counts as a change."""

    unread: bool = True
    limit: int = Field(default=50, ge=1, le=200)


class Send(Mutation):
    """Arguments of message_send."""

    to: str = Field(description=ADDRESS)
    body: str
    kind: str = Field(default="info", description=f"One of {', '.join(MessageKind)}.")
    urgent: bool = False
    thread: str = ""


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


def fetch_inbox(scope: Scope, actor: Actor, asked: Inbox) -> Answer:
    """Answer the actor's mail."""
    check(actor.role, Operation.MESSAGE_READ)
    listed = messages.inbox(scope, actor.name, unread_only=asked.unread, limit=asked.limit, fetch=True)
    shown = ("id", "sender", "to", "kind", "body", "urgent", "thread", "at")
    return {
        "messages": [
            {key: to_wire(message)[key] for key in shown} | {"state": copy.state.value}
            for message, copy in listed
        ]
    }


def _kind(word: str) -> MessageKind:
    if word not in set(MessageKind):
        raise InvalidArgument(f"kind `{word[:40]}` is none of {', '.join(MessageKind)}")
    return MessageKind(word)


def send_message(scope: Scope, actor: Actor, asked: Send) -> Answer:
    """Post a message."""
    message, recipients = messages.send(
        scope,
        actor,
        to=asked.to,
        body=asked.body,
        kind=_kind(asked.kind),
        urgent=asked.urgent,
        thread=asked.thread,
    )
    return {"message": to_wire(message), "recipients": list(recipients)}


def ack_messages(scope: Scope, actor: Actor, asked: Ack) -> Answer:
    """Consume mail."""
    check(actor.role, Operation.MESSAGE_READ)
    count = messages.ack(scope, actor.name, ids=tuple(asked.ids), sender=asked.sender, thread=asked.thread)
    return {"acked": count}


def ask_for_help(scope: Scope, actor: Actor, asked: Help) -> Answer:
    """Tell the person; with a held task, let that task wait for them."""
    check(actor.role, Operation.HELP)
    if asked.task_id is not None:
        if asked.token is None:
            raise InvalidArgument("help: `token` is needed with `task_id`")
        work.block_for_help(scope, actor, asked.task_id, asked.token, asked.body[:200])
    message, _ = messages.post(
        scope,
        actor.name,
        to=HUMAN,
        recipients=(HUMAN,),
        body=asked.body,
        kind=MessageKind.HELP,
        urgent=True,
        thread=asked.task_id or "",
    )
    return {"message": to_wire(message)}


MAIL_TOOLS: Final = (
    simple_tool(
        "inbox",
        "Fetch your mail. Reading does not consume it: message_ack does.",
        Operation.MESSAGE_READ,
        Inbox,
        fetch_inbox,
    ),
    simple_tool("message_send", "Send a message.", Operation.MESSAGE_SEND, Send, send_message),
    simple_tool(
        "message_ack",
        "Mark mail as dealt with, by ids, sender or thread.",
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
)
