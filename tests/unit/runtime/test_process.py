"""One agent's life and end, with children of every shape."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import replace

import pytest

from supervisor.model.team import StopLadder
from supervisor.runtime.census import Census
from supervisor.runtime.exits import ProcessExit
from supervisor.runtime.proc_table import read_stat
from supervisor.runtime.spawn import Polite
from supervisor.testing.chaos import ChaosTeam, gone, is_alive

QUICK = StopLadder(leader_s=0.3, group_s=0.3, sweep_s=3.0)
PATIENT = StopLadder(leader_s=30.0, group_s=30.0, sweep_s=3.0)
SHAPES = ["idle", "ignore-term", "group", "setsid", "daemon", "tree", "stubborn-member", "close-output"]


async def test_an_exit_code_is_told() -> None:
    async with ChaosTeam() as team:
        process = team.start("crash", "7").process
        assert await process.wait() == ProcessExit(code=7)
        assert (await process.clean_up()).empty


async def test_a_death_by_a_signal_is_told() -> None:
    async with ChaosTeam() as team:
        child = team.start("idle")
        (pid,) = await child.ready()
        os.kill(pid, signal.SIGKILL)
        assert await child.process.wait() == ProcessExit(signal=signal.SIGKILL)
        assert (await child.process.clean_up()).empty


async def test_everyone_who_waits_is_told_even_when_one_gives_up() -> None:
    async with ChaosTeam() as team:
        process = team.start("crash").process
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await process.wait()
        assert set(await asyncio.gather(process.wait(), process.wait())) == {ProcessExit(code=1)}
        await process.clean_up()
        assert await process.wait() == ProcessExit(code=1)


async def test_all_that_the_leader_wrote_has_arrived_when_its_exit_is_told() -> None:
    async with ChaosTeam() as team:
        child = team.start("flood", "60000")
        await child.process.wait()
        assert len(child.output) == 60_000
        await child.process.clean_up()


async def test_an_exit_is_seen_while_a_grandchild_holds_the_output() -> None:
    async with ChaosTeam() as team:
        child = team.start("hold-output")
        async with asyncio.timeout(5):
            assert await child.process.wait() == ProcessExit(code=0)
        _, grandchild = await child.ready()
        assert is_alive(grandchild), "the canary: whoever waited for end of file would wait still"
        assert (await child.process.clean_up()).empty
        assert not is_alive(grandchild)


async def test_closing_its_output_is_no_exit_and_costs_no_cpu() -> None:
    async with ChaosTeam() as team:
        child = team.start("close-output")
        await child.ready()
        spent = time.process_time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await child.process.wait()
        assert time.process_time() - spent < 0.15
        assert child.process.exit is None
        assert (await child.process.stop(QUICK)).empty


@pytest.mark.parametrize("mode", SHAPES)
async def test_a_stop_leaves_nothing_of_any_shape(mode: str) -> None:
    async with ChaosTeam() as team:
        child = team.start(mode)
        pids = await child.ready()
        assert (await child.process.stop(QUICK)).empty
        assert [pid for pid in pids if is_alive(pid)] == []
        assert child.process.exit is not None


@pytest.mark.parametrize("mode", ["group", "setsid", "daemon", "tree"])
async def test_a_crash_leaves_nothing_of_any_shape(mode: str) -> None:
    async with ChaosTeam() as team:
        child = team.start(mode)
        leader, *members = await child.ready()
        os.kill(leader, signal.SIGKILL)
        await child.process.wait()
        assert (await child.process.clean_up()).empty
        assert [pid for pid in members if is_alive(pid)] == []


async def test_a_member_that_threw_its_environment_away_is_known_by_its_descent() -> None:
    async with ChaosTeam() as team:
        child = team.start("unmarked")
        _, escapee = await child.ready()
        assert (await child.process.stop(QUICK)).empty
        assert not is_alive(escapee)


async def test_without_the_sweep_escapees_would_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary of the shapes above: a stop that looks only at the process group."""
    monkeypatch.setattr(Census, "tree", lambda census, leader, *_, **__: census.group(leader))
    async with ChaosTeam() as team:
        child = team.start("tree")
        pids = await child.ready()
        await child.process.stop(QUICK)
        assert len([pid for pid in pids if is_alive(pid)]) == 3


