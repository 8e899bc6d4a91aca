"""Usage and budgets as they are counted and told, and goals as they begin a team's work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from supervisor.coordinator import budgets, goals, messages, runs, turns
from supervisor.coordinator.budgets import Spender, Spent
from supervisor.coordinator.turns import Asked, Begun, Ended, Then
from supervisor.coordinator.usage import usage
from supervisor.errors import InvalidArgument, NotFound
from supervisor.model.agent import AgentState
from supervisor.model.allowance import AllowanceState
from supervisor.model.approval import Mode
from supervisor.model.driving import Budget, BudgetScope
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam, small_team

WORKER = Spender(agent="worker-1", pool="worker")


@pytest.fixture
async def thrifty(tmp_path: Path) -> AsyncIterator[SmallTeam]:
    given = (Budget(scope=BudgetScope.TEAM, tokens=100), Budget(scope=BudgetScope.TASK, cost_usd=0.0))
    async with small_team(tmp_path, budgets=given) as running:
        yield running


async def a_turn(team: SmallTeam, name: str, *, tokens: int, cost: float | None) -> None:
    """Let an agent have a turn that used so much."""
    begun: Begun = await team.do(
        lambda scope: turns.begin(scope, team[name], pool="worker", session="", asked=Asked())
    )
    used = Ended(
        ok=True, reason="done", counts={"input_tokens": tokens}, cost_usd=cost, cost_unknown=cost is None
    )
    await team.do(lambda scope: turns.end(scope, team[name], begun.turn, used, Then.GIVE_BACK))


async def test_usage_is_summed_by_agent_task_pool_and_day_and_unknown_costs_stay_so(team: SmallTeam) -> None:
    await team.add_task()
    await a_turn(team, "worker-1", tokens=10, cost=0.25)
    await a_turn(team, "worker-2", tokens=5, cost=None)
    await team.do(lambda scope: messages.send(scope, None, to="judge", body="hello"))
    await a_turn(team, "judge", tokens=1, cost=None)

    told = await team.store.read(usage)
    assert [(line["subject"], line["tokens"], line["cost_usd"]) for line in told["lines"]] == [
        ("worker-1", 10, 0.25),
        ("worker-2", 5, None),
        ("judge", 1, None),
    ]
    assert (told["total"]["turns"], told["total"]["idle_tokens"]) == (3, 1)
    assert (told["total"]["cost_usd"], told["total"]["cost_unknown"]) == (0.25, 2)
    by_task = await team.store.read(lambda tx: usage(tx, by="task", all_runs=True))
    assert [line["subject"] for line in by_task["lines"]] == ["T1", ""]
    by_day = await team.store.read(lambda tx: usage(tx, by="day"))
    assert [line["subject"] for line in by_day["lines"]] == ["2023-11-14"]
    with pytest.raises(InvalidArgument, match="agent, task, pool, day"):
        await team.store.read(lambda tx: usage(tx, by="mood"))


async def test_a_team_without_turns_has_used_nothing(team: SmallTeam) -> None:
    told = await team.store.read(usage)
    assert (told["lines"], told["total"]) == ([], None)


async def test_a_limit_of_nothing_is_spent_from_the_start(thrifty: SmallTeam) -> None:
    found = await thrifty.coordinator.read(lambda scope: budgets.standing(scope, replace(WORKER, task="T1")))
    assert [each.state for each in found] == [AllowanceState.OPEN, AllowanceState.SPENT]


async def test_what_others_spend_now_counts_where_it_belongs(thrifty: SmallTeam) -> None:
    other = Spent(spender=Spender(agent="judge", pool="judge"), tokens=90, cost_usd=1.0, cost_unknown=True)
    (team, _) = await thrifty.coordinator.read(
        lambda scope: budgets.standing(scope, replace(WORKER, task="T1"), (other,))
    )
    assert (team.used_tokens, team.state, team.cost_unknown) == (90, AllowanceState.WARNED, True)
    assert team.words == "the budget of the team: 90 of 100 tokens used"


async def test_money_of_which_a_part_is_unknown_is_told_as_known(tmp_path: Path) -> None:
    given = (Budget(scope=BudgetScope.POOL, cost_usd=2.0, pools="work*"),)
    async with small_team(tmp_path, budgets=given) as team:
        running = Spent(spender=WORKER, tokens=1, cost_usd=1.0, cost_unknown=True)
        (found,) = await team.coordinator.read(lambda scope: budgets.standing(scope, WORKER, (running,)))
        assert found.words == "the budget of the pool worker (pools work*): $1.00 known of $2.00 used"


async def test_a_budget_is_raised_by_a_person_and_told_of_again_later(thrifty: SmallTeam) -> None:
    async def spend(tokens: int) -> None:
        running = (Spent(spender=WORKER, tokens=tokens, cost_usd=0.0, cost_unknown=False),)
        found = await thrifty.coordinator.read(lambda scope: budgets.standing(scope, WORKER, running))
        await thrifty.do(lambda scope: budgets.note(scope, found))

    await spend(10)
    with pytest.raises(NotFound, match="none is near its end"):
        await thrifty.do(lambda scope: budgets.raise_budget(scope, "team:1:*", tokens=5))
    await spend(120)
    with pytest.raises(NotFound, match="there are: team:1"):
        await thrifty.do(lambda scope: budgets.raise_budget(scope, "nonsense", tokens=5))
    for amount in (0, -5):
        with pytest.raises(InvalidArgument):
            await thrifty.do(partial(budgets.raise_budget, name="team:1:*", tokens=amount))
    raised = await thrifty.do(lambda scope: budgets.raise_budget(scope, "team:1:*", tokens=100))
    assert (raised.state, raised.extra_tokens) == (AllowanceState.OPEN, 100)
    await spend(120)
    await spend(300)
    kinds = [event.kind for event in await thrifty.events() if event.noun == "budget"]
    assert kinds == ["budget.spent", "budget.raised", "budget.spent"]


# ---------------------------------------------------------------- goals


async def test_a_goal_goes_to_who_plans(team: SmallTeam) -> None:
    assert await team.do(lambda scope: goals.set_goal(scope, "Win.")) == "planner"
    begun = await team.do(
        lambda scope: turns.begin(scope, team["planner"], pool="planner", session="", asked=Asked())
    )
    assert "The goal: Win." in begun.mail[0][0].body


async def test_a_goal_is_a_task_in_a_team_without_a_planner(tmp_path: Path) -> None:
    pools = tuple(pool for pool in SMALL_TEAM.pools if pool.name in {"worker", "judge"})
    async with small_team(tmp_path, pools=pools) as team:
        task = await team.task(await team.do(lambda scope: goals.set_goal(scope, " Win.\nSoon. ")))
        assert (task.title, task.description, task.required_role) == ("Win.", "Win.\nSoon.", "worker")


async def test_a_goal_must_say_something_and_somebody_must_take_it(tmp_path: Path) -> None:
    pools = tuple(pool for pool in SMALL_TEAM.pools if pool.name == "judge")
    async with small_team(tmp_path, pools=pools) as team:
        with pytest.raises(InvalidArgument, match="says nothing"):
            await team.do(lambda scope: goals.set_goal(scope, "  "))
        with pytest.raises(InvalidArgument, match="no planner, no solo, no worker"):
            await team.do(lambda scope: goals.set_goal(scope, "Win."))


async def test_a_run_is_over_though_a_planner_that_works_in_turns_stays(tmp_path: Path) -> None:
    pools = tuple(pool for pool in SMALL_TEAM.pools if pool.name in {"planner", "worker"})
    async with small_team(tmp_path, pools=pools, mode=Mode.HEADLESS) as team:

        async def over() -> bool:
            return (await team.coordinator.read(runs.standing)).over

        assert not await over()
        team.coordinator.in_turns.add("planner")
        assert await over()
        await team.do(lambda scope: goals.set_goal(scope, "Win."))
        assert not await over()
        team.coordinator.spent.add("planner")
        assert await over()
        team.coordinator.spent.clear()
        begun = await team.do(
            lambda scope: turns.begin(scope, team["planner"], pool="planner", session="", asked=Asked())
        )
        read = tuple(message.id for message, _ in begun.mail)
        assert not await over()
        ended = Ended(ok=True, reason="done")
        await team.do(lambda scope: turns.end(scope, team["planner"], begun.turn, ended, Then.ASK, read=read))
        assert await over()
        await team.news("planner", AgentState.STOPPING, incarnation=team["planner"].incarnation)
        assert not await over()
