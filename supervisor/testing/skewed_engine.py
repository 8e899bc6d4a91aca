"""The command line on a machine whose clocks a test sets: the wall clock, and how long it was asleep.

    python -m supervisor.testing.skewed_engine SKEW_FILE [--without-gaps] VERB …

SKEW_FILE holds two doubles: by how many seconds the wall clock was set, and how long the machine slept.
The monotonic clock is left alone, as it is by both. `--without-gaps` goes by the clocks as they are.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from supervisor.clock import SystemClock
from supervisor.engine import main as engine

_FORM: Final = struct.Struct("dd")


def write_skew(path: Path, *, set_by_s: float = 0.0, asleep_s: float = 0.0) -> None:
    """Set the clocks; a program that runs by this file sees it at once."""
    content = _FORM.pack(set_by_s, asleep_s)
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(content)


def skew_clocks(path: Path) -> None:
    """Let `time` tell what the file says from now on."""
    with path.open("rb") as file:
        skew = mmap.mmap(file.fileno(), _FORM.size, prot=mmap.PROT_READ)
    wall: Callable[[], float] = time.time
    read: Callable[[int], float] = time.clock_gettime

    def now() -> float:
        set_by_s, asleep_s = _FORM.unpack(skew[:])
        return wall() + float(set_by_s) + float(asleep_s)

    def clock_gettime(number: int) -> float:
        asleep_s = _FORM.unpack(skew[:])[1] if number == time.CLOCK_BOOTTIME else 0.0
        return read(number) + float(asleep_s)

    time.time, time.clock_gettime = now, clock_gettime


class _MachineTime(SystemClock):
    """The engine's clock as it would be without `SteadyClock`: the machine's own."""

    def __init__(self, machine: SystemClock) -> None:
        """Take the machine as it is."""
        self.booted_at: Final = machine.now() - machine.boottime()

    async def watch(self) -> None:
        """Look for nothing."""
        await self.sleep(1e9)

    def unsettled(self) -> None:
        """Know of no gap."""

    def wall_is_ahead_s(self) -> float:
        """Know of no setting of the clock."""
        return 0.0


def main(words: list[str]) -> None:
    """Run one command line by the clocks of a file."""
    skew_clocks(Path(words.pop(0)))
    if words[0] == "--without-gaps":
        words.pop(0)
        setattr(engine, "SteadyClock", _MachineTime)  # noqa: B010 - another class in its place
    from supervisor.cli.main import supervisor  # noqa: PLC0415 - after the clocks are set

    supervisor(words, prog_name="supervisor")


if __name__ == "__main__":
    main(sys.argv[1:])
