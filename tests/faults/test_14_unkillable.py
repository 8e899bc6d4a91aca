"""Fault 14: an agent sleeps where no signal reaches it (state D), as on a dead network file system.

Its slot is `stuck` and names the process, nothing else is started in it, the others are stopped all the same,
and the engine ends with code 3. When the process dies after all, the slot is free again.

Such a sleep is made with the freezer of cgroup v1. A machine without it is shown a kill that does nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from supervisor.engine import stopping
from supervisor.model.agent import AgentState
from supervisor.model.team import StopLadder
from supervisor.runtime import sweep
from supervisor.runtime.exits import ExitWatch
from supervisor.supervision import lifecycle
from supervisor.testing.chaos import can_be_unkillable, chaos_argv, gone, is_alive, unkillable
from tests.acceptance.project import Project, write_profile
from tests.workshop import Workshop, agent, at_work

STOP = "[pools.stop]\npolite_s = 0.2\nleader_s = 0.2\ngroup_s = 0.2\nsweep_s = 0.5\n"
SHORT = StopLadder(leader_s=0.2, group_s=0.2, sweep_s=0.3)


@contextmanager
def out_of_reach(pid: int) -> Iterator[None]:
    if can_be_unkillable():
        with unkillable(pid):
            yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExitWatch, "send", lambda watch, signum: None)
        patch.setattr(ExitWatch, "send_group", lambda watch, signum: None)
        patch.setattr(sweep, "_send", lambda ref, signum: None)
        yield


async def test_its_slot_is_stuck_until_it_dies_and_the_others_are_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lifecycle, "STUCK_RECHECK_S", 0.1)
    names = ("a", "b")
    shop = Workshop(
        *(agent(name, stop=SHORT) for name in names), commands={name: chaos_argv("idle") for name in names}
    )
    async with at_work(shop):
        (frozen,) = await shop.tree("a#1")
        (other,) = await shop.tree("b#1")
        with out_of_reach(frozen):
            shop.supervisor.kill("a")
            await shop.until(lambda: shop.last("a").state is AgentState.STUCK)
            assert shop.last("a").reason == f"processes that cannot be ended: {frozen}"
            assert shop.supervisor.stuck == ("a",)
            shop.supervisor.restart("a")
            shop.supervisor.stop_agent("b")
            await shop.until(lambda: shop.last("b").state is AgentState.EXITED)
            assert not is_alive(other)
            assert shop.numbers["a"] == 1, "a second one must not begin beside it"
            assert is_alive(frozen)
        await shop.tree("a#2")
        assert not is_alive(frozen)


async def test_a_team_with_a_stuck_agent_can_be_stopped() -> None:
    shop = Workshop(agent("a", stop=SHORT), commands={"a": chaos_argv("idle")})
    async with at_work(shop):
        (frozen,) = await shop.tree("a#1")
        with out_of_reach(frozen):
            await shop.supervisor.stop()
            assert shop.supervisor.stuck == ("a",)
        await shop.live["a"].clean_up()


def test_the_engine_says_so_and_ends_with_code_3() -> None:
    reason = stopping.left_behind(stopping.asked_down(), ("a", "b"))
    assert reason.exit_code == 3
    assert reason.words == "stopped by `supervisor down`; processes of a, b could not be ended"


async def test_a_real_engine_ends_with_code_3_and_the_others_are_ended(project: Project) -> None:
    if not can_be_unkillable():
        return  # the parts of it are above
    write_profile(project.profile, tasks=50, step_s=5.0, extra=STOP)
    engine = project.start()
    async with project.watched() as watcher:
        world = await watcher.until(
            lambda world: all(world.agents[name].pid for name in ("worker-1", "planner"))
        )
        frozen = world.agents["worker-1"].pid
        assert frozen is not None
        session = project.session
        with unkillable(frozen):
            engine.terminate()
            _, err = await asyncio.to_thread(engine.communicate, timeout=60)
            assert engine.returncode == 3, err
            assert is_alive(frozen)
            assert project.left_over(session) == [frozen]
            again = project.run("run", str(project.profile))
            assert again.returncode != 0
            assert f"processes of an earlier engine will not die: {frozen}." in again.stderr
    assert await gone(frozen, within_s=10)
