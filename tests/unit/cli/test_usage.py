"""usage and budget raise: asked of a scripted engine over the real socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import Result

from supervisor.model.allowance import Allowance, AllowanceState
from supervisor.model.driving import BudgetScope
from supervisor.model.wire import to_wire
from supervisor.testing.scripted_engine import ScriptedEngine

Run = Callable[..., Result]

KNOWN: dict[str, Any] = {
    "subject": "worker-1",
    "turns": 3,
    "input_tokens": 12_000,
    "cached_tokens": None,
    "output_tokens": 0,
    "cost_usd": 0.25,
    "cost_unknown": 0,
    "idle_tokens": 0,
}
SPENT = Allowance(
    id="team:1:*",
    scope=BudgetScope.TEAM,
    pools="*",
    subject="1",
    run=1,
    tokens=10,
    used_tokens=12,
    state=AllowanceState.SPENT,
)


def told(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"by": "agent", "run": 1, "lines": list(lines), "total": {**KNOWN, **changes}, "budgets": []}


def test_what_is_not_known_is_shown_as_that_and_never_as_nothing(run: Run, engine: ScriptedEngine) -> None:
    nobody = {**KNOWN, "subject": "", "cost_usd": None, "cost_unknown": 3}
    engine.answers = {"usage": told(KNOWN, nobody, cost_unknown=3)}
    ended = run("usage")
    assert engine.asked[-1] == ("usage", {"by": "agent", "all_runs": False})
    head, first, second, total = ended.stdout.splitlines()
    assert head.split() == ["TURNS", "INPUT", "CACHED", "OUTPUT", "COST", "AGENT"]
    assert first.split() == ["3", "12,000", "?", "0", "$0.2500", "worker-1"]
    assert second.split() == ["3", "12,000", "?", "0", "?", "-"]
    assert total.split() == ["3", "12,000", "?", "0", "$0.2500+", "all", "of", "them"]


def test_spending_without_a_task_and_budgets_are_told_below(run: Run, engine: ScriptedEngine) -> None:
    engine.answers = {"usage": {**told(KNOWN, idle_tokens=1500), "budgets": [to_wire(SPENT)]}}
    ended = run("usage", "--by", "day", "--all")
    assert engine.asked[-1] == ("usage", {"by": "day", "all_runs": True})
    assert "1,500 tokens of these went into turns without a task" in ended.stderr
    assert "team:1:* (spent): the budget of the team: 12 of 10 tokens used" in ended.stderr


def test_a_team_without_turns_has_nothing_to_show(run: Run, engine: ScriptedEngine) -> None:
    engine.answers = {"usage": {**told(), "total": None}}
    assert "no agent had a turn yet" in run("usage").output


def test_scripts_get_the_sums(ask: Any, engine: ScriptedEngine) -> None:
    engine.answers = {"usage": told(KNOWN)}
    answer = ask("usage")
    assert answer["live"]
    assert answer["lines"][0]["subject"] == "worker-1"


def test_a_budget_is_raised_by_tokens_or_money(run: Run, ask: Any, engine: ScriptedEngine) -> None:
    raised = replace(SPENT, extra_tokens=100, state=AllowanceState.OPEN)
    engine.answers = {"budget_raise": {"budget": to_wire(raised)}}
    ended = run("budget", "raise", "team:1:*", "--tokens", "100")
    assert engine.asked[-1] == ("budget_raise", {"budget": "team:1:*", "tokens": 100, "cost_usd": 0.0})
    assert "raised: team:1:* (open): the budget of the team: 12 of 110 tokens used" in ended.output
    assert ask("budget", "raise", "team:1:*", "--cost", "0.5")["budget"]["id"] == "team:1:*"
    assert engine.asked[-1][1]["cost_usd"] == 0.5


@pytest.mark.parametrize("words", [("--tokens", "0"), ("--cost", "0"), ("--tokens", "many")])
def test_a_raise_by_nothing_is_refused_before_anybody_is_asked(
    run: Run, engine: ScriptedEngine, words: tuple[str, str]
) -> None:
    assert run("budget", "raise", "team:1:*", *words).exit_code == 2
    assert engine.asked == []


def test_a_goal_for_a_team_that_runs_already_is_refused_with_what_to_do(
    run: Run, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from supervisor.cli import run_verbs

    monkeypatch.setattr(run_verbs, "has_screen", lambda: True)
    ended = run("up", "--goal", "win")
    assert ended.exit_code != 0
    assert "supervisor send" in ended.output
