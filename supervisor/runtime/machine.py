"""How the machine stands: its memory, the pressure on it, its load. Cheap enough for every second."""

from __future__ import annotations

import os
from pathlib import Path

from supervisor.model.agent import MachineMetrics
from supervisor.runtime.proc_table import HAS_PROC

_PROC = Path("/proc")


def read_machine(proc: Path = _PROC) -> MachineMetrics:
    """Return how the machine stands now; what the kernel does not tell is left at nothing."""
    if not HAS_PROC:
        from supervisor.runtime.without_proc import machine  # noqa: PLC0415 - 15 ms, for other systems only

        return machine()
    memory = _sizes(_text(proc / "meminfo"))
    pressure = _averages(_text(proc / "pressure" / "memory"))
    return MachineMetrics(
        memory_bytes=memory.get("MemTotal", 0),
        available_bytes=memory.get("MemAvailable", 0),
        load=os.getloadavg()[0],
        pressure_some=pressure.get("some"),
        pressure_full=pressure.get("full"),
    )


def _sizes(text: str) -> dict[str, int]:
    """Read lines as `MemTotal:  2097152 kB`."""
    lines = (line.split() for line in text.splitlines()[:5])
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) == 3}


def _averages(text: str) -> dict[str, float]:
    """Read lines as `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`: the average of ten seconds."""
    lines = (line.split() for line in text.splitlines())
    return {words[0]: float(words[1].removeprefix("avg10=")) for words in lines if len(words) > 1}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
