"""Killing what is left, by identity and until nothing is: never by a bare pid, never only once."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from supervisor.runtime.census import Census, shared_census
from supervisor.runtime.exits import HAS_PIDFD
from supervisor.runtime.proc_table import ProcRef, ProcStat, read_stat
from supervisor.runtime.subreaper import bury

__all__ = [
    "ProcRef",
    "TreeEnd",
    "kill_refs",
    "marked",
    "signal_refs",
    "sweep",
    "sweep_all",
    "sweep_session",
    "sweep_strays",
]

_CLEAN_PASSES: Final = 2
_SETTLE_S: Final = 0.1
_DEATH_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEnd:
    """Whether a tree is verified empty, and if not, the pids that would not die.

    `escaped` names the programs that live on by permission, each with its pid.
    """

    empty: bool
    leftovers: tuple[int, ...] = ()
    escaped: tuple[str, ...] = ()


def marked(session: str, agent: str | None = None) -> list[ProcRef]:
    """List the living processes that carry the marker, and their descendants; reads all of /proc."""
    return [stat.ref for stat in Census.take().marked(session, agent)]


async def sweep_session(session: str, *, timeout_s: float = 5.0) -> TreeEnd:
    """Kill everything that carries the marker of `session`, for instance of an engine that died."""
    return await sweep(lambda census: census.marked(session), timeout_s=timeout_s)


async def sweep_strays(*, timeout_s: float = 5.0) -> TreeEnd:
    """Kill every orphan that came to us, marked or not; for the end, when no agent of ours is left."""
    return await sweep(Census.strays, timeout_s=timeout_s)


async def sweep(members: Callable[[Census], Sequence[ProcStat]], *, timeout_s: float) -> TreeEnd:
    """Kill `members` of every new census until two censuses in a row find none."""

    async def look() -> Sequence[ProcStat]:
        return members(await shared_census().take())

    return await sweep_all(look, timeout_s=timeout_s)


async def sweep_all(
    look: Callable[[], Awaitable[Sequence[ProcStat]]],
    *,
    timeout_s: float,
    group: int | None = None,
    can_hide: bool = True,
) -> TreeEnd:
    """Kill whomever `look` finds until two looks in a row find nobody.

    Whoever was found outside `group` may have been about to hide in a fork or an exec, so then a third
    look follows after a pause, unless the kernel holds the tree so that nobody can. When the time is
    over, the leftovers are named.
    """
    found: Sequence[ProcStat] = ()
    clean = 0
    needs_third_look = False
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while clean < _CLEAN_PASSES + needs_third_look:
                if clean == _CLEAN_PASSES:
                    await asyncio.sleep(_SETTLE_S)
                found = await look()
                clean = 0 if found else clean + 1
                needs_third_look |= can_hide and any(stat.group != group for stat in found)
                await kill_refs(stat.ref for stat in found)
            return TreeEnd(empty=True)
    if clean >= _CLEAN_PASSES:
        return TreeEnd(empty=True)
    return TreeEnd(empty=False, leftovers=tuple(sorted(stat.pid for stat in found)))


async def kill_refs(refs: Iterable[ProcRef], *, wait_s: float = _DEATH_S) -> None:
    """Kill each process if it is still the same one, wait a moment for the deaths, bury our orphans."""
    handles = {ref.pid: handle for ref in refs if (handle := _send(ref, signal.SIGKILL)) is not None}
    if not handles:
        return
    try:
        await _until_dead([handle for handle in handles.values() if handle >= 0], wait_s)
        for pid in handles:
            bury(pid)
    finally:
        for handle in handles.values():
            if handle >= 0:
                os.close(handle)


def signal_refs(refs: Iterable[ProcRef], signum: int) -> None:
    """Send a signal to each process that is still the same one."""
    for ref in refs:
        handle = _send(ref, signum)
        if handle is not None and handle >= 0:
            os.close(handle)


def _send(ref: ProcRef, signum: int) -> int | None:
    """Signal one process through a handle that cannot come to mean another; return the handle.

    None when it is gone or not ours to signal; -1 where the system has no such handles.
    """
    if not HAS_PIDFD:
        return _send_by_pid(ref, signum)
    try:
        handle = os.pidfd_open(ref.pid)
    except ProcessLookupError:
        return None
    except (
        OSError,
        NotImplementedError,
    ):  # forbidden by seccomp, or no descriptor is left: killing must go on
        return _send_by_pid(ref, signum)
    stat = read_stat(ref.pid)
    if stat is not None and stat.ref == ref:
        with suppress(OSError):
            signal.pidfd_send_signal(handle, signum)
            return handle
    os.close(handle)
    return None


def _send_by_pid(ref: ProcRef, signum: int) -> int | None:
    stat = read_stat(ref.pid)
    if stat is None or stat.ref != ref:
        return None
    with suppress(OSError):
        os.kill(ref.pid, signum)
        return -1
    return None


async def _until_dead(handles: Sequence[int], wait_s: float) -> None:
    """Return when every handle tells of a death, or after `wait_s`."""
    deaths = select.poll()
    for handle in handles:
        deaths.register(handle, select.POLLIN)
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + wait_s
    pause = 0.001
    while len(deaths.poll(0)) < len(handles) and loop.time() < give_up_at:
        await asyncio.sleep(pause)
        pause = min(pause * 2, 0.01)