async def test_other_agents_of_the_session_are_left_alone() -> None:
    async with ChaosTeam() as team:
        one, other = team.start("tree", agent="worker-1#1"), team.start("tree", agent="worker-2#1")
        await one.ready()
        pids = await other.ready()
        assert (await one.process.stop(QUICK)).empty
        assert all(is_alive(pid) for pid in pids)
        assert (await other.process.stop(QUICK)).empty


async def test_a_polite_child_gets_the_term_and_no_kill() -> None:
    async with ChaosTeam() as team:
        child = team.start("idle")
        await child.ready()
        began = time.monotonic()
        assert (await child.process.stop(PATIENT)).empty
        assert child.process.exit == ProcessExit(signal=signal.SIGTERM)
        assert time.monotonic() - began < 5


async def test_a_child_that_ignores_term_is_killed_at_the_end_of_the_ladder() -> None:
    async with ChaosTeam() as team:
        child = team.start("ignore-term")
        await child.ready()
        began = time.monotonic()
        assert (await child.process.stop(QUICK)).empty
        assert child.process.exit == ProcessExit(signal=signal.SIGKILL)
        assert time.monotonic() - began >= 0.6


async def test_stop_returns_only_when_a_stubborn_member_is_gone_too() -> None:
    async with ChaosTeam() as team:
        child = team.start("stubborn-member")
        leader, member = await child.ready()
        async with asyncio.TaskGroup() as group:
            stopping = group.create_task(child.process.stop(QUICK))
            assert await gone(leader, within_s=5)
            assert is_alive(member)
            assert not stopping.done()
        assert not is_alive(member)
        assert child.process.exit == ProcessExit(signal=signal.SIGTERM)


async def test_a_frozen_child_is_woken_to_hear_the_term() -> None:
    async with ChaosTeam() as team:
        child = team.start("idle")
        (pid,) = await child.ready()
        child.process.signal_leader(signal.SIGSTOP)
        while not (stat := read_stat(pid)) or not stat.stopped:
            await asyncio.sleep(0.001)
        assert (await child.process.stop(PATIENT)).empty
        assert child.process.exit == ProcessExit(signal=signal.SIGTERM)


async def test_stopping_now_skips_the_polite_rungs() -> None:
    async with ChaosTeam() as team:
        child = team.start("tree")
        await child.ready()
        began = time.monotonic()
        assert (await child.process.stop(PATIENT, now=True)).empty
        assert child.process.exit == ProcessExit(signal=signal.SIGKILL)
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("mode", ["ignore-term", "stubborn-member"])
async def test_a_second_stop_makes_the_first_one_hurry(mode: str) -> None:
    async with ChaosTeam() as team:
        child = team.start(mode)
        pids = await child.ready()
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            first = group.create_task(child.process.stop(PATIENT))
            await asyncio.sleep(0.05)
            assert not first.done()
            second = group.create_task(child.process.stop(PATIENT, now=True))
        assert first.result() == second.result()
        assert first.result().empty
        assert not any(is_alive(pid) for pid in pids)


async def test_a_cancelled_stop_can_be_taken_up_again() -> None:
    async with ChaosTeam() as team:
        child = team.start("ignore-term")
        (pid,) = await child.ready()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await child.process.stop(PATIENT)
        assert is_alive(pid)
        assert (await child.process.stop(QUICK, now=True)).empty


async def test_stopping_what_has_ended_is_quick_and_signals_nobody() -> None:
    async with ChaosTeam() as team:
        process = team.start("crash").process
        await process.wait()
        assert (await process.stop(PATIENT)).empty
        assert (await process.clean_up()).empty
        process.signal_leader(signal.SIGTERM)


async def test_what_will_not_die_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.runtime.sweep._send", lambda ref, signum: None)
    async with ChaosTeam() as team:
        child = team.start("setsid")
        leader, escapee = await child.ready()
        end = await child.process.stop(StopLadder(leader_s=5.0, group_s=0.1, sweep_s=0.2))
        assert not end.empty
        assert end.leftovers == (escapee,)
        assert not is_alive(leader)
        monkeypatch.undo()
        assert (await child.process.stop(QUICK)).empty, "a stuck tree may be tried again"


