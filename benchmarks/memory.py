"""What the engine weighs and does while its agents are idle."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks import bulk
from benchmarks.crew import crew
from benchmarks.table import Table
from benchmarks.team import PATIENCE_S, ROOT, SUPERVISOR, Team, running, sleepers
from supervisor.clock import SystemClock
from supervisor.workspace.state_dir import open_state

SETTLE_S: Final = 5.0
WATCH_S: Final = 10.0


def tables(rounds: int) -> Iterator[Table]:
    """Measure PSS and CPU of the engine, and of all it starts beside the agents, with idle agents."""
    table = Table(
        "Engine with idle agents",
        (
            "agents",
            "tasks",
            "engine PSS MiB",
            "beside it MiB",
            "processes beside it",
            "engine CPU % of a core",
        ),
    )
    many = 100_000 if rounds > 3 else 5_000
    crowds = ((1, 0), (20, 0), (200, 0), (200, many)) if rounds > 3 else ((1, 0), (20, 0), (20, many))
    for agents, tasks in crowds:
        with running(sleepers(agents), lambda project: _fill(project, agents, tasks)) as team:  # noqa: B023
            team.kits(agents)
            time.sleep(SETTLE_S)
            busy = cpu_seconds(team.pid)
            time.sleep(WATCH_S)
            percent = (cpu_seconds(team.pid) - busy) / WATCH_S * 100
            helpers = _helpers(team)
            weight = sum(pss_mib(pid) for pid in helpers)
            table.add(agents, f"{tasks:,}", pss_mib(team.pid), weight, len(helpers), percent)
            if tasks:
                label = f"{tasks:,}, after a `status` {_status(team)}"
                table.add(agents, label, pss_mib(team.pid), weight, len(helpers), "")
    yield table


def _status(team: Team) -> str:
    """Ask for the state as a person does, who is sent all that an opening screen is; say how it went."""
    begun = time.perf_counter()
    command = [*SUPERVISOR, "status", "--project", str(team.project)]
    ended = subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE_S, cwd=ROOT)
    took = f"{time.perf_counter() - begun:.1f} s"
    return f"of {took}" if ended.returncode == 0 else f"that gave up after {took}"


def _fill(project: Path, agents: int, tasks: int) -> None:
    """Lay tasks of an unfinished run into the project, half of them finished; the engine continues it."""
    if tasks:
        database = open_state(project, create=True).database
        patterns = asyncio.run(_patterns(database, agents))
        for pattern in patterns:
            bulk.multiply(database, pattern, tasks // len(patterns))


async def _patterns(database: Path, agents: int) -> tuple[int, int]:
    async with crew(database, agents, clock=SystemClock()) as team:
        return await bulk.pattern(team, finished=False), await bulk.pattern(team, finished=True)


def pss_mib(pid: int) -> float:
    """Return the proportional set size: shared pages count by the share."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} tells no Pss")


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _helpers(team: Team) -> list[int]:
    """List the engine's children that are no agents: those without the agents' command."""
    children = [int(pid) for pid in Path(f"/proc/{team.pid}/task/{team.pid}/children").read_text().split()]
    return [pid for pid in children if b"sleep" not in Path(f"/proc/{pid}/cmdline").read_bytes()]
