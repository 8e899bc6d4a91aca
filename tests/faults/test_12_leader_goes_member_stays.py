"""Fault 12: the leader ends on TERM, but a member of its group ignores it.

The group is killed, and the stop is over only when nobody is left.
"""

from __future__ import annotations

import asyncio
import os
import signal

from supervisor.model.agent import AgentState
from supervisor.runtime.exits import ProcessExit
from supervisor.testing.chaos import chaos_argv, gone, is_alive
from tests.workshop import Workshop, agent, at_work


async def test_the_stop_is_over_only_when_the_member_is_gone() -> None:
    shop = Workshop(agent("a"), commands={"a": chaos_argv("stubborn-member")})
    async with at_work(shop):
        leader, member = await shop.tree("a#1")
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            stop = tasks.create_task(shop.supervisor.stop())
            assert await gone(leader, within_s=10)
            assert is_alive(member)
            assert shop.supervisor.state_of("a") is AgentState.STOPPING
            assert not stop.done()
        assert not is_alive(member)
        assert shop.live["a"].exit == ProcessExit(signal=signal.SIGTERM)


async def test_who_is_content_with_the_leaders_end_leaves_the_member() -> None:
    """The canary: TERM, wait for the leader, done."""
    shop = Workshop(agent("a"), commands={"a": chaos_argv("stubborn-member")})
    async with at_work(shop):
        leader, member = await shop.tree("a#1")
        shop.live["a"].signal_leader(signal.SIGTERM)
        await shop.live["a"].wait()
        assert not is_alive(leader)
        assert is_alive(member)
        assert os.getpgid(member) == leader
