"""Durable mixed operations: beside a program in C, plain aiosqlite and an ORM; one caller beside the disk.

The mix is one turn of an agent: claim, progress, send, read and ack, complete. Ours goes through the
coordinator as a tool call does. The C program and aiosqlite do the same statements, recorded from ours;
the ORM does the same on the same tables; `lean` is the mix on the least schema that can do it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from benchmarks import bulk, machine
from benchmarks.contender import Outcome
from benchmarks.crew import crew
from benchmarks.script import RecordingStore, Script
from benchmarks.table import Table, median
from benchmarks.team import ROOT
from supervisor.store import database

HERE: Final = Path(__file__).parent
CALLERS: Final = 50
GROUP: Final = 50
STEPS: Final = 5
SLOW_MS: Final = 5
PATIENCE_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured: tasks in the file, turns of each agent, rounds of each contender."""

    finished: int
    turns: int
    rounds: int
    slow_peer_share: int = 10

    @property
    def operations(self) -> int:
        """Return how many operations the full mix has."""
        return CALLERS * self.turns * STEPS


FULL: Final = Size(finished=100_000, turns=100, rounds=3)
QUICK: Final = Size(finished=5_000, turns=20, rounds=1)


def tables(rounds: int) -> Iterator[Table]:
    """Measure the mix, the mix on a slow disk, and a single caller."""
    size = FULL if rounds > 3 else QUICK
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        arena = Arena(Path(place), size)
        asyncio.run(arena.prepare())
        yield arena.mix()
        yield arena.slow_disk()
        yield arena.alone()


