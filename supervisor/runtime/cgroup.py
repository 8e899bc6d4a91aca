"""Control groups (v2): one for each incarnation. Nothing leaves it, and all in it dies at one word.

Whoever writes to these files may have to wait for the kernel for some milliseconds, so all of it is done
in one thread of its own: see `in_cgroup_thread`.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from supervisor.model.health import ProcessLimits
from supervisor.runtime.proc_table import children_of

MIB: Final = 1 << 20
CONTROLLERS: Final = frozenset({"memory", "pids"})

_T = TypeVar("_T")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_GATHER_ROUNDS: Final = 20
_REMOVE_S: Final = 1.0
_LOOK_S: Final = 0.002

_thread: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cgroup")
"""One, because the kernel lets one mover in at a time, and moves in a row cost a fraction of the first."""


async def in_cgroup_thread(work: Callable[[], _T]) -> _T:
    """Do what touches control groups away from the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_thread, work)


def begin_in_cgroup_thread(work: Callable[[], _T]) -> asyncio.Future[_T]:
    """Begin what touches control groups, for whoever asks for it later."""
    return asyncio.get_running_loop().run_in_executor(_thread, work)


def own_cgroup(mountinfo: str | None = None, membership: str | None = None) -> Path | None:
    """Return the directory of this process's own control group; None where there is no v2 hierarchy.

    The mount is looked for, since machines that still use v1 beside it have v2 elsewhere.
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8") if mountinfo is None else mountinfo
        groups = Path("/proc/self/cgroup").read_text("utf-8") if membership is None else membership
    except OSError:
        return None
    found = _mount_of_v2(mounts)
    inside = next((line[3:] for line in groups.splitlines() if line.startswith("0::")), None)
    if found is None or inside is None or "/.." in inside:
        return None
    point, root = found
    if root != "/":
        inside = inside.removeprefix(root)
    return point / inside.strip("/")


def _mount_of_v2(mountinfo: str) -> tuple[Path, str] | None:
    """Find where v2 is mounted, and which part of it is seen there."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if after.split(" ", 1)[0] == "cgroup2" and len(fields) > 4:
            return Path(_unescaped(fields[4])), _unescaped(fields[3])
    return None


def _unescaped(path: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), path)


class Cgroup:
    """The control group of one incarnation. Its methods block: see `in_cgroup_thread`."""

    def __init__(self, path: Path, *, controllers: frozenset[str] = frozenset()) -> None:
        """Name the group; nothing is made before `admit`."""
        self.path: Final = path
        self._controllers: Final = controllers
        self.is_made = False

    def admit(self, pid: int, limits: ProcessLimits) -> None:
        """Make the group, set its limits, and move the process in, with whomever it has begun meanwhile.

        A process that has ended by then is no problem; raises OSError when the machine does not let us.
        """
        self.path.mkdir(exist_ok=True)
        self.is_made = True
        self._limit(limits)
        for _ in range(_GATHER_ROUNDS):
            outside = [each for each in (pid, *_descendants(pid)) if not self.has(each)]
            if not sum(self._move(each) for each in outside):
                return

    def has(self, pid: int) -> bool:
        """Say whether a process is in this group or in one below it, by its own word: pids are used again."""
        try:
            membership = Path(f"/proc/{pid}/cgroup").read_text("utf-8")
        except OSError:
            return False
        own = next((line[3:] for line in membership.splitlines() if line.startswith("0::")), "")
        name = f"/{self.path.parent.name}/{self.path.name}"
        return own.endswith(name) or f"{name}/" in own

    def pids(self) -> tuple[int, ...]:
        """List who is in it, and in the groups that were made below it."""
        found: list[int] = []
        for directory in self._directories():
            with suppress(OSError):
                found += map(int, (directory / "cgroup.procs").read_text("ascii").split())
        return tuple(found)

    def kill(self) -> None:
        """Kill all who are in it, at one word."""
        with suppress(FileNotFoundError):
            _write(self.path / "cgroup.kill", "1")

    def freeze(self, *, still: bool) -> None:
        """Freeze all who are in it, or let them go on."""
        with suppress(FileNotFoundError):
            _write(self.path / "cgroup.freeze", str(int(still)))

    @property
    def is_frozen(self) -> bool:
        """Say whether all who are in it stand still; it takes the kernel a moment after `freeze`."""
        return _fields_of(self.path / "cgroup.events").get("frozen", 1) == 1

    @property
    def is_empty(self) -> bool:
        """Say whether nobody lives in it."""
        return _fields_of(self.path / "cgroup.events").get("populated", 0) == 0

    def oom_kills(self) -> int:
        """Return how many of its processes the kernel killed for want of memory; 0 when it does not count."""
        return _fields_of(self.path / "memory.events").get("oom_kill", 0)

    def remove(self, survivors: Collection[int] = ()) -> bool:
        """Let the survivors go to where we are ourselves, and remove the empty group; False if it stays."""
        for pid in survivors:
            with suppress(OSError):
                _write(self.path.parent.parent / "cgroup.procs", str(pid))
        give_up_at = time.monotonic() + _REMOVE_S
        while True:
            try:
                for directory in reversed(self._directories()):
                    directory.rmdir()
            except FileNotFoundError:
                return True
            except OSError:
                if time.monotonic() >= give_up_at or not self.is_empty:
                    return False
                time.sleep(_LOOK_S)  # the last one is dead, but the kernel has not let go of it yet
            else:
                return True

    def _limit(self, limits: ProcessLimits) -> None:
        memory = {"memory.max": limits.mem_max_mib, "memory.high": limits.mem_high_mib}
        values = {name: mib * MIB for name, mib in memory.items() if mib is not None}
        if limits.mem_max_mib is not None:
            values["memory.oom.group"] = 1  # the tree ends whole, not by the one process that asked last
        if limits.pids is not None:
            values["pids.max"] = limits.pids
        for name, value in values.items():
            if name.partition(".")[0] in self._controllers:
                _write(self.path / name, str(value))

    def _move(self, pid: int) -> bool:
        try:
            _write(self.path / "cgroup.procs", str(pid))
        except ProcessLookupError:
            return False
        return True

    def _directories(self) -> list[Path]:
        """List the group and those below it, each before its own."""
        return [Path(directory) for directory, _, _ in os.walk(self.path)]


