"""From the command to the first agent's first byte, to the first painted frame, and of the daily verbs."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pexpect

from benchmarks.table import Table, median, percentile
from benchmarks.team import (
    PATIENCE_S,
    ROOT,
    SUPERVISOR,
    engine_of,
    environment,
    profile,
    project_with,
    running,
    sleepers,
    stop,
    until,
)

ROWS, COLUMNS = 50, 200
ALTERNATE_SCREEN: Final = b"\x1b[?1049h"
FIRST_WORDS: Final = b"Fleet"
COLUMNS_OF_TIMES: Final = ("best ms", "p50 ms", "p95 ms", "rounds")
SETTLE_S: Final = 2.0
"""Until an engine that has just started has loaded its MCP server."""

CLOCK: Final = ["date", "+started %s.%N"]
"""A program of a few hundred microseconds that says when it ran."""


def tables(rounds: int) -> Iterator[Table]:
    """Measure what a person waits for."""
    table = Table("Start", ("from the command to …", *COLUMNS_OF_TIMES))
    for label, values in (
        ("an interpreter that does nothing", [_bare() for _ in range(rounds)]),
        ("`up --detach`: first agent's first byte", [_first_byte() for _ in range(rounds)]),
        ("`up --detach`: the command is back", [_detached() for _ in range(rounds)]),
    ):
        _add(table, label, values)
    for verb in ("up", "attach"):
        switched, painted = zip(*(_first_frame(verb) for _ in range(rounds)), strict=True)
        _add(table, f"`{verb}`: the terminal is taken over", switched)
        _add(table, f"`{verb}`: first painted frame", painted)
    yield table
    yield _verbs(rounds)


def _add(table: Table, label: str, values: Sequence[float]) -> None:
    """Add a row; the best of the rounds is what the program needs, the rest is what the machine adds."""
    table.add(label, min(values), median(values), percentile(values, 95), len(values))


def _bare() -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return (time.perf_counter() - begun) * 1000


def _first_byte() -> float:
    """Return the ms between giving the command and the first line of the first agent."""
    with project_with(profile({"clock": 1}, CLOCK)) as project:
        begun = time.time()
        _up_detached(project)
        log = project / ".supervisor" / "logs" / "clock.log"
        said = until(lambda: re.search(r"started ([\d.]+)", log.read_text()))
        stop(project)
    return (float(said[1]) - begun) * 1000


def _detached() -> float:
    with project_with(sleepers(3)) as project:
        begun = time.perf_counter()
        _up_detached(project)
        took_ms = (time.perf_counter() - begun) * 1000
        stop(project)
    return took_ms


def _up_detached(project: Path) -> None:
    subprocess.run(
        [*SUPERVISOR, "up", str(project / "bench.toml"), "--detach", "--project", str(project)],
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
        cwd=ROOT,
    )


def _first_frame(verb: str) -> tuple[float, float]:
    """Return the ms until the screen is taken over and until the first frame with words in it."""
    with project_with(sleepers(3)) as project:
        words = [*SUPERVISOR, verb, "--project", str(project)]
        if verb == "up":
            words.insert(4, str(project / "bench.toml"))
        else:
            _up_detached(project)
            time.sleep(SETTLE_S)
        begun = time.perf_counter()
        screen = pexpect.spawn(
            words[0],
            words[1:],
            dimensions=(ROWS, COLUMNS),
            env=environment(),
            timeout=PATIENCE_S,
            cwd=str(ROOT),
        )
        screen.delaybeforesend = None
        screen.expect_exact(ALTERNATE_SCREEN)
        switched_ms = (time.perf_counter() - begun) * 1000
        screen.expect_exact(FIRST_WORDS)
        painted_ms = (time.perf_counter() - begun) * 1000
        engine_of(project)
        stop(project)
        screen.close(force=True)
    return switched_ms, painted_ms


def _verbs(rounds: int) -> Table:
    table = Table("Verbs, with an engine of 20 agents running", ("verb", *COLUMNS_OF_TIMES))
    with running(sleepers(20)) as team:
        for verb in ("--version", "status", "ps", "task list", "events --json"):
            words = [*SUPERVISOR, *verb.split()]
            if not verb.startswith("--"):
                words += ["--project", str(team.project)]
            values = [_timed(words) for _ in range(rounds)]
            _add(table, f"`{verb}`", values)
    return table


def _timed(words: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True, timeout=PATIENCE_S, cwd=ROOT)
    return (time.perf_counter() - begun) * 1000
