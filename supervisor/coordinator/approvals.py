"""Approvals: asked by an agent, answered by the profile's rule or a person, used once."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import Any, Final

from supervisor.coordinator import agents, rules
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import AlreadyAnswered, DigestMismatch, InvalidArgument, NotFound, TooMany, WrongState
from supervisor.model.approval import (
    APPROVAL_MOVES,
    APPROVAL_TIMEOUT_S,
    BY_TOOL,
    HIGHEST_TIER,
    PAYLOAD_MAX,
    Approval,
    ApprovalState,
    Decision,
    Mode,
    Origin,
    canonical,
    digest_for,
)
from supervisor.model.ids import HUMAN, SUPERVISOR, approval_id, checked_name, number_of
from supervisor.model.permissions import Operation, check
from supervisor.model.rule import Policy, RuleScope
from supervisor.model.task import Task

OPEN_MAX: Final = 100
"""Requests of one agent that may be open at a time."""
TITLE_MAX: Final = 200
REASON_MAX: Final = 2000
BY_MODEL: Final = Origin(source=BY_TOOL)
POLICY: Final = "profile"
"""The actor of what a rule answered, the profile's or a standing one."""
NOBODY_HERE: Final = "denied: no rule of the profile allows it and nobody is here to ask (headless)"
TOO_LARGE_TO_SHOW: Final = (
    f"denied: no rule allows it, and what it consists of is too large to be shown to a person whole (over "
    f"{PAYLOAD_MAX} bytes); do it in smaller parts"
)


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
    origin: Origin = BY_MODEL,
) -> Approval:
    """Ask to do something. A rule answers at once, else it waits for a person.

    Without a person (headless) what no rule allows is denied at once, unless the profile says wait. What a
    program asked for (`origin`) is used in the same step as a rule allows it: the program waits for it.
    """
    check(actor.role, Operation.APPROVAL_REQUEST)
    if not 0 <= tier <= HIGHEST_TIER:
        raise InvalidArgument(f"tier {tier} is not between 0 and {HIGHEST_TIER}")
    _check_open(scope, actor)
    held = scope.tx.values(Task, "task.held_by", agent=actor.name)
    approval = Approval(
        id=approval_id(scope.tx.scalar("approval.next_number")),
        run=scope.run,
        agent=actor.name,
        incarnation=actor.incarnation,
        kind=checked_name(kind, "kind"),
        tier=tier,
        title=sized(title, TITLE_MAX, "title"),
        payload=sized(canonical(payload), PAYLOAD_MAX, "payload"),
        digest="",
        reason=sized(reason, REASON_MAX, "reason"),
        task=None if task is None else scope.task(task).id,
        created_at=scope.now,
        expires_at=scope.now + APPROVAL_TIMEOUT_S,
        source=origin.source,
        tool=origin.tool,
        cwd=origin.cwd,
        workspace=origin.workspace,
        request=origin.request,
        options=origin.options,
        rewritable=origin.rewritable,
        blocks=tuple(each.id for each in held),
    )
    approval = replace(approval, digest=digest_for(approval, approval.payload))
    scope.tx.record("approval.requested", approval, actor=actor.name)
    decided = _by_policy(scope, approval, abridged=origin.abridged)
    if decided.state is ApprovalState.APPROVED and decided.source != BY_TOOL:
        decided = use(scope, actor, decided.id, payload)
    agents.refresh_activity(scope, actor.name)
    return decided


def _check_open(scope: Scope, actor: Actor) -> None:
    if len(scope.tx.all("approval.open_of", agent=actor.name)) >= OPEN_MAX:
        raise TooMany(
            f"you have {OPEN_MAX} open requests, which is the most; wait for an answer, or try in 60 s",
            retry_after_s=60,
        )


def _by_policy(scope: Scope, approval: Approval, *, abridged: bool = False) -> Approval:
    pool = scope.pool_of(approval.agent)
    policy = Policy(
        rules=scope.team.approvals,
        standing=rules.active(scope),
        pool="" if pool is None else pool.name,
        allowed=None if pool is None else pool.allowed,
    )
    decision, words = policy.judge(approval, scope.mode, scope.now)
    if decision is Decision.ALLOW:
        return _settle(scope, approval, ApprovalState.APPROVED, by=POLICY, answer=words)
    if decision is Decision.DENY:
        return _settle(scope, approval, ApprovalState.DENIED, by=POLICY, answer=words)
    if abridged:
        return _settle(scope, approval, ApprovalState.DENIED, by=SUPERVISOR, answer=TOO_LARGE_TO_SHOW)
    if scope.mode is Mode.HEADLESS and not scope.team.approvals_wait:
        return _settle(scope, approval, ApprovalState.DENIED, by=SUPERVISOR, answer=NOBODY_HERE)
    return approval


