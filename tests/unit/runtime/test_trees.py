"""Sampling trees: who counts, how much they use, and what an orphan belongs to."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import replace

import pytest

from supervisor.model.team import StopLadder
from supervisor.runtime.proc_table import TICKS_PER_S, ProcStat, read_table
from supervisor.runtime.subreaper import become_subreaper
from supervisor.runtime.trees import Sampler, TreeUse
from supervisor.testing.chaos import ChaosTeam
from supervisor.testing.clock import VirtualClock

LEADER = ProcStat(
    pid=100,
    parent=1,
    group=100,
    session=100,
    state="S",
    start_time=50,
    cpu_ticks=10,
    rss_bytes=1000,
    threads=2,
    name="claude",
)
CHILD = replace(LEADER, pid=101, parent=100, start_time=51, name="git")
ORPHAN = replace(CHILD, pid=102, group=102, session=102, start_time=52)


def table(*stats: ProcStat) -> dict[int, ProcStat]:
    return {stat.pid: stat for stat in stats}


def sampler(clock: VirtualClock | None = None) -> Sampler:
    return Sampler(session="s", clock=clock or VirtualClock())


@pytest.fixture
def subreaper() -> Iterator[None]:
    assert become_subreaper()
    yield
    ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)


def test_a_tree_is_its_leader_its_session_and_all_descendants() -> None:
    in_session = replace(LEADER, pid=103, parent=1)
    stranger = replace(LEADER, pid=104, parent=1, session=7, group=7)
    use = sampler().sample({"a": 100}, table(LEADER, CHILD, ORPHAN, in_session, stranger))["a"]
    assert (use.cpu_percent, use.rss_bytes, use.processes, use.threads) == (0.0, 4000, 4, 8)
    assert sorted(use.pids) == [100, 101, 102, 103]
    assert sorted(use.helpers) == ["claude", "git", "git"]


async def test_cpu_is_what_was_used_since_the_look_before() -> None:
    clock = VirtualClock()
    subject = sampler(clock)
    assert subject.sample({"a": 100}, table(LEADER, CHILD))["a"].cpu_percent == 0.0
    await clock.advance(2.0)
    busy = replace(CHILD, cpu_ticks=10 + TICKS_PER_S)
    assert subject.sample({"a": 100}, table(LEADER, busy))["a"].cpu_percent == pytest.approx(50.0)


async def test_one_born_since_counts_with_all_it_used() -> None:
    clock = VirtualClock()
    subject = sampler(clock)
    subject.sample({"a": 100}, table(LEADER, CHILD))
    await clock.advance(1.0)
    newborn = replace(CHILD, start_time=99, cpu_ticks=TICKS_PER_S)
    assert subject.sample({"a": 100}, table(LEADER, newborn))["a"].cpu_percent == pytest.approx(100.0)


async def test_one_that_only_joined_does_not_bring_its_past() -> None:
    clock = VirtualClock()
    subject = sampler(clock)
    stranger = replace(LEADER, pid=104, parent=1, session=7, group=7, cpu_ticks=9999)
    subject.sample({"a": 100}, table(LEADER, stranger))
    await clock.advance(1.0)
    assert subject.sample({"a": 100, "b": 104}, table(LEADER, stranger))["b"].cpu_percent == 0.0


def test_a_look_buries_our_dead_orphans(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[dict[int, ProcStat]] = []
    monkeypatch.setattr("supervisor.runtime.trees.reap_adopted", looked_at.append)
    sampler().sample({"a": 100}, table(LEADER))
    assert looked_at == [table(LEADER)]


def test_an_orphan_stays_with_the_tree_it_was_seen_in() -> None:
    subject = sampler()
    subject.sample({"a": 100}, table(LEADER, CHILD, replace(ORPHAN, parent=101)))
    assert subject.sample({"a": 100}, table(LEADER, replace(ORPHAN, parent=1)))["a"].processes == 2
    assert sampler().sample({"a": 100}, table(LEADER, replace(ORPHAN, parent=1)))["a"].processes == 1


def test_a_frozen_leader_is_shown_and_the_dead_do_not_count() -> None:
    frozen, dead = replace(LEADER, state="T"), replace(CHILD, state="Z")
    use = sampler().sample({"a": 100}, table(frozen, dead))["a"]
    assert use.is_stopped
    assert use.processes == 1


def test_an_agent_without_processes_uses_nothing() -> None:
    assert sampler().sample({"a": 100}, {}) == {"a": TreeUse()}


@pytest.mark.usefixtures("subreaper")
async def test_real_trees_are_told_apart_also_their_daemons() -> None:
    async with ChaosTeam() as team:
        one, two = team.start("daemon", agent="one#1"), team.start("idle", agent="two#1")
        await one.ready()
        await two.ready()
        subject = Sampler(session=team.session, clock=VirtualClock())
        leaders = {"one": one.process.pid, "two": two.process.pid}
        uses = subject.sample(leaders)
        assert uses == subject.sample(leaders, read_table())
        assert {name: use.processes for name, use in uses.items()} == {"one": 2, "two": 1}
        assert all(use.rss_bytes > 1_000_000 for use in uses.values())
        for child in (one, two):
            await child.process.stop(StopLadder(), now=True)
