"""Approvals: asked by an agent, answered by the profile's rule or a person, used once."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Any

from supervisor.coordinator import agents
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import AlreadyAnswered, DigestMismatch, InvalidArgument, NotFound, WrongState
from supervisor.model.approval import (
    APPROVAL_MOVES,
    APPROVAL_TIMEOUT_S,
    HIGHEST_TIER,
    PAYLOAD_MAX,
    Approval,
    ApprovalState,
    Decision,
    Mode,
    canonical,
    digest_of,
    policy_decision,
)
from supervisor.model.ids import HUMAN, SUPERVISOR, approval_id, checked_name, number_of
from supervisor.model.permissions import Operation, check


def request(
    scope: Scope,
    actor: Actor,
    *,
    kind: str,
    title: str,
    payload: dict[str, Any],
    tier: int,
    reason: str = "",
    task: str | None = None,
) -> Approval:
    """Ask to do something. The profile's rule answers at once, else it waits for a person.

    Without a person (headless) what no rule allows is denied at once.
    """
    check(actor.role, Operation.APPROVAL_REQUEST)
    if not 0 <= tier <= HIGHEST_TIER:
        raise InvalidArgument(f"tier {tier} is not between 0 and {HIGHEST_TIER}")
    text = sized(canonical(payload), PAYLOAD_MAX, "payload")
    checked_name(kind, "kind")
    sized(title, 200, "title")
    approval = Approval(
        id=approval_id(scope.tx.scalar("approval.next_number")),
        run=scope.run,
        agent=actor.name,
        incarnation=actor.incarnation,
        kind=kind,
        tier=tier,
        title=title,
        payload=text,
        digest=digest_of(
            agent=actor.name, incarnation=actor.incarnation, kind=kind, tier=tier, title=title, payload=text
        ),
        reason=sized(reason, 2000, "reason"),
        task=None if task is None else scope.task(task).id,
        created_at=scope.now,
        expires_at=scope.now + APPROVAL_TIMEOUT_S,
    )
    scope.tx.record("approval.requested", approval, actor=actor.name)
    decided = _by_policy(scope, approval)
    agents.refresh_activity(scope, actor.name)
    return decided


def _by_policy(scope: Scope, approval: Approval) -> Approval:
    decision = policy_decision(scope.team.approvals, approval, scope.mode)
    if decision is Decision.ALLOW:
        return _settle(
            scope, approval, ApprovalState.APPROVED, by="profile", answer="allowed by the profile's rule"
        )
    if decision is Decision.DENY:
        return _settle(
            scope, approval, ApprovalState.DENIED, by="profile", answer="denied by the profile's rule"
        )
    if scope.mode is Mode.HEADLESS:
        nobody = "denied: no rule of the profile allows it and nobody is here to ask (headless)"
        return _settle(scope, approval, ApprovalState.DENIED, by=SUPERVISOR, answer=nobody)
    return approval


def _settle(scope: Scope, approval: Approval, to: ApprovalState, *, by: str, answer: str) -> Approval:
    if to not in APPROVAL_MOVES[approval.state]:
        raise AlreadyAnswered(
            f"approval {approval.id} is {approval.state.value} already"
            + (f", by {approval.answered_by}" if approval.answered_by else ""),
            answered_by=approval.answered_by,
            answered_at=approval.answered_at,
        )
    settled = replace(approval, state=to, answered_by=by, answered_at=scope.now, answer=answer)
    if to is ApprovalState.APPROVED:
        settled = replace(settled, expires_at=scope.now + APPROVAL_TIMEOUT_S)
    return scope.tx.record(f"approval.{to.value}", settled, actor=by, reason=answer[:200])


def the_approval(scope: Scope, spelled: str) -> Approval:
    """Return an approval; raise NotFound."""
    approval = scope.tx.value(Approval, "approval.get", n=number_of(spelled, "A"))
    if approval is None:
        raise NotFound(f"there is no approval `{spelled[:40]}`")
    return approval


def own_approval(scope: Scope, actor: Actor, spelled: str) -> Approval:
    """Return an approval that this very incarnation asked for; a foreign one looks unknown."""
    check(actor.role, Operation.APPROVAL_REQUEST)
    approval = the_approval(scope, spelled)
    if (approval.agent, approval.incarnation) != (actor.name, actor.incarnation):
        raise NotFound(f"there is no approval `{spelled[:40]}`")
    return approval


def answer(scope: Scope, spelled: str, *, digest: str, allow: bool, reason: str = "") -> Approval:
    """Let the person answer what was shown under this digest; only the first answer counts.

    This is no agent's operation: it is reached through the operator's socket alone.
    """
    approval = the_approval(scope, spelled)
    if approval.state is ApprovalState.PENDING and scope.now > approval.expires_at:
        raise AlreadyAnswered(f"approval {approval.id} has expired; the agent has to ask again")
    if not hmac.compare_digest(approval.digest, digest):
        raise DigestMismatch(f"approval {approval.id} is not what you were shown; look at it again")
    to = ApprovalState.APPROVED if allow else ApprovalState.DENIED
    settled = _settle(scope, approval, to, by=HUMAN, answer=sized(reason, 2000, "reason"))
    agents.refresh_activity(scope, approval.agent)
    return settled


def use(scope: Scope, actor: Actor, spelled: str, payload: dict[str, Any]) -> Approval:
    """Begin what was allowed, once: the content must still be what the answer was given for."""
    approval = own_approval(scope, actor, spelled)
    if approval.state is not ApprovalState.APPROVED:
        raise WrongState(
            f"approval {approval.id} is {approval.state.value}; only an approved one can be used"
        )
    if scope.now > approval.expires_at:
        raise WrongState(f"approval {approval.id} was not used in time; ask again")
    now = digest_of(
        agent=actor.name,
        incarnation=actor.incarnation,
        kind=approval.kind,
        tier=approval.tier,
        title=approval.title,
        payload=canonical(payload),
    )
    if not hmac.compare_digest(now, approval.digest):
        raise DigestMismatch(f"the content is not what approval {approval.id} was given for; ask again")
    used = replace(approval, state=ApprovalState.USED)
    return scope.tx.record("approval.used", used, actor=actor.name)


def expire_overdue(scope: Scope) -> None:
    """Deny what nobody answered in time, and void what was allowed but not used in time."""
    for approval in scope.tx.values(Approval, "approval.overdue", now=scope.now):
        if approval.state is ApprovalState.APPROVED:
            unused = replace(approval, state=ApprovalState.EXPIRED)
            scope.tx.record("approval.expired", unused, actor=SUPERVISOR, reason="not used in time")
            continue
        _settle(
            scope, approval, ApprovalState.EXPIRED, by=SUPERVISOR, answer="denied: nobody answered in time"
        )
        agents.refresh_activity(scope, approval.agent)


def deny_unattended(scope: Scope) -> None:
    """When a run goes on without a person, answer what still waits for one: by the rules, else deny."""
    if scope.mode is Mode.HEADLESS:
        for approval in scope.tx.values(Approval, "approval.pending"):
            _by_policy(scope, approval)


def withdraw(scope: Scope, name: str, *, reason: str) -> None:
    """Void what an ended incarnation asked for: nobody may use its answers."""
    for approval in scope.tx.values(Approval, "approval.open_of", agent=name):
        void = replace(approval, state=ApprovalState.WITHDRAWN)
        scope.tx.record("approval.withdrawn", void, actor=SUPERVISOR, reason=reason)
