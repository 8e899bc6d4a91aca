"""What an agent does, in the words of no vendor: the typed events that every driver tells.

All text in them is foreign: raw, not yet safe to show, to log as a line or to hand to another agent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ActKind(StrEnum):
    """What a tool call, or a request to be allowed one, is about."""

    SHELL = "shell"
    EDIT = "edit"
    READ = "read"
    MCP = "mcp"
    NETWORK = "network"
    PLAN = "plan"
    OTHER = "other"


class OptionScope(StrEnum):
    """How far an offered answer reaches; `always` and `session` are the agent's own memory, not ours."""

    ONCE = "once"
    SESSION = "session"
    ALWAYS = "always"
    DENY = "deny"


class TurnReason(StrEnum):
    """Why a turn ended.

    `lost`: the process ended, or broke the protocol, before it said so.
    """

    DONE = "done"
    INTERRUPTED = "interrupted"
    REFUSED = "refused"
    LIMIT = "limit"
    ERROR = "error"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The conversation is open: `session_id` is the agent's own name for it, by which it is resumed."""

    session_id: str
    model: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorLink:
    """The agent says whether it reached the coordinator's MCP server; `detail` says why not."""

    connected: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The agent wrote for people: a whole message or a whole line, never a fragment of a word."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """The agent thought aloud."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStart:
    """A tool call began; `call` is unique in the conversation, `title` one line for people."""

    call: str
    tool: str
    kind: ActKind = ActKind.OTHER
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnd:
    """A tool call ended; every one that began ends, also when the turn or the process does."""

    call: str
    ok: bool
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer that the agent offers to its own request."""

    id: str
    label: str
    scope: OptionScope


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """The agent wants to do something and waits: `payload` is all of what it would do, as JSON values.

    `request` is unique in the incarnation. `rewritable`: the answer may carry another payload.
    """

    request: str
    kind: ActKind
    tool: str
    title: str
    payload: dict[str, Any]
    cwd: str = ""
    reason: str = ""
    options: tuple[Option, ...] = ()
    rewritable: bool = False
    call: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The agent asks a person; `choices` may be empty. Answered like a permission, by words."""

    request: str
    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestGone:
    """The agent waits no longer for this answer: it gave up, was interrupted or has ended."""

    request: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The agent's own list of steps: pairs of state (`pending`, `in_progress`, `completed`) and text."""

    steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was used since the last such event, never a running total. None is unknown, not zero.

    `input_tokens` is without what came from the cache. `cost_usd` is what the agent itself says; whether
    it can be believed is `cost_is_known`. `context_tokens` of `context_window` is how full the context is.
    """

    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    cost_is_known: bool = False
    context_tokens: int | None = None
    context_window: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The agent tries its model again by itself: `status` as HTTP has it, 0 if there was none."""

    status: int
    attempt: int
    after_s: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited:
    """The model's service refuses for now; `until` is epoch seconds, None if it did not say."""

    until: float | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginNeeded:
    """The agent is not logged in, or its key is not accepted: only a person can help."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """The agent shortened its context by itself."""

    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnd:
    """A turn is over: exactly one for each prompt. `final_text` is the agent's last message of it."""

    ok: bool
    reason: TurnReason
    final_text: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The agent said something that this driver does not know; it goes on. `raw` is cut to 2,000."""

    what: str
    raw: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The agent broke its protocol: a line too long, bytes that are no JSON, an answer to nothing."""

    detail: str


AgentEvent = (
    Started
    | CoordinatorLink
    | Text
    | Thinking
    | ToolStart
    | ToolEnd
    | Permission
    | Question
    | RequestGone
    | Plan
    | Usage
    | Retry
    | RateLimited
    | LoginNeeded
    | Compacted
    | TurnEnd
    | Unknown
    | Broken
)
"""All that a driver can tell."""