async def test_when_it_last_wrote_is_known() -> None:
    async with ChaosTeam() as team:
        child = team.start("idle")
        before = child.process.last_output_at
        await child.ready()
        after = child.process.last_output_at
        assert before is None
        assert after is not None
        assert after >= child.process.started_at
        await child.process.stop(QUICK, now=True)


async def test_a_child_is_known_by_its_start_time() -> None:
    async with ChaosTeam() as team:
        child = team.start("idle")
        stat = read_stat(child.process.pid)
        assert stat is not None
        assert child.process.start_time == stat.start_time
        await child.process.stop(QUICK, now=True)


@pytest.mark.parametrize(
    ("mode", "polite"),
    [
        (("until-eof",), Polite(close_input=True)),
        (("obey", "quit"), Polite(message=b"quit\n")),
        (("leave-on", "SIGINT"), Polite(signal=signal.SIGINT)),
    ],
    ids=["end of input", "a message", "a signal"],
)
async def test_an_agent_is_asked_in_its_own_way_first(mode: tuple[str, ...], polite: Polite) -> None:
    async with ChaosTeam() as team:
        child = team.start(*mode, takes_input=True, polite=polite)
        await child.ready()
        began = time.monotonic()
        assert (await child.process.stop(replace(PATIENT, polite_s=30.0))).empty
        assert child.process.exit == ProcessExit(code=0)
        assert time.monotonic() - began < 10


async def test_an_agent_that_does_not_hear_its_own_way_is_asked_as_all_are() -> None:
    async with ChaosTeam() as team:
        child = team.start("idle", takes_input=True, polite=Polite(message=b"quit\n", close_input=True))
        await child.ready()
        assert (await child.process.stop(replace(QUICK, polite_s=0.2))).empty
        assert child.process.exit == ProcessExit(signal=signal.SIGTERM)


async def test_a_frozen_agent_is_thawed_to_be_asked_in_its_own_way() -> None:
    async with ChaosTeam() as team:
        child = team.start("until-eof", takes_input=True, polite=Polite(close_input=True))
        await child.ready()
        await child.process.freeze()
        assert (await child.process.stop(replace(PATIENT, polite_s=30.0))).empty
        assert child.process.exit == ProcessExit(code=0)


async def test_the_leader_gets_the_signal_that_the_ladder_names() -> None:
    async with ChaosTeam() as team:
        child = team.start("leave-on", "SIGINT", "5")
        await child.ready()
        assert (await child.process.stop(replace(PATIENT, signal="INT"))).empty
        assert child.process.exit == ProcessExit(code=5)


async def test_an_agent_behind_a_shim_hears_one_signal() -> None:
    async with ChaosTeam() as team:
        child = team.start("shim")
        await child.ready()
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            stop = tasks.create_task(child.process.stop(PATIENT))
            await child.says(b"term\n")
            await child.process.stop(PATIENT, now=True)
        assert stop.result().empty
        assert child.output.count(b"term\n") == 1


async def test_a_group_signal_first_would_be_heard_twice_behind_a_shim() -> None:
    """The canary of the test above."""
    async with ChaosTeam() as team:
        child = team.start("shim")
        leader, _ = await child.ready()
        os.kill(leader, signal.SIGSTOP)  # else both could come at once, and count as one
        os.killpg(leader, signal.SIGTERM)
        await child.says(b"term\n")
        os.kill(leader, signal.SIGCONT)
        await child.says(b"term\nterm\n")
        await child.process.stop(QUICK, now=True)


async def test_all_of_a_leaders_time_is_not_spent_when_it_ends_at_the_moment_it_is_thawed() -> None:
    async with ChaosTeam() as team:
        child = team.start("group")
        await child.ready()
        await child.process.freeze()
        began = time.monotonic()
        assert (await child.process.stop(PATIENT)).empty
        assert time.monotonic() - began < 10
