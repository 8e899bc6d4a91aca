"""Whether anybody is left of a tree whose leader has died, without a look at all processes."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from supervisor.runtime import orphans
from supervisor.runtime.census import SharedCensus
from supervisor.runtime.orphans import none_left
from supervisor.runtime.proc_table import ProcRef, read_environ, read_stat
from supervisor.runtime.process import Process
from supervisor.runtime.subreaper import become_subreaper
from supervisor.testing.chaos import ChaosTeam, is_alive


@pytest.fixture
def subreaper() -> Iterator[None]:
    assert become_subreaper()
    yield
    ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)


def ref(process: Process) -> ProcRef:
    return ProcRef(pid=process.pid, start_time=process.start_time)


async def until_zombie(pid: int) -> None:
    async with asyncio.timeout(10):
        while (stat := read_stat(pid)) is not None and stat.alive:
            await asyncio.sleep(0)


@pytest.mark.usefixtures("subreaper")
async def test_a_leader_that_was_alone_leaves_nobody() -> None:
    async with ChaosTeam() as team:
        child = team.start("crash")
        await child.process.wait()
        assert none_left(ref(child.process), team.session, "worker-1#1")
        await child.process.clean_up()


@pytest.mark.usefixtures("subreaper")
async def test_no_look_at_all_processes_is_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_census: SharedCensus) -> None:
        raise AssertionError("a look at all processes was taken")

    async with ChaosTeam() as team:
        child = team.start("crash")
        await child.process.wait()
        with monkeypatch.context() as patch:
            patch.setattr(SharedCensus, "take", refuse)
            assert (await child.process.clean_up()).empty


@pytest.mark.usefixtures("subreaper")
async def test_what_a_leader_left_behind_is_seen_and_ended() -> None:
    async with ChaosTeam() as team:
        child = team.start("tree-and-crash")
        pids = await child.ready()
        await child.process.wait()
        assert not none_left(ref(child.process), team.session, "worker-1#1")
        assert (await child.process.clean_up()).empty
        assert not any(is_alive(pid) for pid in pids)


@pytest.mark.usefixtures("subreaper")
async def test_orphans_of_another_agent_do_not_count_and_unmarked_ones_do() -> None:
    async with ChaosTeam() as team:
        other = team.start("daemon", agent="worker-2#1")
        await other.ready()
        child = team.start("crash")
        await child.process.wait()
        assert none_left(ref(child.process), team.session, "worker-1#1")
        stranger = team.start("unmarked", agent="worker-3#1")
        _, escapee = await stranger.ready()
        async with asyncio.timeout(10):
            while read_environ(escapee):
                await asyncio.sleep(0)
        stranger.process.signal_leader(9)
        await stranger.process.wait()
        assert not none_left(ref(child.process), team.session, "worker-1#1")
        for each in (child, stranger):
            await each.process.clean_up()
        with suppress(ProcessLookupError):
            os.kill(escapee, signal.SIGKILL)  # it threw its marker away before anybody had seen it


@pytest.mark.usefixtures("subreaper")
async def test_a_dead_orphan_is_buried_and_does_not_count() -> None:
    async with ChaosTeam() as team:
        other = team.start("daemon", agent="worker-2#1")
        _, daemon = await other.ready()
        child = team.start("crash")
        await child.process.wait()
        os.kill(daemon, signal.SIGKILL)
        await until_zombie(daemon)
        assert none_left(ref(child.process), team.session, "worker-1#1")
        assert read_stat(daemon) is None
        for each in (child, other):
            each.process.signal_leader(9)
            await each.process.clean_up()


async def test_without_orphans_coming_to_us_nothing_is_certain() -> None:
    async with ChaosTeam() as team:
        child = team.start("crash")
        await child.process.wait()
        assert not none_left(ref(child.process), team.session, "worker-1#1")
        await child.process.clean_up()


@pytest.mark.usefixtures("subreaper")
async def test_a_leader_that_lives_is_somebody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ChaosTeam() as team:
        child = team.start("idle")
        await child.ready()
        assert not none_left(ref(child.process), team.session, "worker-1#1")
        child.process.signal_leader(9)
        await child.process.wait()
        assert none_left(ref(child.process), team.session, "worker-1#1")
        with monkeypatch.context() as patch:
            patch.setattr(orphans, "_TASKS", tmp_path / "none")
            assert not none_left(ref(child.process), team.session, "worker-1#1"), "no list, no certainty"
        for limit, value in (("MOST_OWNED", 0), ("MOST_ORPHANS", -1)):
            with monkeypatch.context() as patch:
                patch.setattr(orphans, limit, value)
                assert not none_left(ref(child.process), team.session, "worker-1#1"), "too many for it"
        await child.process.clean_up()


@pytest.mark.usefixtures("subreaper")
async def test_whoever_flees_by_fork_and_exit_while_the_list_is_read_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was in the list, was dead when it was looked at, and left a child that is in the next list only."""
    async with ChaosTeam() as team:
        leader, fleeing = team.start("crash"), team.start("setsid", agent="worker-1#1")
        await leader.process.wait()
        pids = await fleeing.ready()
        gone = [leader.process.pid, 2**22 + 1]
        with monkeypatch.context() as patch:
            looks = iter([gone, [leader.process.pid, pids[1]]])
            patch.setattr(orphans, "_children", lambda: next(looks))
            assert not none_left(ref(leader.process), team.session, "worker-1#1")
            patch.setattr(orphans, "_children", lambda: gone)
            assert not none_left(ref(leader.process), team.session, "worker-1#1"), (
                "it never ends: not certain"
            )
        for each in (leader, fleeing):
            each.process.signal_leader(9)
            await each.process.clean_up()
