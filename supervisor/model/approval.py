"""Approvals: what an agent wants to do and waits for a person to allow."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from supervisor.model.ids import ApprovalId
from supervisor.model.tiers import Act

APPROVAL_TIMEOUT_S: Final = 900.0
PAYLOAD_MAX: Final = 64 * 1024
HIGHEST_TIER: Final = 3
BY_TOOL: Final = "tool"
"""The source of what a model asked for by our own tool."""
BY_HOOK: Final = "hook"
"""The source of what a program told us of that a person had started."""


class ApprovalState(StrEnum):
    """How far a request has come. `used` means the approved act was begun, once."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    USED = "used"


APPROVAL_MOVES: Final[dict[ApprovalState, frozenset[ApprovalState]]] = {
    ApprovalState.PENDING: frozenset(
        {ApprovalState.APPROVED, ApprovalState.DENIED, ApprovalState.EXPIRED, ApprovalState.WITHDRAWN}
    ),
    ApprovalState.APPROVED: frozenset({ApprovalState.USED, ApprovalState.EXPIRED, ApprovalState.WITHDRAWN}),
    ApprovalState.DENIED: frozenset(),
    ApprovalState.EXPIRED: frozenset(),
    ApprovalState.WITHDRAWN: frozenset(),
    ApprovalState.USED: frozenset(),
}


class Decision(StrEnum):
    """What a profile's rule says about a request."""

    ALLOW = "allow"
    DENY = "deny"
    ASK = "ask"


class Mode(StrEnum):
    """Whether a person sits in front of the team."""

    INTERACTIVE = "interactive"
    HEADLESS = "headless"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedAnswer:
    """One answer that the agent itself offers to its request; shown, never given on its own."""

    id: str
    label: str
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request came from, when the agent's program asked rather than its model by a tool.

    `request` is the program's own name for it. `workspace` is the directory that is the agent's own.
    `abridged`: its payload is too large to be shown whole, so no person can be asked.
    """

    source: str
    tool: str = ""
    cwd: str = ""
    workspace: str = ""
    request: str = ""
    options: tuple[OfferedAnswer, ...] = ()
    rewritable: bool = False
    abridged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One request. `payload` is canonical JSON text; `digest` binds the answer to exactly this content.

    Tiers: 0 read, 1 reversible, 2 outside the worktree or network, 3 irreversible.
    `expires_at` bounds the answer and, once approved, the use.
    `reason` is the agent's own words and untrusted; `answer` is what the approver wrote.
    `source`: `tool` if the model asked by our tool, `hook`, or the name of the adapter that heard it.
    `rewritten` is what the approver allowed in place of `payload`; the digest is then of that.
    `blocks` are the tasks that the agent held when it asked.
    """

    id: ApprovalId
    run: int
    agent: str
    incarnation: int
    kind: str
    tier: int
    title: str
    payload: str
    digest: str
    reason: str = ""
    task: str | None = None
    state: ApprovalState = ApprovalState.PENDING
    created_at: float = 0.0
    expires_at: float = 0.0
    answered_by: str | None = None
    answered_at: float | None = None
    answer: str = ""
    source: str = BY_TOOL
    tool: str = ""
    cwd: str = ""
    workspace: str = ""
    request: str = ""
    options: tuple[OfferedAnswer, ...] = ()
    rewritable: bool = False
    rewritten: str = ""
    blocks: tuple[str, ...] = ()

    @property
    def content(self) -> str:
        """Return what would run: as it was asked for, or as it was rewritten."""
        return self.rewritten or self.payload

    @property
    def act(self) -> Act:
        """Return what would be done, for those who judge it."""
        try:
            payload = json.loads(self.content)
        except (ValueError, RecursionError):
            payload = None
        return Act(
            kind=self.kind,
            tool=self.tool,
            payload=payload if isinstance(payload, dict) else {},
            cwd=self.cwd,
            workspace=self.workspace,
        )


def canonical(payload: dict[str, object]) -> str:
    """Spell a payload so that equal content has equal text."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(
    *,
    agent: str,
    incarnation: int,
    kind: str,
    tier: int,
    title: str,
    payload: str,
    source: str = BY_TOOL,
    tool: str = "",
    cwd: str = "",
) -> str:
    """Return the SHA-256 over everything that an answer allows, requester included."""
    bound: dict[str, object] = {
        "agent": agent,
        "incarnation": incarnation,
        "kind": kind,
        "tier": tier,
        "title": title,
        "payload": payload,
    }
    if source != BY_TOOL:
        bound |= {"source": source, "tool": tool, "cwd": cwd}
    return hashlib.sha256(canonical(bound).encode()).hexdigest()


def digest_for(approval: Approval, content: str) -> str:
    """Return the digest that a request has if this is what would run."""
    return digest_of(
        agent=approval.agent,
        incarnation=approval.incarnation,
        kind=approval.kind,
        tier=approval.tier,
        title=approval.title,
        payload=content,
        source=approval.source,
        tool=approval.tool,
        cwd=approval.cwd,
    )
