"""How far budgets are spent: one line for each budget and what it is counted over."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from supervisor.model.driving import Budget, BudgetScope


class AllowanceState(StrEnum):
    """How far: nothing to tell of yet, people were warned, or nothing is left."""

    OPEN = "open"
    WARNED = "warned"
    SPENT = "spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A budget as it is counted over one thing: a task, an agent, a pool, a run, a UTC day.

    `tokens` and `cost_usd` are the profile's limits, None for none; `extra_…` is what a person added.
    `used_…` is what was used when this was written last; `cost_unknown`: some of it cost nobody knows what.
    """

    id: str
    scope: BudgetScope
    pools: str
    subject: str
    run: int
    tokens: int | None = None
    cost_usd: float | None = None
    used_tokens: int = 0
    used_usd: float = 0.0
    cost_unknown: bool = False
    extra_tokens: int = 0
    extra_usd: float = 0.0
    state: AllowanceState = AllowanceState.OPEN
    since: float = 0.0

    @property
    def part(self) -> float:
        """Return the larger part that is used, of 1; a limit of nothing is always used up."""
        parts = [0.0]
        if self.tokens is not None:
            parts.append(_part(self.used_tokens, self.tokens + self.extra_tokens))
        if self.cost_usd is not None:
            parts.append(_part(self.used_usd, self.cost_usd + self.extra_usd))
        return max(parts)

    @property
    def words(self) -> str:
        """Say what is counted over what, and how much of it is used."""
        parts = []
        if self.tokens is not None:
            parts.append(f"{self.used_tokens:,} of {self.tokens + self.extra_tokens:,} tokens")
        if self.cost_usd is not None:
            known = " known" if self.cost_unknown else ""
            parts.append(f"${self.used_usd:.2f}{known} of ${self.cost_usd + self.extra_usd:.2f}")
        over = self.scope.value if self.scope is BudgetScope.TEAM else f"{self.scope.value} {self.subject}"
        pools = "" if self.pools == "*" else f" (pools {self.pools})"
        return f"the budget of the {over}{pools}: {', '.join(parts)} used"


def _part(used: float, limit: float) -> float:
    return used / limit if limit else 1.0


def allowance_id(budget: Budget, subject: str) -> str:
    """Name what a budget is counted over: `day:2026-05-01:*`; a limit of either kind counts by itself."""
    return f"{budget.scope.value}:{subject}:{budget.pools}"
