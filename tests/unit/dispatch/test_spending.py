"""Money and tokens: what a turn used, what it cost, and what happens when a budget is spent."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from supervisor.adapters.events import ToolEnd, ToolStart, TurnReason, Usage
from supervisor.coordinator import budgets, runs
from supervisor.dispatch.metering import Meter, price_of, priced
from supervisor.model.allowance import AllowanceState
from supervisor.model.approval import Mode
from supervisor.model.driving import Budget, BudgetScope, Price
from supervisor.model.task import BlockReason, TaskState
from supervisor.testing.small_team import SMALL_TEAM
from tests.unit.dispatch.turn_stage import PaperPartner, Stage, turn_stage

CHEAP = Price(model="cheap-*", input=1.0, output=10.0, cached_input=0.1, cache_write=2.0)
PLAIN = Price(model="*", input=3.0, output=15.0)


def with_budgets(directory: Path, *given: Budget) -> AbstractAsyncContextManager[Stage]:
    return turn_stage(directory, budgets=given, prices=(PLAIN,))


def use(stage: Stage, partner: PaperPartner, tokens: int) -> None:
    stage.tell(partner, Usage(input_tokens=tokens))


# ---------------------------------------------------------------- metering


def test_increments_are_summed_and_what_is_never_told_stays_unknown() -> None:
    meter = Meter(())
    meter.take(Usage(model="m", input_tokens=10, output_tokens=2))
    meter.take(Usage(input_tokens=5, cached_tokens=7))
    assert meter.counts["input_tokens"] == 15
    assert meter.counts["reasoning_tokens"] is None
    assert (meter.tokens, meter.model) == (24, "m")
    assert (meter.cost_usd, meter.cost_unknown) == (None, True)


def test_a_turn_of_which_nothing_was_told_cost_nobody_knows_what() -> None:
    assert Meter((PLAIN,)).cost_unknown


def test_the_agent_s_own_cost_is_believed_only_if_it_can_be() -> None:
    meter = Meter(())
    meter.take(Usage(input_tokens=10, cost_usd=0.5, cost_is_known=True))
    assert (meter.cost_usd, meter.cost_unknown) == (0.5, False)
    meter.take(Usage(input_tokens=10, cost_usd=9.0))
    assert (meter.cost_usd, meter.cost_unknown) == (0.5, True)


def test_the_price_list_fills_in_what_the_agent_does_not_say() -> None:
    meter = Meter((CHEAP, PLAIN))
    meter.take(Usage(input_tokens=1_000_000), model="cheap-2")
    assert (meter.cost_usd, meter.cost_unknown) == (1.0, False)


def test_an_increment_without_tokens_leaves_no_gap() -> None:
    meter = Meter(())
    meter.take(Usage(cost_usd=0.5, cost_is_known=True))
    meter.take(Usage(context_tokens=10, context_window=100))
    assert not meter.cost_unknown


def test_prices_are_looked_for_in_order_and_a_model_without_name_has_none() -> None:
    assert price_of("cheap-1", (CHEAP, PLAIN)) is CHEAP
    assert price_of("dear", (CHEAP, PLAIN)) is PLAIN
    assert price_of("", (PLAIN,)) is None


def test_the_cache_has_prices_of_its_own_or_those_of_input() -> None:
    used = Usage(input_tokens=0, output_tokens=0, cached_tokens=1_000_000, cache_write_tokens=1_000_000)
    assert priced(used, CHEAP) == pytest.approx(2.1)
    assert priced(used, PLAIN) == pytest.approx(6.0)


# ---------------------------------------------------------------- budgets


async def test_people_are_warned_once_and_then_told_once_that_nothing_is_left(tmp_path: Path) -> None:
    async with with_budgets(tmp_path, Budget(scope=BudgetScope.AGENT, tokens=100)) as stage:
        await stage.team.add_task("spend")
        worker = stage.enter("worker-1")
        await stage.prompted(worker)
        for tokens in (79, 1, 1):
            use(stage, worker, tokens)
            await stage.rest()
        assert len(await stage.told("budget.warned")) == 1
        assert worker.interrupts == 0
        for _ in range(2):
            use(stage, worker, 20)
            await stage.rest()
        assert len(await stage.told("budget.spent")) == 1
        assert worker.interrupts == 1


async def test_a_spent_budget_waits_for_the_tool_call_then_holds_the_agent_back(tmp_path: Path) -> None:
    async with with_budgets(tmp_path, Budget(scope=BudgetScope.TEAM, tokens=100)) as stage:
        task = await stage.team.add_task("spend")
        worker = stage.enter("worker-1")
        await stage.prompted(worker)
        stage.tell(worker, ToolStart(call="c", tool="sh"))
        use(stage, worker, 120)
        await stage.rest()
        assert worker.interrupts == 0

        stage.tell(worker, ToolEnd(call="c", ok=True))
        await stage.rest()
        assert worker.interrupts == 1
        stage.end(worker, "so far", ok=False, reason=TurnReason.INTERRUPTED)

        back = await stage.until_task(task.id, lambda found: found.state is TaskState.PENDING)
        assert (back.holder, back.releases) == (None, 0)
        await stage.rest()
        assert len(worker.prompts) == 1
        assert any(event.kind == "agent.held_back" for event in await stage.team.events())

        await stage.team.do(lambda scope: budgets.raise_budget(scope, "team:1:*", tokens=1000))
        await stage.prompted(worker, 2)


async def test_without_a_person_a_run_ends_when_nobody_may_spend_any_more(tmp_path: Path) -> None:
    pools = tuple(pool for pool in SMALL_TEAM.pools if pool.name in {"planner", "worker"})
    given = (Budget(scope=BudgetScope.TEAM, tokens=10),)
    async with turn_stage(tmp_path, budgets=given, pools=pools, mode=Mode.HEADLESS) as stage:
        await stage.team.add_task("spend")
        planner, worker, other = (stage.enter(name) for name in ("planner", "worker-1", "worker-2"))
        await stage.rest()
        (busy,) = [each for each in (worker, other) if each.prompts]
        use(stage, busy, 20)
        await stage.rest()
        assert not (await stage.team.coordinator.read(runs.standing)).over
        stage.end(busy, ok=False, reason=TurnReason.INTERRUPTED)
        await stage.ended_turns(1)
        await stage.pass_time(120)

        standing = await stage.team.coordinator.read(runs.standing)
        assert (standing.over, standing.failed) == (True, True)
        for partner in (planner, worker, other):
            stage.leave(partner)
        assert stage.team.coordinator.spent == set()


async def test_one_agent_s_turn_counts_what_the_others_spend_meanwhile(tmp_path: Path) -> None:
    async with with_budgets(tmp_path, Budget(scope=BudgetScope.POOL, tokens=100)) as stage:
        await stage.team.add_task("one")
        await stage.team.add_task("two")
        partners = [stage.enter("worker-1"), stage.enter("worker-2")]
        for partner in partners:
            await stage.prompted(partner)
            use(stage, partner, 60)
            await stage.rest()
        assert [partner.interrupts for partner in partners] == [0, 1]


async def test_a_task_s_own_budget_stops_the_task_and_not_its_agent(tmp_path: Path) -> None:
    async with with_budgets(tmp_path, Budget(scope=BudgetScope.TASK, cost_usd=1.0)) as stage:
        task = await stage.team.add_task("dear", priority="high")
        await stage.team.add_task("cheap")
        worker = stage.enter("worker-1")
        await stage.prompted(worker)
        use(stage, worker, 400_000)
        await stage.rest()
        stage.end(worker, ok=False, reason=TurnReason.INTERRUPTED)

        stopped = await stage.until_task(task.id, lambda found: found.state is TaskState.BLOCKED)
        assert stopped.blocked_by == (BlockReason.NEEDS_HUMAN,)
        assert "budget of the task" in stopped.block_note
        assert "cheap" in await stage.prompted(worker, 2)


async def test_a_turn_s_budget_ends_the_turn_and_asks(tmp_path: Path) -> None:
    async with with_budgets(tmp_path, Budget(scope=BudgetScope.TURN, tokens=10)) as stage:
        await stage.team.add_task("long")
        worker = stage.enter("worker-1")
        await stage.prompted(worker)
        use(stage, worker, 20)
        await stage.rest()
        stage.end(worker, ok=False, reason=TurnReason.INTERRUPTED)

        assert "still yours" in await stage.prompted(worker, 2)


async def test_a_day_s_budget_is_there_again_the_next_day(tmp_path: Path) -> None:
    async with with_budgets(tmp_path, Budget(scope=BudgetScope.DAY, tokens=10)) as stage:
        await stage.team.add_task("long")
        worker = stage.enter("worker-1")
        await stage.prompted(worker)
        use(stage, worker, 20)
        await stage.rest()
        stage.end(worker, ok=False, reason=TurnReason.INTERRUPTED)
        await stage.ended_turns(1)
        await stage.rest()
        assert len(worker.prompts) == 1

        await stage.team.clock.advance(24 * 3600)
        await stage.prompted(worker, 2)


async def test_pools_that_a_budget_does_not_speak_about_spend_freely(tmp_path: Path) -> None:
    async with with_budgets(tmp_path, Budget(scope=BudgetScope.DAY, tokens=10, pools="judge*")) as stage:
        await stage.team.add_task("long")
        worker = stage.enter("worker-1")
        await stage.prompted(worker)
        use(stage, worker, 1000)
        await stage.rest()
        assert worker.interrupts == 0
        assert await stage.team.coordinator.read(budgets.all_told) == ()


async def test_what_was_told_is_kept_with_how_far_it_is_spent(tmp_path: Path) -> None:
    async with with_budgets(tmp_path, Budget(scope=BudgetScope.AGENT, cost_usd=0.001)) as stage:
        await stage.team.add_task("spend")
        worker = stage.enter("worker-1")
        await stage.prompted(worker)
        use(stage, worker, 300)
        await stage.rest()
        (told,) = await stage.team.coordinator.read(budgets.all_told)
        assert (told.id, told.state) == ("agent:worker-1/1:*", AllowanceState.WARNED)
        assert told.words == "the budget of the agent worker-1: $0.00 of $0.00 used"