class SessionCgroup:
    """The control group of one engine's life, with those of its incarnations in it."""

    def __init__(self, base: Path, session: str) -> None:
        """Name the group below `base`; nothing is made before `open`."""
        self.path: Final = base / f"supervisor-{session}"
        self.controllers: frozenset[str] = frozenset()

    def open(self, *, wanted: frozenset[str] = frozenset()) -> None:
        """Make the group, with those of the `wanted` controllers that are to be had.

        Raises OSError when groups cannot be made here.
        """
        self.path.mkdir(exist_ok=True)
        for controller in sorted(wanted):
            with suppress(OSError):
                _enable(self.path.parent, controller)
                _enable(self.path, controller)
                self.controllers |= {controller}

    def of(self, agent: str) -> Cgroup:
        """Name the group of one incarnation."""
        return Cgroup(self.path / f"agent-{agent}", controllers=self.controllers)

    def close(self) -> bool:
        """Kill whoever is left in it, and remove it; False if it stays."""
        group = Cgroup(self.path)
        if not self.path.exists():
            return True
        with suppress(OSError):
            group.kill()
        give_up_at = time.monotonic() + _REMOVE_S
        while not group.is_empty and time.monotonic() < give_up_at:
            time.sleep(_LOOK_S)
        return group.remove()


def end_session_cgroup(session: str) -> bool:
    """Kill and remove what an engine that died left in its control group; False if something stays."""
    base = own_cgroup()
    return base is None or SessionCgroup(base, session).close()


def _enable(directory: Path, controller: str) -> None:
    """Have the groups below `directory` count by this controller.

    A group may not do so while it holds processes. If we are the only one we move down, out of the way.
    """
    control = directory / "cgroup.subtree_control"
    if controller in control.read_text("ascii").split():
        return
    try:
        _write(control, f"+{controller}")
    except OSError:
        if (directory / "cgroup.procs").read_text("ascii").split() != [str(os.getpid())]:
            raise
        leaf = directory / "supervisor-engine"
        leaf.mkdir(exist_ok=True)
        _write(leaf / "cgroup.procs", str(os.getpid()))
        _write(control, f"+{controller}")


def _descendants(pid: int) -> list[int]:
    """List the living descendants of a process."""
    found = children_of(pid)
    for child in found:
        found += children_of(child)
    return found


def _fields_of(path: Path) -> dict[str, int]:
    """Read a file of lines `name number`; empty when it does not exist."""
    try:
        lines = path.read_text("ascii").splitlines()
    except OSError:
        return {}
    pairs = (line.split(" ") for line in lines)
    return {name: int(value) for name, value in pairs}


def _write(path: Path, text: str) -> None:
    """Write to a control file: in one call, and never making one."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
