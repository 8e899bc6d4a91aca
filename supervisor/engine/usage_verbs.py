"""The operator's verbs about what agents use: usage, budgets, and raising one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from supervisor.coordinator import budgets, usage
from supervisor.model.wire import to_wire

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowUsage:
    """Arguments of `usage`: by what it is summed, and whether over all runs."""

    by: str = "agent"
    all_runs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseBudget:
    """Arguments of `budget_raise`: which, as `usage` names it, and by how much more."""

    budget: str
    tokens: int = 0
    cost_usd: float = 0.0


async def show_usage(backend: Backend, asked: ShowUsage) -> dict[str, Any]:
    """Sum what the turns used."""
    look = partial(usage.usage, by=asked.by, all_runs=asked.all_runs)
    return await backend.coordinator.read(lambda scope: look(scope.tx))


async def raise_budget(backend: Backend, asked: RaiseBudget) -> dict[str, Any]:
    """Let a budget have more."""
    raised = await backend.coordinator.write(
        partial(budgets.raise_budget, name=asked.budget, tokens=asked.tokens, cost_usd=asked.cost_usd)
    )
    return {"budget": to_wire(raised)}


USAGE_VERBS: Final[dict[str, tuple[type[Any], Callable[..., Any]]]] = {
    "usage": (ShowUsage, show_usage),
    "budget_raise": (RaiseBudget, raise_budget),
}
