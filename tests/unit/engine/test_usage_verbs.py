"""The operator's verbs on usage and budgets, on a real coordinator."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from supervisor.coordinator import budgets, turns
from supervisor.coordinator.budgets import Spender, Spent
from supervisor.coordinator.turns import Asked, Ended, Then
from supervisor.engine.usage_verbs import USAGE_VERBS
from supervisor.errors import NotFound
from supervisor.model.driving import Budget, BudgetScope
from supervisor.model.wire import from_wire
from supervisor.testing.small_team import SmallTeam, small_team


async def call(team: SmallTeam, verb: str, **args: Any) -> Any:
    form, carry_out = USAGE_VERBS[verb]
    return await carry_out(SimpleNamespace(coordinator=team.coordinator), from_wire(form, args, verb))


async def test_usage_is_what_the_turns_used(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        await team.add_task()
        begun = await team.do(
            lambda scope: turns.begin(scope, team["worker-1"], pool="worker", session="", asked=Asked())
        )
        used = Ended(ok=True, reason="done", counts={"input_tokens": 7})
        await team.do(lambda scope: turns.end(scope, team["worker-1"], begun.turn, used, Then.ASK))
        told = await call(team, "usage", by="pool")
        assert [(line["subject"], line["tokens"]) for line in told["lines"]] == [("worker", 7)]


async def test_a_budget_is_raised_by_its_name(tmp_path: Path) -> None:
    async with small_team(tmp_path, budgets=(Budget(scope=BudgetScope.TEAM, tokens=1),)) as team:
        with pytest.raises(NotFound):
            await call(team, "budget_raise", budget="team:1:*", tokens=5)
        spender = Spender(agent="worker-1", pool="worker")
        running = (Spent(spender=spender, tokens=2, cost_usd=0.0, cost_unknown=False),)
        found = await team.coordinator.read(lambda scope: budgets.standing(scope, spender, running))
        await team.do(lambda scope: budgets.note(scope, found))
        raised = await call(team, "budget_raise", budget="team:1:*", tokens=5)
        assert (raised["budget"]["extra_tokens"], raised["budget"]["state"]) == (5, "open")
