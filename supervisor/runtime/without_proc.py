"""The looks of `proc_table` where there is no /proc: by psutil, which takes 15 ms to import."""

from __future__ import annotations

import os
from typing import Final

import psutil

from supervisor.model.agent import MachineMetrics
from supervisor.runtime.proc_table import TICKS_PER_S, ProcStat

_STATES: Final = {psutil.STATUS_ZOMBIE: "Z", psutil.STATUS_DEAD: "X", psutil.STATUS_STOPPED: "T"}


def pids() -> list[int]:
    """List the processes of the machine."""
    return psutil.pids()


def environ_of(pid: int) -> bytes:
    """Return the environment a process was started with; empty when it may not be read."""
    try:
        pairs = psutil.Process(pid).environ().items()
    except (psutil.Error, OSError):
        return b""
    return b"\0".join(f"{name}={value}".encode() for name, value in pairs)


def command_of(pid: int) -> list[str]:
    """Return the words a process was started with; empty when they may not be read."""
    try:
        return psutil.Process(pid).cmdline()
    except (psutil.Error, OSError):
        return []


def stat_of(pid: int) -> ProcStat | None:
    """Look at one process; None when there is no such process."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return ProcStat(
                pid=pid,
                parent=process.ppid(),
                group=os.getpgid(pid),
                session=os.getsid(pid),
                state=_STATES.get(process.status(), "S"),
                start_time=int(process.create_time() * TICKS_PER_S),
                cpu_ticks=int((times.user + times.system) * TICKS_PER_S),
                rss_bytes=process.memory_info().rss,
                threads=process.num_threads(),
                name=process.name(),
            )
    except (psutil.Error, OSError):
        return None


def machine() -> MachineMetrics:
    """Tell how the machine stands; pressure is Linux's alone."""
    memory = psutil.virtual_memory()
    return MachineMetrics(
        memory_bytes=memory.total, available_bytes=memory.available, load=os.getloadavg()[0]
    )
