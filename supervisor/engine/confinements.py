"""What holds each pool's processes together: found out at the engine's start, given to each spawn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from supervisor.errors import EngineStartFailed
from supervisor.model.health import Containment
from supervisor.model.team import PoolSpec, TeamSpec
from supervisor.runtime.cgroup import SessionCgroup, in_cgroup_thread, own_cgroup
from supervisor.runtime.launch import Confinement
from supervisor.runtime.oom_log import OomLog
from supervisor.runtime.probe import ContainmentReport, probe_containment

_log = logging.getLogger(__name__)


class Confinements:
    """The levels that this machine has, the session's control group, and the kernel's log of OOM kills."""

    def __init__(self, team: TeamSpec, session: str) -> None:
        """Know nothing of the machine yet."""
        self._team: Final = team
        self._session: Final = session
        self._auto = Containment.GROUP_MARKER
        self._cgroups: SessionCgroup | None = None
        self._oom_log: OomLog | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Find out what the machine has, for as long as agents live.

        Raises EngineStartFailed if a pool asks for a level that cannot be had: what somebody chose is not
        replaced by less.
        """
        wanted = {pool.containment for pool in self._team.pools}
        report = await asyncio.to_thread(probe_containment, tries_namespaces=Containment.PIDNS in wanted)
        for pool in self._team.pools:
            _check(pool, report)
        self._auto = report.used
        if wanted & {Containment.AUTO, Containment.CGROUP} and report.of(Containment.CGROUP).available:
            self._cgroups = await in_cgroup_thread(self._open_cgroups)
        self._oom_log = OomLog()
        _log.info("agents are held by %s", self._auto.value)
        try:
            yield
        finally:
            self._oom_log.close()
            if self._cgroups is not None and not await in_cgroup_thread(self._cgroups.close):
                _log.warning("the control group %s stays: something in it does not end", self._cgroups.path)

    @property
    def cgroup(self) -> Path | None:
        """Return the session's control group, for whoever must empty it should we die; None without."""
        return None if self._cgroups is None else self._cgroups.path

    def of(self, pool: PoolSpec) -> Confinement:
        """Return what a pool's next process is held by."""
        level = self._auto if pool.containment is Containment.AUTO else pool.containment
        if level is Containment.CGROUP and self._cgroups is None:
            level = Containment.GROUP_MARKER
        return Confinement(
            level=level,
            limits=pool.limits,
            escapees=pool.escapees,
            cgroups=self._cgroups if level is Containment.CGROUP else None,
            is_strict=pool.containment is Containment.CGROUP,
            oom_log=self._oom_log,
        )

    def is_counted_by_kernel(self, pool: PoolSpec, controller: str) -> bool:
        """Say whether the kernel itself holds this pool to its limits of memory or pids."""
        confinement = self.of(pool)
        return confinement.cgroups is not None and controller in confinement.cgroups.controllers

    def _open_cgroups(self) -> SessionCgroup | None:
        """Make the session's group, with the controllers that limits need; None if it fails after all."""
        base = own_cgroup()
        if base is None:
            return None
        limits = [pool.limits for pool in self._team.pools]
        wanted = {
            "memory": any(each.mem_max_mib or each.mem_high_mib for each in limits),
            "pids": any(each.pids for each in limits),
        }
        cgroups = SessionCgroup(base, self._session)
        try:
            cgroups.open(wanted=frozenset(name for name, is_wanted in wanted.items() if is_wanted))
        except OSError as problem:
            _log.warning("no control group can be made below %s: %s", base, problem)
            return None
        return cgroups


def _check(pool: PoolSpec, report: ContainmentReport) -> None:
    if pool.containment is Containment.AUTO:
        return
    found = report.of(pool.containment)
    if not found.available:
        raise EngineStartFailed(
            f"pool {pool.name} asks for containment {found.level.value}, which cannot be had here: "
            f"{found.detail}. Choose another, or `auto`; `supervisor doctor` tells what this machine has."
        )