def _settle(scope: Scope, approval: Approval, to: ApprovalState, *, by: str, answer: str) -> Approval:
    _check_may_become(approval, to)
    settled = replace(approval, state=to, answered_by=by, answered_at=scope.now, answer=answer)
    if to is ApprovalState.APPROVED:
        settled = replace(settled, expires_at=scope.now + APPROVAL_TIMEOUT_S)
    return scope.tx.record(f"approval.{to.value}", settled, actor=by, reason=answer[:200])


def _check_may_become(approval: Approval, to: ApprovalState) -> None:
    if to not in APPROVAL_MOVES[approval.state]:
        raise AlreadyAnswered(
            f"approval {approval.id} is {approval.state.value} already"
            + (f", by {approval.answered_by}" if approval.answered_by else ""),
            answered_by=approval.answered_by,
            answered_at=approval.answered_at,
        )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """More than a plain yes, once: `payload` is what to do instead; `always` is for whom it holds on.

    `for_s` is how long such a rule holds.
    """

    payload: dict[str, Any] | None = None
    always: RuleScope | None = None
    for_s: float | None = None


ONCE: Final = Terms()


def answer(
    scope: Scope, spelled: str, *, digest: str, allow: bool, reason: str = "", terms: Terms = ONCE
) -> Approval:
    """Let the person answer what was shown under this digest; only the first answer counts.

    This is no agent's operation: it is reached through the operator's socket alone.
    """
    approval = the_approval(scope, spelled)
    to = ApprovalState.APPROVED if allow else ApprovalState.DENIED
    _check_may_become(approval, to)
    if scope.now > approval.expires_at:
        raise AlreadyAnswered(f"approval {approval.id} has expired; the agent has to ask again")
    if not hmac.compare_digest(approval.digest, digest):
        raise DigestMismatch(f"approval {approval.id} is not what you were shown; look at it again")
    _check_terms(terms, allow=allow)
    approval = _rewritten(approval, terms.payload)
    settled = _settle(scope, approval, to, by=HUMAN, answer=sized(reason, REASON_MAX, "reason"))
    if terms.always is not None:
        rules.add(scope, settled, reach=terms.always, for_s=terms.for_s)
    agents.refresh_activity(scope, approval.agent)
    return settled


def _check_terms(terms: Terms, *, allow: bool) -> None:
    if terms != ONCE and not allow:
        raise InvalidArgument("only an approval can carry other content, or hold from now on")
    if terms.payload is not None and terms.always is not None:
        raise InvalidArgument(
            "what was rewritten is allowed once; answer `always` to what the agent asks itself"
        )
    if terms.always is None and terms.for_s is not None:
        raise InvalidArgument("a time is for an answer that holds from now on: add --always")


def _rewritten(approval: Approval, payload: dict[str, Any] | None) -> Approval:
    """Put other content in the place of what was asked for, under a digest of its own."""
    if payload is None:
        return approval
    if not approval.rewritable:
        raise InvalidArgument(
            f"the agent of {approval.id} takes a yes or a no, no other content; reject it and say why"
        )
    content = sized(canonical(payload), PAYLOAD_MAX, "payload")
    return replace(approval, rewritten=content, digest=digest_for(approval, content))


def use(scope: Scope, actor: Actor, spelled: str, payload: dict[str, Any]) -> Approval:
    """Begin what was allowed, once: the content must still be what the answer was given for."""
    approval = own_approval(scope, actor, spelled)
    if approval.state is not ApprovalState.APPROVED:
        raise WrongState(
            f"approval {approval.id} is {approval.state.value}; only an approved one can be used"
        )
    if scope.now > approval.expires_at:
        raise WrongState(f"approval {approval.id} was not used in time; ask again")
    now = digest_for(approval, canonical(payload))
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
    rules.expire_overdue(scope)


def deny_unattended(scope: Scope) -> None:
    """When a run goes on without a person, answer what still waits for one: by the rules, else deny."""
    if scope.mode is Mode.HEADLESS and not scope.team.approvals_wait:
        for approval in scope.tx.values(Approval, "approval.pending"):
            _by_policy(scope, approval)


def withdraw(scope: Scope, name: str, *, reason: str) -> None:
    """Void what an ended incarnation asked for: nobody may use its answers."""
    for approval in scope.tx.values(Approval, "approval.open_of", agent=name):
        _void(scope, approval, reason=reason)


def withdraw_one(scope: Scope, spelled: str, *, reason: str) -> Approval:
    """Void a request that its agent does not wait for any more; one that is answered stays as it is."""
    approval = the_approval(scope, spelled)
    if ApprovalState.WITHDRAWN not in APPROVAL_MOVES[approval.state]:
        return approval
    void = _void(scope, approval, reason=reason)
    agents.refresh_activity(scope, approval.agent)
    return void


def _void(scope: Scope, approval: Approval, *, reason: str) -> Approval:
    void = replace(approval, state=ApprovalState.WITHDRAWN)
    return scope.tx.record("approval.withdrawn", void, actor=SUPERVISOR, reason=reason)
