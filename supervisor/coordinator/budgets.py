"""Budgets: what counts to each, how far it is spent, and who may raise it: a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument, NotFound
from supervisor.model.allowance import Allowance, AllowanceState, allowance_id
from supervisor.model.driving import Budget, BudgetScope
from supervisor.model.ids import HUMAN, SUPERVISOR

OF_ITS_AGENT: Final = frozenset({BudgetScope.AGENT, BudgetScope.POOL, BudgetScope.TEAM, BudgetScope.DAY})
"""Budgets that hold an agent back once they are spent; the others end a turn, or stop a task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spender:
    """Whose turn it is and about what; `turn` and `task` are empty between turns."""

    agent: str
    pool: str
    task: str = ""
    turn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one turn that has not ended has used so far."""

    spender: Spender
    tokens: int
    cost_usd: float
    cost_unknown: bool


def standing(scope: Scope, spender: Spender, running: tuple[Spent, ...] = ()) -> tuple[Allowance, ...]:
    """Say of every budget that speaks about a spender how far it is spent, by what runs now too."""
    return tuple(
        _allowance(scope, budget, subject, spender, running)
        for budget in scope.team.budgets
        if fnmatchcase(spender.pool, budget.pools) and (subject := _subject(scope, budget, spender))
    )


def _subject(scope: Scope, budget: Budget, spender: Spender) -> str:
    match budget.scope:
        case BudgetScope.TURN:
            return spender.turn
        case BudgetScope.TASK:
            return spender.task
        case BudgetScope.AGENT:
            return f"{spender.agent}/{scope.run}"
        case BudgetScope.POOL:
            return f"{spender.pool}/{scope.run}"
        case BudgetScope.TEAM:
            return str(scope.run)
        case _:
            return _day(scope).date().isoformat()


def _day(scope: Scope) -> datetime:
    return datetime.fromtimestamp(scope.now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _allowance(
    scope: Scope, budget: Budget, subject: str, spender: Spender, running: tuple[Spent, ...]
) -> Allowance:
    of = budget.scope
    ((tokens, usd, unknown),) = (
        [(0, 0.0, 0)]
        if of is BudgetScope.TURN
        else scope.tx.all(
            "turn.spent",
            pools=budget.pools,
            run=None if of in {BudgetScope.DAY, BudgetScope.TASK} else scope.run,
            agent=spender.agent if of is BudgetScope.AGENT else None,
            task=spender.task if of is BudgetScope.TASK else None,
            pool=spender.pool if of is BudgetScope.POOL else None,
            since=_day(scope).timestamp() if of is BudgetScope.DAY else None,
        )
    )
    for each in _counted(budget, spender, running):
        tokens, usd, unknown = tokens + each.tokens, usd + each.cost_usd, unknown or each.cost_unknown
    name = allowance_id(budget, subject)
    known = scope.tx.value(Allowance, "budget.get", id=name)
    fresh = known or Allowance(
        id=name, scope=of, pools=budget.pools, subject=subject.partition("/")[0], run=scope.run
    )
    counted = replace(
        fresh,
        tokens=budget.tokens,
        cost_usd=budget.cost_usd,
        used_tokens=tokens,
        used_usd=usd,
        cost_unknown=bool(unknown),
    )
    return replace(counted, state=_state(counted, budget))


def _state(allowance: Allowance, budget: Budget) -> AllowanceState:
    if allowance.part >= 1:
        return AllowanceState.SPENT
    return AllowanceState.WARNED if allowance.part >= budget.warn_at else AllowanceState.OPEN


def _counted(budget: Budget, spender: Spender, running: tuple[Spent, ...]) -> Iterator[Spent]:
    for each in running:
        other = each.spender
        same = {
            BudgetScope.TURN: other.turn == spender.turn,
            BudgetScope.TASK: other.task == spender.task,
            BudgetScope.AGENT: other.agent == spender.agent,
            BudgetScope.POOL: other.pool == spender.pool,
        }.get(budget.scope, True)
        if same and fnmatchcase(other.pool, budget.pools):
            yield each


def note(scope: Scope, found: tuple[Allowance, ...]) -> None:
    """Tell of each budget once that people are to be warned, and once that it is spent."""
    for each in found:
        known = scope.tx.value(Allowance, "budget.get", id=each.id)
        before = AllowanceState.OPEN if known is None else known.state
        if _RANK[each.state] > _RANK[before]:
            told = replace(each, since=scope.now)
            scope.tx.record(f"budget.{each.state.value}", told, actor=SUPERVISOR, reason=each.words)


_RANK: Final = {AllowanceState.OPEN: 0, AllowanceState.WARNED: 1, AllowanceState.SPENT: 2}


def raise_budget(scope: Scope, name: str, *, tokens: int = 0, cost_usd: float = 0.0) -> Allowance:
    """Let a budget of which people were told have so much more; whoever it held back goes on."""
    known = scope.tx.value(Allowance, "budget.get", id=name)
    if known is None:
        named = ", ".join(each.id for each in scope.tx.values(Allowance, "budget.all")[:10])
        there = f"there are: {named}" if named else "none is near its end"
        raise NotFound(f"no budget that anybody was told of is called `{name[:80]}`; {there}")
    if tokens < 0 or cost_usd < 0 or not (tokens or cost_usd):
        raise InvalidArgument("say by how much it is raised: tokens, or US dollars, above 0")
    raised = replace(
        known,
        extra_tokens=known.extra_tokens + tokens,
        extra_usd=known.extra_usd + cost_usd,
        state=AllowanceState.OPEN,
        since=scope.now,
    )
    return scope.tx.record("budget.raised", raised, actor=HUMAN, reason=raised.words)


def all_told(scope: Scope) -> tuple[Allowance, ...]:
    """List the budgets of which people were told."""
    return scope.tx.values(Allowance, "budget.all")
