"""Fault 1: somebody kills an agent with SIGKILL.

It is told as a death by a signal that was not ours, what it left is ended, and it is started again.
"""

from __future__ import annotations

import os
import signal

import pytest

from supervisor.model.agent import AgentState, ExitClass
from supervisor.runtime.census import Census
from supervisor.testing.chaos import chaos_argv, is_alive
from tests.workshop import Workshop, agent, at_work


async def test_it_is_swept_and_back() -> None:
    async with at_work(Workshop(agent("a"), commands={"a": chaos_argv("tree")})) as shop:
        leader, *members = await shop.tree("a#1")
        os.kill(leader, signal.SIGKILL)
        again = await shop.tree("a#2")
        assert not any(is_alive(pid) for pid in (leader, *members))
        assert all(is_alive(pid) for pid in again)
        end = next(change.last_exit for change in shop.changes if change.last_exit is not None)
        assert (end.kind, end.signal) == (ExitClass.SIGNAL, signal.SIGKILL)


async def test_a_kill_of_ours_is_told_as_ours() -> None:
    async with at_work(Workshop(agent("a"), commands={"a": chaos_argv("ignore-term")})) as shop:
        await shop.tree("a#1")
        shop.supervisor.kill("a")
        await shop.until(lambda: shop.last("a").state is AgentState.EXITED)
        end = shop.last("a").last_exit
        assert end is not None
        assert (end.kind, end.signal) == (ExitClass.STOP_REQUESTED, signal.SIGKILL)


async def test_without_the_sweep_members_would_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: a clean-up that looks at the process group only."""
    monkeypatch.setattr(Census, "tree", lambda census, leader, *_, **__: census.group(leader))
    async with at_work(Workshop(agent("a"), commands={"a": chaos_argv("tree")})) as shop:
        leader, *members = await shop.tree("a#1")
        os.kill(leader, signal.SIGKILL)
        await shop.tree("a#2")
        assert sum(is_alive(pid) for pid in members) == 3
