"""Standing rules: what a person answered with `always`, until it ends or is revoked."""

from __future__ import annotations

from dataclasses import replace

from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument, NotFound, TooMany, WrongState
from supervisor.model.approval import Approval
from supervisor.model.ids import HUMAN, SUPERVISOR, number_of, rule_id
from supervisor.model.rule import (
    RULE_MOVES,
    RuleScope,
    RuleState,
    StandingRule,
    rule_life,
    same_act,
    why_never_always,
)

ACTIVE_MAX = 200


def active(scope: Scope) -> tuple[StandingRule, ...]:
    """List the rules that hold, oldest first; one whose time is over may still be among them."""
    return scope.tx.values(StandingRule, "rule.active")


def listed(scope: Scope, *, everything: bool = False) -> tuple[StandingRule, ...]:
    """List the rules that hold, or all there ever were."""
    return scope.tx.values(StandingRule, "rule.all") if everything else active(scope)


def add(scope: Scope, approval: Approval, *, reach: RuleScope, for_s: float | None = None) -> StandingRule:
    """Allow the same act from now on; raise InvalidArgument for what is asked each time."""
    life = rule_life(for_s)
    if why := why_never_always(approval):
        raise InvalidArgument(f"{approval.id} cannot be allowed always: {why}")
    if len(active(scope)) >= ACTIVE_MAX:
        raise TooMany(f"there are {ACTIVE_MAX} standing rules; revoke one: supervisor rules list")
    rule = StandingRule(
        id=rule_id(scope.tx.scalar("rule.next_number")),
        scope=reach,
        target=_target(scope, approval, reach),
        act=same_act(approval),
        title=approval.title,
        tier=approval.tier,
        approval=approval.id,
        created_at=scope.now,
        expires_at=scope.now + life,
        created_by=HUMAN,
    )
    return scope.tx.record("rule.added", rule, actor=HUMAN, reason=f"answer to {approval.id}")


def _target(scope: Scope, approval: Approval, reach: RuleScope) -> str:
    if reach is RuleScope.TEAM:
        return ""
    if reach is RuleScope.AGENT:
        return approval.agent
    pool = scope.pool_of(approval.agent)
    if pool is None:
        raise InvalidArgument(f"{approval.agent} is of no pool; let the rule hold for the agent alone")
    return pool.name


def revoke(scope: Scope, spelled: str) -> StandingRule:
    """End a rule now; what it allowed before stays as it is."""
    rule = scope.tx.value(StandingRule, "rule.get", n=number_of(spelled, "R"))
    if rule is None:
        raise NotFound(f"there is no rule `{spelled[:40]}`. See `supervisor rules list --all`")
    if RuleState.REVOKED not in RULE_MOVES[rule.state]:
        raise WrongState(f"rule {rule.id} is {rule.state.value} already")
    ended = replace(rule, state=RuleState.REVOKED, ended_at=scope.now)
    return scope.tx.record("rule.revoked", ended, actor=HUMAN)


def expire_overdue(scope: Scope) -> None:
    """End the rules whose time is over."""
    for rule in scope.tx.values(StandingRule, "rule.overdue", now=scope.now):
        ended = replace(rule, state=RuleState.EXPIRED, ended_at=scope.now)
        scope.tx.record("rule.expired", ended, actor=SUPERVISOR)
