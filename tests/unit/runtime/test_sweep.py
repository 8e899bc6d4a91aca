"""Finding and killing by identity, with one look for all who ask."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable

import pytest

from supervisor.model.team import StopLadder
from supervisor.runtime import census as census_module
from supervisor.runtime import sweep as sweep_module
from supervisor.runtime.census import Census, shared_census
from supervisor.runtime.proc_table import ProcRef, ProcStat, read_stat, read_table
from supervisor.runtime.sweep import kill_refs, marked, sweep_session
from supervisor.testing.chaos import ChaosTeam, gone, is_alive


async def test_the_marker_finds_one_agent_or_the_whole_session() -> None:
    async with ChaosTeam() as team:
        one, two = team.start("daemon", agent="a#1"), team.start("daemon", agent="a#2")
        of_one, of_two = set(await one.ready()), set(await two.ready())
        assert {ref.pid for ref in marked(team.session, "a#1")} == of_one
        assert {ref.pid for ref in marked(team.session, "a#2")} == of_two
        assert {ref.pid for ref in marked(team.session)} == of_one | of_two
        assert marked("another session") == []
        for child in (one, two):
            assert (await child.process.stop(StopLadder(), now=True)).empty


async def test_descendants_of_the_marked_belong_to_them() -> None:
    async with ChaosTeam() as team:
        child = team.start("unmarked")
        pids = await child.ready()
        assert {ref.pid for ref in marked(team.session)} == set(pids)
        await child.process.stop(StopLadder(), now=True)


async def test_a_session_is_swept_empty() -> None:
    async with ChaosTeam() as team:
        children = [team.start("tree", agent=f"worker-{number}#1") for number in range(3)]
        pids = [pid for child in children for pid in await child.ready()]
        assert (await sweep_session(team.session)).empty
        assert not any(is_alive(pid) for pid in pids)
        for child in children:
            await child.process.clean_up()


@pytest.mark.parametrize("has_pidfd", [True, False])
async def test_a_pid_that_came_to_mean_another_process_is_not_killed(
    monkeypatch: pytest.MonkeyPatch, has_pidfd: bool
) -> None:
    monkeypatch.setattr(sweep_module, "HAS_PIDFD", has_pidfd)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        stat = read_stat(stranger.pid)
        assert stat is not None
        await kill_refs([ProcRef(pid=stranger.pid, start_time=stat.start_time - 1)])
        assert stranger.poll() is None
        await kill_refs([stat.ref])  # the canary: with its true start time it dies
        assert await gone(stranger.pid, within_s=5)


async def test_killing_who_is_gone_is_no_error() -> None:
    await kill_refs([ProcRef(pid=2**22 + 1, start_time=1)])
    await kill_refs([])


async def test_we_and_our_own_group_are_never_prey() -> None:
    with subprocess.Popen(["sleep", "60"]) as helper:
        census = Census.take()
        own = ProcRef(pid=os.getpgrp(), start_time=0)
        assert not {os.getpid(), helper.pid} & {stat.pid for stat in census.tree(own, "no session", "nobody")}
        assert census.group(own) == []
        assert helper.pid in census.table
        helper.kill()


async def test_fifty_who_ask_at_once_share_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    real = read_table

    def counted(note: Callable[[ProcStat], object]) -> object:
        nonlocal looks
        looks += 1
        return real(note)

    monkeypatch.setattr(census_module, "read_table", counted)
    await asyncio.gather(*(shared_census().take() for _ in range(50)))
    assert looks <= 2


async def test_a_look_answers_only_who_asked_before_it_began() -> None:
    first = asyncio.ensure_future(shared_census().take())
    await asyncio.sleep(0)  # the first look is under way
    second = asyncio.ensure_future(shared_census().take())
    assert await first is not await second


async def test_a_look_that_fails_fails_for_who_asked_and_not_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(note: Callable[[ProcStat], object]) -> object:
        raise OSError("no process table")

    with monkeypatch.context() as patch:
        patch.setattr(census_module, "read_table", broken)
        with pytest.raises(OSError, match="no process table"):
            await shared_census().take()
    assert os.getpid() in (await shared_census().take()).table


async def test_one_who_gives_up_takes_the_look_from_nobody() -> None:
    impatient = asyncio.ensure_future(shared_census().take())
    patient = asyncio.ensure_future(shared_census().take())
    await asyncio.sleep(0)
    impatient.cancel()
    assert os.getpid() in (await patient).table


async def test_the_marker_of_one_that_is_gone_a_moment_later_was_read_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who hops from process to process lives for milliseconds: a second pass for markers comes too late."""
    async with ChaosTeam() as team:
        child = team.start("idle")
        (pid,) = await child.ready()
        real = read_table

        def slow(note: Callable[[ProcStat], object] | None = None) -> dict[int, ProcStat]:
            table = real(note)
            child.process.signal_leader(9)
            while (stat := read_stat(pid)) is not None and stat.alive:
                pass
            return table

        monkeypatch.setattr(census_module, "read_table", slow)
        assert [stat.pid for stat in Census.take().marked(team.session)] == [pid]
        monkeypatch.undo()
        await child.process.clean_up()
