"""How soon a file can be used again after its writer was killed: opened, its journal taken in, checked, read.

python -m benchmarks.reopen PATH    opens it once and prints the ms that took
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks import bulk
from benchmarks.crew import crew
from benchmarks.table import Table, median
from benchmarks.team import ROOT, until
from supervisor.clock import SystemClock
from supervisor.store.store import Store

CALLERS: Final = 50
BUSY_S: Final = 1.5
PATIENCE_S: Final = 120.0


def tables(rounds: int) -> Iterator[Table]:
    """Kill a busy writer again and again, and open what it left."""
    tasks = 100_000 if rounds > 3 else 5_000
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        base, used = Path(place) / "base.db", Path(place) / "coordinator.db"
        asyncio.run(_fill(base, tasks))
        times_ms, journals = [], []
        for _ in range(rounds):
            shutil.copy(base, used)
            journals.append(_killed(used))
            times_ms.append(_opened_ms(used))
            for left in Path(place).glob("coordinator.db*"):
                left.unlink()
        size = base.stat().st_size / 2**20
    table = Table(
        "Opened again after kill -9 of a busy writer",
        ("tasks", "file MiB", "journal MiB", "p50 ms", "worst ms", "target"),
    )
    table.add(f"{tasks:,}", size, median(journals), median(times_ms), max(times_ms), "100")
    yield table


async def _fill(path: Path, tasks: int) -> None:
    async with crew(path, CALLERS) as team:
        await bulk.create(team, tasks // 10)
        finished = await bulk.pattern(team, finished=True)
    bulk.multiply(path, finished, tasks - tasks // 10)


def _killed(path: Path) -> float:
    """Let a process write for a while, kill it, and return the size of the journal that it left."""
    journal = path.with_name(path.name + "-wal")
    command = [sys.executable, "-m", "benchmarks.contender", "ours", str(path), "-", "1000000", str(CALLERS)]
    writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: journal.exists() and journal.stat().st_size)
    time.sleep(BUSY_S)
    writer.kill()
    writer.wait(timeout=PATIENCE_S)
    return journal.stat().st_size / 2**20


def _opened_ms(path: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.reopen", str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=PATIENCE_S,
    )
    return float(done.stdout)


async def _open(path: Path) -> float:
    begun = time.perf_counter()
    async with Store(path, SystemClock()) as store:
        await store.read(lambda tx: tx.one("run.active"))
        return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    print(asyncio.run(_open(Path(sys.argv[1]))))
