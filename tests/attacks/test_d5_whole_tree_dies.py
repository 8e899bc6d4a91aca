"""D5: the whole tree dies, whatever shape it took, and nobody else does."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time

import pytest

from supervisor.model.team import StopLadder
from supervisor.runtime.census import Census
from supervisor.runtime.proc_table import ProcRef, read_stat
from supervisor.runtime.sweep import kill_refs, marked
from supervisor.testing.chaos import ChaosTeam, gone, is_alive

LADDER = StopLadder(leader_s=0.2, group_s=0.2, sweep_s=5.0)
ESCAPES = ["ignore-term", "setsid", "daemon", "stubborn-member", "tree", "unmarked"]


@pytest.mark.parametrize("mode", ESCAPES)
async def test_no_shape_survives_a_stop(mode: str) -> None:
    async with ChaosTeam() as team:
        child = team.start(mode)
        pids = await child.ready()
        assert (await child.process.stop(LADDER)).empty
        assert await gone(*pids, within_s=0)


@pytest.mark.parametrize("mode", ["setsid", "daemon", "tree"])
async def test_no_shape_survives_the_death_of_its_leader(mode: str) -> None:
    async with ChaosTeam() as team:
        child = team.start(mode)
        leader, *members = await child.ready()
        os.kill(leader, signal.SIGKILL)
        await child.process.wait()
        assert (await child.process.clean_up()).empty
        assert await gone(*members, within_s=0)


async def test_whoever_flees_by_fork_and_exit_is_caught() -> None:
    async with ChaosTeam() as team:
        child = team.start("hopper", "60")
        await child.ready()
        async with asyncio.timeout(10):
            assert (await child.process.stop(LADDER, now=True)).empty
        assert marked(team.session) == []


async def test_a_fork_bomb_is_put_out() -> None:
    async with ChaosTeam() as team:
        child = team.start("bomb", "200")
        await child.ready()
        while len(Census.take().group(ProcRef(pid=child.process.pid, start_time=0))) < 50:
            await asyncio.sleep(0.005)
        async with asyncio.timeout(10):
            assert (await child.process.stop(LADDER, now=True)).empty
        assert marked(team.session) == []


async def test_ten_trees_stop_together_without_one_waiting_for_another() -> None:
    async with ChaosTeam() as team:
        children = [team.start("tree", agent=f"worker-{number}#1") for number in range(10)]
        pids = [pid for child in children for pid in await child.ready()]
        began = time.monotonic()
        ends = await asyncio.gather(*(child.process.stop(LADDER) for child in children))
        assert all(end.empty for end in ends)
        assert not any(is_alive(pid) for pid in pids)
        assert time.monotonic() - began < 5.0


async def test_a_recycled_pid_is_not_killed() -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        true_self = read_stat(stranger.pid)
        assert true_self is not None
        await kill_refs([ProcRef(pid=stranger.pid, start_time=true_self.start_time + 1)])
        assert stranger.poll() is None
        os.kill(stranger.pid, signal.SIGKILL)  # the canary: killing by the bare pid hits it


async def test_a_stranger_and_our_own_group_survive_every_sweep() -> None:
    with subprocess.Popen(["sleep", "60"]) as of_our_group:
        with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
            async with ChaosTeam() as team:
                child = team.start("tree")
                await child.ready()
                assert (await child.process.stop(LADDER, now=True)).empty
            assert stranger.poll() is None
            assert of_our_group.poll() is None
            stranger.kill()
        of_our_group.kill()


async def test_a_marker_forged_inside_our_own_group_kills_nobody() -> None:
    async with ChaosTeam() as team:
        env = {**os.environ, "SUP_SESSION": team.session, "SUP_AGENT": "worker-1#1"}
        with subprocess.Popen(["sleep", "60"], env=env) as of_our_group:
            assert marked(team.session) == []
            of_our_group.kill()
