"""What the supervision benchmark asks of each process supervisor, ours and its peers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

TICKS: Final = os.sysconf("SC_CLK_TCK")
MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to keep alive: so many copies of one command. `directory` is for whatever the keeper writes."""

    argv: Sequence[str]
    copies: int
    directory: Path


class Kept(Protocol):
    """A keeper at work."""

    @property
    def ordered_at(self) -> float:
        """Return when it was told to start, on the monotonic clock."""
        ...

    @property
    def pids(self) -> list[int]:
        """Return its own processes, the one that supervises first."""
        ...

    def stop(self) -> None:
        """End the children and the keeper as its documentation says; return when its command is back."""
        ...


class Keeper(Protocol):
    """A process supervisor."""

    @property
    def name(self) -> str:
        """Return its name and version."""
        ...

    @property
    def most(self) -> int:
        """Return how many children it can be given."""
        ...

    @property
    def settle_s(self) -> float:
        """Return how long a child must have run so that its first restart is as quick as it gets."""
        ...

    def keep(self, order: Order) -> AbstractContextManager[Kept]:
        """Start with this order; whatever is left of the keeper goes when the block ends."""
        ...

    def begin_again(self, order: Order) -> AbstractContextManager[Kept]:
        """Start once more in the same directory, after the keeper was killed."""
        ...


def pss_mib(pids: Sequence[int]) -> float:
    """Return the memory of these processes, what they share shared out."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def cpu_s(pids: Sequence[int]) -> float:
    """Return the processor seconds these processes have used, without their children."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def cpu_percent(pids: Sequence[int], *, seconds: float) -> float:
    """Watch these processes for so long and return what they used of one core."""
    begun, before = time.monotonic(), cpu_s(pids)
    time.sleep(seconds)
    return 100 * (cpu_s(pids) - before) / (time.monotonic() - begun)


def kill(pid: int) -> float:
    """Kill a process and return when, on the monotonic clock."""
    at = time.monotonic()
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return at


def kill_all(pids: Sequence[int]) -> float:
    """Kill processes at once and return when."""
    at = time.monotonic()
    for pid in pids:
        kill(pid)
    return at


def disk_mib(directory: Path) -> float:
    """Return what the files below a directory take."""
    sizes = []
    for path in directory.rglob("*"):
        with suppress(OSError):
            sizes.append(path.lstat().st_blocks * 512)
    return sum(sizes) / MIB
