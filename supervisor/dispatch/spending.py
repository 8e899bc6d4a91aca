"""Keeping budgets: warns once, breaks turns off whose budget is spent, and holds their agents back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from supervisor.coordinator import budgets
from supervisor.coordinator.budgets import OF_ITS_AGENT, Spender, Spent
from supervisor.coordinator.coordinator import Coordinator
from supervisor.dispatch.ports import Partner
from supervisor.dispatch.running import Breaking, Running
from supervisor.model.allowance import Allowance, AllowanceState
from supervisor.model.driving import BudgetScope

_BREAKS: Final = {BudgetScope.TURN: Breaking.TURN_BUDGET, BudgetScope.TASK: Breaking.TASK_BUDGET}


class Spending:
    """Holds every turn under way against the budgets. Costs nothing where a team has none."""

    def __init__(self, coordinator: Coordinator, running: Callable[[], Mapping[str, Running]]) -> None:
        """Count what is stored, and what `running` says of the turns under way, by agent."""
        self._coordinator: Final = coordinator
        self._running: Final = running

    async def obstacle(self, partner: Partner) -> str:
        """Say which spent budget holds an agent back; empty if none does."""
        spender = Spender(agent=partner.agent, pool=partner.pool.name)
        found = await self._standing(spender)
        spent = [each for each in found if each.scope in OF_ITS_AGENT and _is_spent(each)]
        if any(each.scope is not BudgetScope.DAY for each in spent):
            self._coordinator.spent.add(partner.agent)
        else:
            self._coordinator.spent.discard(partner.agent)
        return next((f"{each.words}; `supervisor budget raise {each.id}`" for each in spent), "")

    def forget(self, partner: Partner) -> None:
        """Take note that an incarnation is gone; the next one is looked at anew."""
        self._coordinator.spent.discard(partner.agent)

    async def check(self, running: Running) -> None:
        """Break a turn off if a budget is spent by it; warn where one is nearly spent."""
        found = await self._standing(_spender(running))
        for each in found:
            if _is_spent(each):
                running.break_off(_BREAKS.get(each.scope, Breaking.BUDGET), each.words)

    async def _standing(self, spender: Spender) -> tuple[Allowance, ...]:
        if not self._coordinator.team.budgets:
            return ()
        under_way = tuple(_spent(each) for each in self._running().values())
        found = await self._coordinator.read(partial(budgets.standing, spender=spender, running=under_way))
        if any(each.state is not AllowanceState.OPEN for each in found):
            await self._coordinator.write(partial(budgets.note, found=found))
        return found


def _is_spent(allowance: Allowance) -> bool:
    return allowance.state is AllowanceState.SPENT


def _spender(running: Running) -> Spender:
    turn = running.begun.turn
    return Spender(agent=turn.agent, pool=turn.pool, task=turn.task or "", turn=turn.id)


def _spent(running: Running) -> Spent:
    meter = running.meter
    return Spent(
        spender=_spender(running),
        tokens=meter.tokens,
        cost_usd=meter.cost_usd or 0.0,
        cost_unknown=meter.cost_unknown,
    )
