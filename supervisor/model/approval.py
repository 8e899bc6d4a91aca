"""Approvals: what an agent wants to do and waits for a person to allow."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from supervisor.model.ids import ApprovalId

APPROVAL_TIMEOUT_S: Final = 900.0
PAYLOAD_MAX: Final = 64 * 1024
HIGHEST_TIER: Final = 3


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
class Approval:
    """One request. `payload` is canonical JSON text; `digest` binds the answer to exactly this content.

    Tiers: 0 read, 1 reversible, 2 outside the worktree or network, 3 irreversible.
    `expires_at` bounds the answer and, once approved, the use.
    `reason` is the agent's own words and untrusted; `answer` is what the approver wrote.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """One line of a profile's policy; patterns are shell-style globs over whole values."""

    decision: Decision
    agents: str = "*"
    kinds: str = "*"
    mode: Mode | None = None
    max_tier: int = HIGHEST_TIER - 1

    def covers(self, approval: Approval, mode: Mode) -> bool:
        """Tell whether this rule speaks about the request in this mode."""
        return (
            (self.mode is None or self.mode is mode)
            and fnmatchcase(approval.agent, self.agents)
            and fnmatchcase(approval.kind, self.kinds)
            and (self.decision is Decision.DENY or approval.tier <= self.max_tier)
        )


def policy_decision(rules: tuple[ApprovalRule, ...], approval: Approval, mode: Mode) -> Decision:
    """Decide by the rules: deny beats allow, the highest tier is never allowed, no rule means ask."""
    covering = [rule.decision for rule in rules if rule.covers(approval, mode)]
    if Decision.DENY in covering:
        return Decision.DENY
    if covering and covering[0] is Decision.ALLOW and approval.tier < HIGHEST_TIER:
        return Decision.ALLOW
    return Decision.ASK


def canonical(payload: dict[str, object]) -> str:
    """Spell a payload so that equal content has equal text."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(*, agent: str, incarnation: int, kind: str, tier: int, title: str, payload: str) -> str:
    """Return the SHA-256 over everything that an answer allows, requester included."""
    bound = canonical(
        {
            "agent": agent,
            "incarnation": incarnation,
            "kind": kind,
            "tier": tier,
            "title": title,
            "payload": payload,
        }
    )
    return hashlib.sha256(bound.encode()).hexdigest()
