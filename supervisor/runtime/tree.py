"""Who belongs to one agent's tree, by every sign there is: descent, group, session, marker, control group."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from supervisor.model.health import Containment
from supervisor.runtime.census import Census, shared_census
from supervisor.runtime.cgroup import Cgroup, begin_in_cgroup_thread, in_cgroup_thread
from supervisor.runtime.escapees import may_escape, program_of
from supervisor.runtime.launch import Confinement, Launch
from supervisor.runtime.orphans import none_left
from supervisor.runtime.proc_table import ProcRef, ProcStat, read_stat

_FREEZE_S: Final = 1.0
_LOOK_S: Final = 0.002

_log = logging.getLogger(__name__)


class Tree:
    """One agent's tree. It remembers whom it has seen: the descent of an orphan is lost with its parent."""

    def __init__(self, leader: ProcRef, launch: Launch, confinement: Confinement) -> None:
        """Begin with the leader, which is on its way into its control group if it gets one."""
        self.escaped: tuple[str, ...] = ()
        self.level = confinement.level
        self._leader: Final = leader
        self._launch: Final = launch
        self._escapees: Final = confinement.escapees
        self._survivors: tuple[int, ...] = ()
        self._kin: set[ProcRef] = set()
        self._cgroup: Cgroup | None = None
        self._entry: asyncio.Future[None] | None = None
        if confinement.level is Containment.CGROUP and confinement.cgroups is not None:
            self._cgroup = confinement.cgroups.of(launch.agent)
            admit = partial(self._cgroup.admit, leader.pid, confinement.limits)
            self._entry = begin_in_cgroup_thread(admit)
            self._entry.add_done_callback(self._entered)

    @property
    def entry(self) -> asyncio.Future[None] | None:
        """The leader's way into its control group; None if it has none."""
        return self._entry

    @property
    def can_hide(self) -> bool:
        """Whether somebody of the tree could be where no look finds him."""
        return self._cgroup is None and self.level is not Containment.PIDNS

    async def stand(self) -> None:
        """Return when the tree is held as it will be."""
        if self._entry is not None:
            await asyncio.wait({self._entry})

    async def members(self) -> Sequence[ProcStat]:
        """List the living processes of the tree."""
        cgroup = self._cgroup
        held = await in_cgroup_thread(cgroup.pids) if cgroup is not None else ()
        census = await shared_census().take()
        found = {stat.pid: stat for stat in self._in(census)}
        if cgroup is not None:
            strangers = [pid for pid in held if pid not in found]
            found |= {pid: stat for pid in strangers if (stat := _living_in(cgroup, pid)) is not None}
        self._kin.update(stat.ref for stat in found.values())
        return list(found.values())

    async def prey(self) -> Sequence[ProcStat]:
        """List who of the tree must end: all but the programs that may outlive it."""
        if self._is_over():
            return ()
        members = await self.members()
        if not self._escapees:
            return members
        programs = {stat.pid: program_of(stat.pid) for stat in members if stat.ref != self._leader}
        free = {pid: program for pid, program in programs.items() if may_escape(program, self._escapees)}
        self._survivors = tuple(free)
        self.escaped = tuple(f"{program} ({pid})" for pid, program in sorted(free.items()))
        return [stat for stat in members if stat.pid not in free]

    async def freeze(self, *, still: bool) -> frozenset[int]:
        """Freeze whoever is in the control group, or let them go on; return who that is.

        One that sleeps where no signal reaches it cannot be frozen; that is not waited for.
        """
        await self.stand()
        cgroup = self._cgroup
        if cgroup is None:
            return frozenset()
        await in_cgroup_thread(partial(cgroup.freeze, still=still))
        if still:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FREEZE_S):
                    while not cgroup.is_frozen:  # noqa: ASYNC110 - the kernel tells it in a file
                        await asyncio.sleep(_LOOK_S)
        return frozenset(await in_cgroup_thread(cgroup.pids))

    async def kill(self) -> None:
        """Kill whoever is in the control group, unless somebody in it may live on."""
        if self._cgroup is not None and not self._escapees and not self._cgroup.is_empty:
            await in_cgroup_thread(self._cgroup.kill)

    async def close(self) -> None:
        """Remove the control group once nobody of the tree lives but whoever may."""
        if self._cgroup is not None:
            await in_cgroup_thread(partial(self._cgroup.remove, self._survivors))

    def oom_kills(self) -> int:
        """Return how many of its processes the kernel killed for memory, as far as its group counts them."""
        return 0 if self._cgroup is None else self._cgroup.oom_kills()

    def _is_over(self) -> bool:
        """Say, without a look at all processes, that nobody of the tree lives; False if it is not certain."""
        if self._cgroup is not None and not self._cgroup.is_empty:
            return False
        return none_left(self._leader, self._launch.session, self._launch.agent)

    def _in(self, census: Census) -> Sequence[ProcStat]:
        marker = ("", "") if self.level is Containment.GROUP else (self._launch.session, self._launch.agent)
        return census.tree(self._leader, *marker, kin=self._kin)

    def _entered(self, entry: asyncio.Future[None]) -> None:
        problem = None if entry.cancelled() else entry.exception()
        if problem is not None:
            words = "%s is held by its group and marker: its control group could not be made: %s"
            _log.error(words, self._launch.agent, problem)
            self._cgroup, self.level = None, Containment.GROUP_MARKER


def _living_in(cgroup: Cgroup, pid: int) -> ProcStat | None:
    """Look at a process that a control group named, and ask it again: the pid may mean another by now."""
    stat = read_stat(pid)
    if stat is None or not stat.alive or stat.group == os.getpgrp() or not cgroup.has(pid):
        return None
    return stat
