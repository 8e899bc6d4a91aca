"""Supervision over the real runtime: real children that crash, escape, ignore and hang on."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from supervisor.model.agent import AgentState, ExitClass
from supervisor.model.branch import Restart
from supervisor.model.team import StopLadder
from supervisor.testing.chaos import chaos_argv, gone, is_alive
from tests.workshop import DEADLINE_S, Workshop, agent, at_work


async def test_a_killed_agent_is_restarted_and_nothing_of_its_tree_is_left() -> None:
    async with at_work(Workshop(agent("a"), commands={"a": chaos_argv("tree")})) as shop:
        first = await shop.tree("a#1")
        assert len(first) == 6
        os.kill(first[0], signal.SIGKILL)
        second = await shop.tree("a#2")
        assert not any(is_alive(pid) for pid in first)
        ends = [change.last_exit for change in shop.changes if change.last_exit]
        assert (ends[0].kind, ends[0].signal) == (ExitClass.SIGNAL, 9)
        await shop.supervisor.stop()
        assert not any(is_alive(pid) for pid in second)


async def test_an_exit_is_seen_though_a_grandchild_holds_the_output() -> None:
    async with at_work(Workshop(agent("a"), commands={"a": chaos_argv("hold-output")})) as shop:
        tree = await shop.tree("a#1")
        await shop.until(lambda: shop.supervisor.state_of("a") is AgentState.EXITED)
        await shop.until(lambda: shop.last("a").state is AgentState.EXITED)
        last = shop.last("a").last_exit
        assert last is not None
        assert last.kind is ExitClass.OK
        assert await gone(*tree, within_s=0.0)


@pytest.mark.parametrize("mode", ["ignore-term", "stubborn-member", "daemon", "setsid", "tree"])
async def test_a_stop_returns_when_the_tree_is_empty_whatever_its_members_do(mode: str) -> None:
    async with at_work(Workshop(agent("a"), commands={"a": chaos_argv(mode)})) as shop:
        tree = await shop.tree("a#1")
        await shop.supervisor.stop()
        assert not any(is_alive(pid) for pid in tree)
        last = shop.last("a")
        assert last.last_exit is not None
        assert (last.state, last.last_exit.kind) == (AgentState.EXITED, ExitClass.STOP_REQUESTED)


async def test_a_second_stop_does_not_wait_for_the_patience_of_the_first() -> None:
    patient = StopLadder(leader_s=3600.0, group_s=3600.0, sweep_s=5.0)
    shop = Workshop(agent("a", stop=patient), commands={"a": chaos_argv("ignore-term")})
    async with at_work(shop):
        (pid,) = await shop.tree("a#1")
        async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
            polite = tasks.create_task(shop.supervisor.stop())
            await shop.until(lambda: shop.last("a").state is AgentState.STOPPING)
            await shop.supervisor.stop(now=True)
            await polite
        assert not is_alive(pid)


async def test_an_agent_that_never_reports_is_ended_with_its_whole_tree_and_started_again() -> None:
    shop = Workshop(agent("a", start_timeout_s=0.5), commands={"a": chaos_argv("tree")})
    async with at_work(shop):
        first = await shop.tree("a#1")
        await shop.tree("a#2")
        assert not any(is_alive(pid) for pid in first)
        ends = [change.last_exit for change in shop.changes if change.last_exit]
        assert ends[0].kind is ExitClass.START_TIMEOUT


async def test_a_crash_loop_gives_up_after_its_intensity() -> None:
    spec = agent("a", intensity=3, restart=Restart.PERMANENT)
    async with at_work(Workshop(spec, commands={"a": chaos_argv("crash", "3")})) as shop:
        await shop.until(lambda: shop.last("a").state is AgentState.PARKED if shop.changes else False)
        assert shop.numbers["a"] == 4
        assert shop.last("a").reason.endswith("the last: exited with code 3")


async def test_what_can_never_start_is_parked_at_once_with_the_cause(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("no interpreter line\n")
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    commands = {
        "missing": ("no-such-program-anywhere",),
        "closed": (str(plain),),
        "nonsense": (str(script),),
        "endless": ("true", "x" * 200_000),
        "nul": ("true", "a\0b"),
    }
    shop = Workshop(*(agent(name) for name in commands), commands=commands)
    async with at_work(shop):
        async with asyncio.timeout(DEADLINE_S):
            await shop.supervisor.settled()
        assert shop.supervisor.gave_up == tuple(commands)
        assert set(shop.numbers.values()) == {1}
        await shop.until(lambda: len(shop.changes) == 2 * len(commands))
        assert all(shop.last(name).reason.startswith("cannot be started: ") for name in commands)


async def test_a_missing_working_directory_parks_at_once(tmp_path: Path) -> None:
    shop = Workshop(agent("a"), commands={"a": ("true",)}, cwd=str(tmp_path / "gone"))
    async with at_work(shop):
        async with asyncio.timeout(DEADLINE_S):
            await shop.supervisor.settled()
        assert shop.supervisor.gave_up == ("a",)
