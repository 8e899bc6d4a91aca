"""Fault 2, with real processes: fifty agents are killed in the same moment, and all fifty come back once."""

from __future__ import annotations

import os
import signal

from supervisor.model.agent import AgentState
from supervisor.testing.chaos import is_alive
from tests.workshop import Workshop, agent, at_work

FIFTY = tuple(f"w-{number}" for number in range(1, 51))


async def test_all_fifty_are_back_and_none_twice() -> None:
    shop = Workshop(*(agent(name) for name in FIFTY), commands=dict.fromkeys(FIFTY, ("sleep", "3600")))
    async with at_work(shop):
        await shop.until(lambda: len(shop.live) == len(FIFTY))
        first = [shop.live[name].pid for name in FIFTY]
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        await shop.until(
            lambda: (
                all(shop.numbers[name] == 2 for name in FIFTY)
                and all(shop.supervisor.state_of(name) is AgentState.STARTING for name in FIFTY)
            )
        )
        assert not any(is_alive(pid) for pid in first)
        assert all(is_alive(shop.live[name].pid) for name in FIFTY)
        assert set(shop.numbers.values()) == {2}
        assert not shop.supervisor.holds_starts