class Arena:
    """A prepared database and script; each contender gets a fresh copy."""

    def __init__(self, place: Path, size: Size) -> None:
        """Name the directory; nothing is made yet."""
        self._place = place
        self._size = size
        self._base = place / "base.db"
        self._script = place / "mix.script"

    async def prepare(self) -> None:
        """Make the tasks, finished ones among them, then record one run of the mix on a copy."""
        async with crew(self._base, CALLERS) as team:
            await bulk.create(team, CALLERS * (self._size.turns + 2) * 3 // 2, chained=True)
            finished = await bulk.pattern(team, finished=True)
        bulk.multiply(self._base, finished, self._size.finished)
        script = Script()
        copy = self._copy()
        async with crew(copy, CALLERS, store_class=RecordingStore.into(script)) as team:
            script.operations.clear()
            callers = team.callers()
            for _ in range(self._size.turns):
                for step in range(STEPS):
                    for caller in callers:
                        await team.call(caller.actor, caller.steps[step])
        script.write(self._script)

    def mix(self) -> Table:
        """Let each do the mix, round by round, so that a busy minute meets all."""
        table = Table(
            f"Durable mixed operations, {CALLERS} callers",
            ("contender", "operations/s", "p50 ms", "p99 ms", "CPU µs/operation", "ours is"),
        )
        everything, some = self._size.operations, self._size.operations // self._size.slow_peer_share
        contenders = {"ours": everything, "c": everything, "aiosqlite": some, "lean": some}
        if find_spec("sqlalchemy") is not None:
            contenders["orm"] = some // 2
        outcomes: dict[str, list[Outcome]] = {name: [] for name in contenders}
        for _ in range(self._size.rounds):
            for name, operations in contenders.items():
                outcomes[name].append(self._contend(name, operations))
        ours = middle(outcomes["ours"]).per_second
        for name, found in outcomes.items():
            outcome = middle(found)
            table.add(
                LABELS[name],
                outcome.per_second,
                _ms(outcome.p50_ms),
                _ms(outcome.p99_ms),
                outcome.cpu_us,
                "" if name == "ours" else times(ours / outcome.per_second),
            )
        return table

    def slow_disk(self) -> Table:
        """Let each do a part of the mix while every fsync takes 5 ms longer."""
        table = Table(
            f"The same, every fsync {SLOW_MS} ms slower",
            ("contender", "operations/s", "p50 ms", "p99 ms", "ours is"),
        )
        library = self._compiled("slow_fsync.c", "slow_fsync.so", "-shared", "-fPIC", "-ldl")
        slow = {"LD_PRELOAD": str(library), "BENCH_FSYNC_MS": str(SLOW_MS)}
        ours = self._contend("ours", self._size.operations // 2, slow)
        table.add(LABELS["ours"], ours.per_second, ours.p50_ms, ours.p99_ms, "")
        for name in ("aiosqlite", "lean"):
            peer = self._contend(name, self._size.operations // 25, slow)
            ratio = times(ours.per_second / peer.per_second)
            table.add(LABELS[name], peer.per_second, peer.p50_ms, peer.p99_ms, ratio)
        return table

    def alone(self) -> Table:
        """Let one caller do the mix, beside what the disk needs for one durable block."""
        table = Table("One caller", ("what", "p50 ms", "p99 ms", "target ms"))
        before = machine.fdatasync(self._place, count=500)
        outcomes = [self._contend("ours", 500, callers=1) for _ in range(self._size.rounds)]
        after = machine.fdatasync(self._place, count=500)
        raw = machine.Sync(p50_ms=(before.p50_ms + after.p50_ms) / 2, p99_ms=max(before.p99_ms, after.p99_ms))
        ours = middle(outcomes)
        table.add("4 KiB written and fdatasync", raw.p50_ms, raw.p99_ms, "")
        table.add("a durable operation", ours.p50_ms, ours.p99_ms, 1.6 * raw.p50_ms + 0.1)
        return table

    def _contend(
        self, name: str, operations: int, environment: dict[str, str] | None = None, *, callers: int = CALLERS
    ) -> Outcome:
        if name == "c":
            return self._replayed()
        file = str(self._copy())
        command = [sys.executable, "-m", "benchmarks.contender", name, file, str(self._script)]
        done = subprocess.run(
            [*command, str(operations), str(callers)],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            timeout=PATIENCE_S,
            env={**os.environ, **(environment or {})},
        )
        return Outcome(**json.loads(done.stdout))

    def _replayed(self) -> Outcome:
        program = self._compiled("replay.c", "replay", "-lsqlite3")
        command = [str(program), str(self._copy()), str(self._script), str(GROUP)]
        command += database._PRAGMAS  # noqa: SLF001 - the peer opens the file exactly as we do
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
        operations, seconds, cpu_seconds = done.stdout.split()
        return Outcome(
            operations=int(operations),
            seconds=float(seconds),
            cpu_seconds=float(cpu_seconds),
            p50_ms=0.0,
            p99_ms=0.0,
        )

    def _compiled(self, source: str, name: str, *flags: str) -> Path:
        program = self._place / name
        if not program.exists():
            subprocess.run(
                ["cc", "-O2", "-o", str(program), str(HERE / source), *flags], check=True, timeout=PATIENCE_S
            )
        return program

    def _copy(self) -> Path:
        """Give a fresh copy of the prepared file in place of the last one."""
        used = self._place / "used"
        shutil.rmtree(used, ignore_errors=True)
        used.mkdir()
        return Path(shutil.copy(self._base, used / "coordinator.db"))


LABELS: Final = {
    "ours": "ours",
    "c": "C, the same statements, 50 operations a transaction",
    "aiosqlite": "aiosqlite, the same statements, a commit an operation",
    "lean": "aiosqlite, the least schema that can do it, a commit an operation",
    "orm": "SQLAlchemy ORM, the same tables, a commit an operation",
}


def middle(outcomes: list[Outcome]) -> Outcome:
    """Return the outcome with the middle speed: one that was measured."""
    speed = median([outcome.per_second for outcome in outcomes])
    return next(outcome for outcome in outcomes if outcome.per_second == speed)


def times(ratio: float) -> str:
    """Spell how many times as fast: `2.9 times`, or as a share below one: `42 %`."""
    if ratio < 1:
        return f"{ratio * 100:.0f} %"
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"


def _ms(value: float) -> float | str:
    return value or ""
