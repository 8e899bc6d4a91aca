"""The tools about people and agents talking: mail, help, votes, memory, approvals."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from supervisor.coordinator import approvals, memory, messages, views, votes, work
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument
from supervisor.model.ids import HUMAN
from supervisor.model.message import MessageKind
from supervisor.model.permissions import Operation, check
from supervisor.model.vote import VOTE_DEADLINE_S, Vote, VoteState
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.tool import Answer, Arguments, Mutation, simple_tool

ADDRESS: Final = "An agent's name, `role:R`, `group:G`, `all`, `human` or `self`."
SCOPE: Final = "`team`, `task:T12` or `agent:NAME`."


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


class Remember(Mutation):
    """Arguments of memory_set."""

    key: str
    value: str
    scope: str = Field(default="team", description=SCOPE)


class Recall(Arguments):
    """Arguments of memory_get."""

    key: str
    scope: str = Field(default="team", description=SCOPE)


class RecallAll(Arguments):
    """Arguments of memory_list."""

    scope: str = Field(default="team", description=SCOPE)


class OpenVote(Mutation):
    """Arguments of vote_open."""

    question: str
    options: list[str]
    electorate: list[str] = Field(description=f"Who may vote; each: {ADDRESS}")
    quorum: int | None = Field(default=None, description="Ballots needed; the majority if left out.")
    deadline_s: float = VOTE_DEADLINE_S


class Cast(Mutation):
    """Arguments of vote_cast."""

    vote_id: str
    choice: str = Field(description="One of the options, or `abstain`.")
    rationale: str = ""


class OneVote(Arguments):
    """Arguments of vote_get."""

    vote_id: str


class ListVotes(Arguments):
    """Arguments of vote_list."""

    open: bool | None = None


class Ask(Mutation):
    """Arguments of approval_request."""

    kind: str = Field(description="What kind of act, e.g. write_file.")
    title: str
    payload: dict[str, Any] = Field(description="Everything that the act consists of.")
    tier: int = Field(
        default=1, ge=0, le=3, description="0 read, 1 reversible, 2 outside the project, 3 final."
    )
    reason: str = ""
    task_id: str | None = None


class OneApproval(Arguments):
    """Arguments of approval_get."""

    approval_id: str


class Use(Mutation):
    """Arguments of approval_use."""

    approval_id: str
    payload: dict[str, Any] = Field(description="The same content again; it must be what was allowed.")


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


def remember(scope: Scope, actor: Actor, asked: Remember) -> Answer:
    """Set a value."""
    return {
        "entry": to_wire(memory.remember(scope, actor, key=asked.key, value=asked.value, where=asked.scope))
    }


def recall(scope: Scope, actor: Actor, asked: Recall) -> Answer:
    """Answer a value."""
    return {"entry": to_wire(memory.recall(scope, actor, key=asked.key, where=asked.scope))}


def recall_all(scope: Scope, actor: Actor, asked: RecallAll) -> Answer:
    """Answer what a scope holds."""
    return {"entries": to_wire(memory.recall_all(scope, actor, where=asked.scope))}


def open_vote(scope: Scope, actor: Actor, asked: OpenVote) -> Answer:
    """Open a vote."""
    vote = votes.open_vote(
        scope,
        actor,
        question=asked.question,
        options=tuple(asked.options),
        electorate=tuple(asked.electorate),
        quorum=asked.quorum,
        deadline_s=asked.deadline_s,
    )
    return {"vote": to_wire(vote)}


def cast_ballot(scope: Scope, actor: Actor, asked: Cast) -> Answer:
    """Cast a ballot."""
    ballot, vote = votes.cast(scope, actor, asked.vote_id, asked.choice, asked.rationale)
    return {"ballot": to_wire(ballot), "vote": to_wire(vote)}


def get_vote(scope: Scope, _actor: Actor, asked: OneVote) -> Answer:
    """Answer one vote with its count."""
    return views.vote_page(scope, asked.vote_id)


def list_votes(scope: Scope, _actor: Actor, asked: ListVotes) -> Answer:
    """Answer the run's votes."""
    listed = scope.tx.values(Vote, "vote.of_run", run=scope.run)
    wanted = [vote for vote in listed if asked.open is None or (vote.state is VoteState.OPEN) == asked.open]
    return {"votes": to_wire(wanted)}


def request_approval(scope: Scope, actor: Actor, asked: Ask) -> Answer:
    """Ask a person, or the profile's rule, to allow something."""
    approval = approvals.request(
        scope,
        actor,
        kind=asked.kind,
        title=asked.title,
        payload=asked.payload,
        tier=asked.tier,
        reason=asked.reason,
        task=asked.task_id,
    )
    return {"approval": to_wire(approval)}


def get_approval(scope: Scope, actor: Actor, asked: OneApproval) -> Answer:
    """Answer one of the actor's own requests."""
    return {"approval": to_wire(approvals.own_approval(scope, actor, asked.approval_id))}


def use_approval(scope: Scope, actor: Actor, asked: Use) -> Answer:
    """Begin what was allowed."""
    return {"approval": to_wire(approvals.use(scope, actor, asked.approval_id, asked.payload))}


TALK_TOOLS: Final = (
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
    simple_tool(
        "memory_set",
        "Remember a value for the team, a task or yourself.",
        Operation.MEMORY_WRITE,
        Remember,
        remember,
    ),
    simple_tool("memory_get", "Recall a remembered value.", Operation.MEMORY_READ, Recall, recall),
    simple_tool("memory_list", "List what a scope remembers.", Operation.MEMORY_READ, RecallAll, recall_all),
    simple_tool(
        "vote_open", "Open a vote; its electorate is fixed now.", Operation.VOTE_OPEN, OpenVote, open_vote
    ),
    simple_tool("vote_cast", "Cast your only ballot in a vote.", Operation.VOTE_CAST, Cast, cast_ballot),
    simple_tool("vote_get", "Show one vote with tally and ballots.", Operation.VOTE_READ, OneVote, get_vote),
    simple_tool("vote_list", "List the votes of this run.", Operation.VOTE_READ, ListVotes, list_votes),
    simple_tool(
        "approval_request",
        "Ask for leave to do something; `wait` for approval:ID, then approval_use.",
        Operation.APPROVAL_REQUEST,
        Ask,
        request_approval,
    ),
    simple_tool(
        "approval_get",
        "Show one of your own requests.",
        Operation.APPROVAL_REQUEST,
        OneApproval,
        get_approval,
    ),
    simple_tool(
        "approval_use",
        "Begin what was allowed, once; the content must be unchanged.",
        Operation.APPROVAL_REQUEST,
        Use,
        use_approval,
    ),
)
