"""What a long log costs: checked, archived, read and replayed, and what its writer feels of the archiving."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.table import Table, percentile
from benchmarks.team import ROOT
from supervisor.clock import SystemClock
from supervisor.dispatch.archivist import Archivist, Retention
from supervisor.model.agent import Agent, Role
from supervisor.model.ids import task_id
from supervisor.model.task import Checkpoint, Note, Task, TaskState
from supervisor.model.team import Run, RunState
from supervisor.store.store import Store
from supervisor.store.transaction import Transaction
from supervisor.workspace.state_dir import open_state

BATCH: Final = 2000
STEPS: Final = 10
"""How many events a task leaves: made, claimed, five times told, a note, done, and a checkpoint."""

OLD: Final = 1_600_000_000.0
WRITES_S: Final = 200.0
WATCH_S: Final = 8.0
TEXT: Final = "Read the section of the grammar, write the parser for it and its tests. " * 4


def tables(rounds: int) -> Iterator[Table]:
    """Measure logs of two lengths, then the writer's waiting."""
    lengths = (100_000, 1_000_000) if rounds > 3 else (10_000, 100_000)
    costs = Table(
        "A long log",
        (
            *("events", "database MiB", "fsck s", "fsck RSS MiB", "archived in s", "files MiB"),
            *("fsck through files s", "all events as JSON s", "replay of the middle s"),
        ),
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        for length in lengths:
            project = Path(place) / str(length)
            project.mkdir()
            asyncio.run(fill(project, length))
            costs.add(f"{length:,}", *_costs(project, length))
            shutil.rmtree(project)
        yield costs
        yield _waiting(Path(place) / "busy", lengths[0])


async def fill(project: Path, length: int) -> None:
    """Write the log of an ended run, and begin another run."""
    state = open_state(project, create=True)
    async with Store(state.database, SystemClock()) as store:
        await store.write(_begin)
        for first in range(0, length // STEPS, BATCH // STEPS):
            numbers = range(first + 1, min(first + BATCH // STEPS, length // STEPS) + 1)
            await store.write(lambda tx, numbers=numbers: _work(tx, numbers))  # type: ignore[misc]
        await store.write(_end)


def _begin(tx: Transaction) -> None:
    tx.run, tx.now = 1, OLD
    tx.record("run.started", Run(id=1, team="t", profile="p", digest="d"), actor="supervisor")
    for name, role in (("planner", Role.PLANNER), ("worker", Role.WORKER)):
        tx.record("agent.enrolled", Agent(name=name, pool=name, role=role), actor="supervisor")


def _work(tx: Transaction, numbers: range) -> None:
    tx.run, tx.now = 1, OLD + numbers[0]
    for n in numbers:
        name = task_id(n)
        task = Task(id=name, run=1, title=f"Section {n}", description=TEXT, creator="planner")
        tx.record("task.created", task, actor="planner")
        task = replace(task, state=TaskState.IN_PROGRESS, holder="worker", token=1)
        tx.record("task.claimed", task, actor="worker")
        for percent in range(10, 60, 10):
            tx.record("task.progress", replace(task, percent=percent, action="parsing"), actor="worker")
        note = Note(id=n, task=name, author="worker", body="the grammar leaves lists open", at=tx.now)
        tx.record("note.added", note, actor="worker")
        ended = replace(task, state=TaskState.DONE, holder=None, author="worker", result="done")
        tx.record("task.done", ended, actor="worker")
        saved = Checkpoint(task=name, author="worker", token=1, percent=50, remaining=("lists",), at=tx.now)
        tx.record("checkpoint.saved", saved, actor="worker")


def _end(tx: Transaction) -> None:
    tx.run = 1
    run = Run(id=1, team="t", profile="p", digest="d", state=RunState.FINISHED, finished_at=OLD)
    tx.record("run.finished", run, actor="supervisor")
    tx.run = 2
    tx.record("run.started", Run(id=2, team="t", profile="p", digest="d"), actor="supervisor")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    seconds: float
    rss_mib: float


def _verb(project: Path, *words: str) -> _Ended:
    """Run a verb in a process of its own; what it prints goes nowhere."""
    command = [sys.executable, "-m", "supervisor", *words, "--project", str(project)]
    begun = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{' '.join(words)} ended with {process.returncode}"
    return _Ended(seconds=time.perf_counter() - begun, rss_mib=used.ru_maxrss / 1024)


def _costs(project: Path, length: int) -> tuple[float, ...]:
    state = open_state(project, create=False)
    size = state.database.stat().st_size / 2**20
    checked = _verb(project, "fsck")
    archived = _verb(project, "archive", "--keep", "1")
    packed = sum(path.stat().st_size for path in state.archive.iterdir()) / 2**20
    through = _verb(project, "fsck")
    printed = _verb(project, "events", "--since", "0", "--json")
    replayed = _verb(project, "replay", "--at", str(length // 2), "--task", "T1")
    return (
        *(size, checked.seconds, checked.rss_mib, archived.seconds, packed),
        *(through.seconds, printed.seconds, replayed.seconds),
    )


def _waiting(project: Path, length: int) -> Table:
    table = Table(
        f"What {WRITES_S:.0f} writes a second feel of archiving {length:,} events",
        ("", "p50 ms", "p99 ms", "worst ms", "events moved a second"),
    )
    for name, archiving in (("nothing is archived", False), ("the engine archives", True)):
        project.mkdir()
        asyncio.run(fill(project, length))
        latencies, moved = asyncio.run(_watch(project, archiving=archiving))
        spread = (percentile(latencies, 50), percentile(latencies, 99), max(latencies))
        table.add(name, *spread, moved / WATCH_S if archiving else "")
        shutil.rmtree(project)
    return table


async def _watch(project: Path, *, archiving: bool) -> tuple[list[float], int]:
    """Write at a steady pace, and return how long each answer took, and how many events were moved."""
    state, clock = open_state(project, create=False), SystemClock()
    latencies: list[float] = []
    async with Store(state.database, clock) as store, asyncio.TaskGroup() as tasks:
        store.run = 2
        archivist = Archivist(store, state.archive, clock)
        moving = tasks.create_task(_archive(archivist)) if archiving else None
        begun = time.perf_counter()
        for number in range(int(WATCH_S * WRITES_S)):
            await asyncio.sleep(max(0.0, begun + number / WRITES_S - time.perf_counter()))
            asked = time.perf_counter()
            await store.write(lambda tx, number=number: _note(tx, number))  # type: ignore[misc]
            latencies.append((time.perf_counter() - asked) * 1000)
        moved = int(await store.read(lambda tx: tx.scalar("archive.cut")))
        if moving is not None:
            moving.cancel()
    return latencies, moved


async def _archive(archivist: Archivist) -> None:
    while await archivist.move(Retention(before=time.time()), whole=True) is not None:
        pass


def _note(tx: Transaction, number: int) -> None:
    note = Note(id=10_000_000 + number, task=task_id(1), author="worker", body="still there", at=tx.now)
    tx.record("note.added", note, actor="worker")
