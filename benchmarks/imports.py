"""What importing each entry point costs, beside an interpreter that imports nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

from benchmarks.table import Table, median
from benchmarks.team import ROOT

ENTRIES: Final = (
    "supervisor",
    "supervisor.cli.main",
    "supervisor.transports.control.client",
    "supervisor.headless.follow",
    "supervisor.engine.main",
    "supervisor.ui.app",
    "supervisor.transports.mcp.sdk_app",
)
LOOK: Final = (
    "import sys{entry};"
    "status = open('/proc/self/status').read();"
    "print(len(sys.modules), status.split('VmHWM:')[1].split()[0])"
)


def tables(rounds: int) -> Iterator[Table]:
    """Measure wall time, number of modules and peak memory of `python -c 'import X'`."""
    table = Table("Imports", ("entry point", "ms", "ms over bare", "modules", "peak RSS MiB"))
    for entry in ("", *ENTRIES):  # once each for the page cache and the compiled files
        _measure(entry)
    bare = 0.0
    for entry in ("", *ENTRIES):
        times, modules, peak_kib = zip(*(_measure(entry) for _ in range(rounds)), strict=True)
        bare = bare or median(times)
        label = f"`{entry}`" if entry else "`python -c pass`"
        table.add(label, median(times), median(times) - bare, modules[0], median(peak_kib) / 1024)
    yield table


def _measure(entry: str) -> tuple[float, int, int]:
    program = LOOK.format(entry=f", {entry}" if entry else "")
    begun = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    took_ms = (time.perf_counter() - begun) * 1000
    modules, peak_kib = map(int, ended.stdout.split())
    return took_ms, modules, peak_kib
