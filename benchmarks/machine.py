"""What the figures were measured on: the machine, how busy it is, and how fast its disk keeps a promise."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import median, percentile

BLOCK = b"\0" * 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """What one block written and made durable took."""

    p50_ms: float
    p99_ms: float


def described() -> str:
    """Say in one line what this is and how busy."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, Linux {platform.release()}, "
        f"{os.cpu_count()} cores, load {load}"
    )


def fdatasync(directory: Path, *, count: int) -> Sync:
    """Append a block and make it durable, again and again: what no durable program can be faster than."""
    path = directory / "raw"
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    times_ms = []
    try:
        for _ in range(count):
            begun = time.perf_counter()
            os.write(file, BLOCK)
            os.fdatasync(file)
            times_ms.append((time.perf_counter() - begun) * 1000)
    finally:
        os.close(file)
        path.unlink()
    return Sync(p50_ms=median(times_ms), p99_ms=percentile(times_ms, 99))
