"""One look at the process table: who runs, whose child it is, when it began, what it uses."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
HAS_PROC: Final = Path("/proc/self/stat").exists()

_ROUNDS: Final = 4
_DEAD: Final = frozenset("ZXx")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcRef:
    """One process and no other: a pid is used again, a pid with its start time is not."""

    pid: int
    start_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcStat:
    """What the kernel says of one process. `start_time` and `cpu_ticks` are in clock ticks.

    `name` is its program's, cut at 15 characters, or what the process called itself: foreign text.
    """

    pid: int
    parent: int
    group: int
    session: int
    state: str
    start_time: int
    cpu_ticks: int
    rss_bytes: int
    threads: int = 1
    name: str = ""

    @property
    def alive(self) -> bool:
        """Whether it can still do anything: a zombie cannot."""
        return self.state not in _DEAD

    @property
    def stopped(self) -> bool:
        """Whether it is frozen by a stop signal or a debugger."""
        return self.state in "Tt"

    @property
    def ref(self) -> ProcRef:
        """Its identity, to keep beyond this look."""
        return ProcRef(pid=self.pid, start_time=self.start_time)


def parse_stat(raw: bytes) -> ProcStat:
    """Parse the text of `/proc/PID/stat`; the program's name in it may hold spaces and brackets."""
    head, _, tail = raw.rpartition(b")")
    fields = tail.split()
    pid, _, name = head.partition(b" (")
    return ProcStat(
        pid=int(pid),
        name=name.decode(errors="replace"),
        state=fields[0].decode(),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        cpu_ticks=int(fields[11]) + int(fields[12]),
        threads=int(fields[17]),
        start_time=int(fields[19]),
        rss_bytes=int(fields[21]) * PAGE_BYTES,
    )


def read_stat(pid: int) -> ProcStat | None:
    """Look at one process; None when there is no such process."""
    if not HAS_PROC:
        from supervisor.runtime.without_proc import stat_of  # noqa: PLC0415 - 15 ms, for other systems only

        return stat_of(pid)
    raw = read_proc(f"/proc/{pid}/stat")
    return parse_stat(raw) if raw else None


def read_environ(pid: int) -> bytes:
    """Return the environment a process was started with; empty when it may not be read."""
    if not HAS_PROC:
        from supervisor.runtime.without_proc import environ_of  # noqa: PLC0415 - 15 ms, as above

        return environ_of(pid)
    return read_proc(f"/proc/{pid}/environ")


def read_command(pid: int) -> list[str]:
    """Return the words a process was started with; empty when it is gone or hides them."""
    if not HAS_PROC:
        from supervisor.runtime.without_proc import command_of  # noqa: PLC0415 - 15 ms, as above

        return command_of(pid)
    return read_proc(f"/proc/{pid}/cmdline").decode("utf-8", "surrogateescape").split("\0")[:-1]


def children_of(pid: int) -> list[int]:
    """List the children of a process by the kernel's own lists; empty when it is gone or there are none."""
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - called for every start of an agent
            found += map(int, read_proc(f"/proc/{pid}/task/{task}/children").split())
    return found


def read_table(note: Callable[[ProcStat], object] | None = None) -> dict[int, ProcStat]:
    """Look at every process of the machine, in one pass.

    Whoever began meanwhile is looked at too, so that fleeing by fork and exit needs more than luck. Each is
    told to `note` at once: a moment later it may be gone, and with it what else could be read of it.
    """
    seen: set[int] = set()
    table: dict[int, ProcStat] = {}
    for _ in range(_ROUNDS):
        new = [pid for pid in _pids() if pid not in seen]
        if not new:
            break
        seen.update(new)
        for stat in map(read_stat, new):
            if stat is not None:
                table[stat.pid] = stat
                if note is not None:
                    note(stat)
    return table


def _pids() -> list[int]:
    if not HAS_PROC:
        from supervisor.runtime.without_proc import pids  # noqa: PLC0415 - 15 ms, as above

        return pids()
    names = os.listdir("/proc")  # noqa: PTH208 - a Path for each of thousands of names, every second
    return [int(name) for name in names if name.isdigit()]


def read_proc(path: str) -> bytes:
    """Read a whole /proc file; empty when the process is gone or forbids it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        chunks = []
        while chunk := os.read(fd, 131_072):
            chunks.append(chunk)
        return b"".join(chunks)
    except OSError:
        return b""
    finally:
        os.close(fd)
