"""Taking over from an engine that died, before this engine's own run has begun."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from supervisor.coordinator import votes
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.views import whole_world
from supervisor.coordinator.votes import NewVote
from supervisor.engine.recovery import Remains, take_over
from supervisor.errors import EngineStartFailed
from supervisor.model.agent import AgentState
from supervisor.model.approval import Mode
from supervisor.model.task import TaskState
from supervisor.runtime import boot
from supervisor.runtime.boot import boot_id
from supervisor.runtime.proc_table import read_stat
from supervisor.runtime.sweep import TreeEnd
from supervisor.store.store import Store
from supervisor.testing.chaos import is_alive
from supervisor.testing.small_team import SMALL_TEAM, small_team


async def test_what_a_dead_engine_held_is_free_and_told_in_the_run_it_belongs_to(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        task = await team.add_task()
        await team.claim("worker-1")
    async with Store(tmp_path / "coordinator.db", team.clock) as store:
        coordinator = Coordinator(store, team.clock, SMALL_TEAM, Mode.INTERACTIVE)
        assert await take_over(coordinator, former_session=None, booted_at=0.0) == len(team.actors)
        freed = await coordinator.read(lambda scope: scope.task(task.id))
        assert (freed.state, freed.holder, freed.failures) == (TaskState.PENDING, None, 0)
        (left,) = (await store.read(whole_world)).tables["handoff"].values()
        assert (left.task, left.to, left.run) == (task.id, "worker-1", 1)


async def test_where_nothing_ran_there_is_nothing_to_take_over(tmp_path: Path) -> None:
    async with small_team(tmp_path, pools=()) as team:
        assert await take_over(team.coordinator, former_session=None, booted_at=0.0) == 0


SLEEPER = "import time; time.sleep(600)"
FAMILY = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {SLEEPER!r}])
child = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


@contextmanager
def running(program: str = SLEEPER, **env: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program in a session of its own, with no environment but what is given."""
    child = subprocess.Popen(
        [sys.executable, "-c", program], env=env, start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def row_of(child: subprocess.Popen[str], **changes: Any) -> dict[str, Any]:
    """Write down a child as an engine does that started it."""
    stat = read_stat(child.pid)
    assert stat is not None
    return {
        "session": "dead",
        "boot_id": boot_id(),
        "pid": child.pid,
        "start_time": stat.start_time,
    } | changes


def remains_of(*rows: dict[str, Any]) -> Remains:
    return Remains.of(cast("list[sqlite3.Row]", rows), former_session=None)


async def test_an_agent_that_wiped_its_environment_is_found_by_pid_and_start_time() -> None:
    with running(FAMILY) as leader:
        assert leader.stdout is not None
        grandchild = int(leader.stdout.readline())
        assert (await remains_of(row_of(leader)).end()).empty
        assert not is_alive(leader.pid)
        assert not is_alive(grandchild)


@pytest.mark.parametrize(
    "changes", [{"start_time": 1}, {"boot_id": "another"}, {"pid": None, "start_time": None}]
)
async def test_whoever_has_the_number_now_but_is_somebody_else_is_left_alone(changes: dict[str, Any]) -> None:
    with running() as stranger:
        assert (await remains_of(row_of(stranger, **changes)).end()).empty
        assert is_alive(stranger.pid)


async def test_where_boots_have_no_names_only_the_marker_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.engine.recovery.boot_id", lambda: boot.UNKNOWN)
    with running() as bare, running(SUP_SESSION="dead", SUP_AGENT="a#1") as marked:
        rows = [row_of(child, boot_id=boot.UNKNOWN) for child in (bare, marked)]
        assert (await remains_of(*rows).end()).empty
        assert not is_alive(marked.pid)
        assert is_alive(bare.pid)


async def test_after_a_boot_nothing_is_killed_though_the_marker_is_the_same(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        with running(SUP_SESSION="session", SUP_AGENT="worker-1#1") as stranger:
            assert await take_over(team.coordinator, former_session=None, booted_at=0.0) == len(team.actors)
            assert is_alive(stranger.pid)
        assert not await team.store.read(lambda tx: tx.all("incarnation.live"))


async def test_what_will_not_die_keeps_the_next_engine_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(_self: Remains) -> TreeEnd:
        return TreeEnd(empty=False, leftovers=(4711,))

    monkeypatch.setattr(Remains, "end", stuck)
    async with small_team(tmp_path) as team:
        with pytest.raises(EngineStartFailed, match="4711"):
            await take_over(team.coordinator, former_session="s", booted_at=0.0)
        assert await team.store.read(lambda tx: tx.all("incarnation.live"))


async def test_a_wait_that_had_begun_goes_on_after_the_engine_died(tmp_path: Path) -> None:
    async with small_team(tmp_path) as team:
        await team.crash("worker-1")
        at = team.clock.now() + 40
        number = team["worker-1"].incarnation
        await team.news("worker-1", AgentState.BACKOFF, incarnation=number, restarts=4, next_start_at=at)
        await take_over(team.coordinator, former_session=None, booted_at=0.0)
        agent = await team.do(lambda scope: scope.agent("worker-1"))
        assert (agent.state, agent.next_start_at, agent.restarts) == (AgentState.BACKOFF, at, 4)


@pytest.mark.parametrize(("set_by_s", "follows"), [(3600.0, True), (-86_400.0, True), (1.0, False)])
async def test_a_vote_keeps_its_time_though_the_wall_clock_was_set_between_two_engines(
    tmp_path: Path, *, set_by_s: float, follows: bool
) -> None:
    assert await vote_after_restart(tmp_path, boot_id(), set_by_s) == (set_by_s if follows else 0.0)


async def test_after_a_boot_the_wall_clock_is_taken_as_it_is(tmp_path: Path) -> None:
    assert await vote_after_restart(tmp_path, "another boot", 3600.0) == 0.0


async def vote_after_restart(directory: Path, boot: str, set_by_s: float) -> float:
    """Return by how much a vote's deadline moved, when an engine begins after the clock was set."""
    async with small_team(directory) as team:
        begun: dict[str, Any] = {"boot_id": boot, "booted_at": 1_000.0}
        await team.do(lambda scope: scope.tx.tell("engine.started", "1", actor="supervisor", **begun))
        ballot = NewVote(question="which?", options=("a", "b"), electorate=("group:council",))
        asked = await team.do(lambda scope: votes.open_vote(scope, team["planner"], ballot))
        await take_over(team.coordinator, former_session=None, booted_at=1_000.0 + set_by_s)
        now = await team.do(lambda scope: votes.the_vote(scope, asked.id))
        told = [event for event in await team.events() if event.kind == "engine.clock_set"]
        assert len(told) == bool(now.deadline != asked.deadline)
        return float(now.deadline - asked.deadline)


def test_a_boot_has_one_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert boot_id() == boot_id() != boot.UNKNOWN
    monkeypatch.setattr(boot, "_LINUX", tmp_path / "none")
    assert boot_id() == boot.UNKNOWN
