"""Fault 27: an agent closes stdin, stdout and stderr and lives on. That is no end, and costs nothing."""

from __future__ import annotations

import asyncio
import time

import pytest

from supervisor.model.agent import AgentState
from supervisor.testing.chaos import chaos_argv, is_alive
from tests.workshop import Workshop, agent, at_work


async def test_it_is_no_end_and_nobody_spins() -> None:
    async with at_work(Workshop(agent("a"), commands={"a": chaos_argv("close-output")})) as shop:
        (pid,) = await shop.tree("a#1")
        spent = time.process_time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await shop.live["a"].wait()
        assert time.process_time() - spent < 0.2
        assert is_alive(pid)
        assert shop.supervisor.state_of("a") is AgentState.STARTING
        assert shop.numbers == {"a": 1}
        shop.supervisor.ready("a", 1)
        await shop.until(lambda: shop.supervisor.state_of("a") is AgentState.IDLE)
