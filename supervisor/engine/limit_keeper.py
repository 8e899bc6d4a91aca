"""Agents that use more than they may: ended, or told of, where the kernel itself does not hold them to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, Protocol

from supervisor.clock import Clock
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.confinements import Confinements
from supervisor.engine.persistence import until_taken
from supervisor.engine.vitals import Vital, Vitals
from supervisor.errors import NotFound
from supervisor.model.agent import ExitClass
from supervisor.model.health import ProcessLimits
from supervisor.model.ids import SUPERVISOR
from supervisor.model.team import PoolSpec
from supervisor.runtime.limit_watch import ENDS, Breach, Used, breaches
from supervisor.supervision.notices import Condemned

EXCEEDED: Final = "limit.exceeded"

_log = logging.getLogger(__name__)


class Judge(Protocol):
    """Who ends an incarnation for a cause."""

    def condemn(self, agent: str, condemned: Condemned) -> None:
        """Have an incarnation ended for a cause."""
        ...


class LimitKeeper:
    """Hears of every second's samples. Of a soft limit is told once in an incarnation's life."""

    def __init__(
        self,
        coordinator: Coordinator,
        clock: Clock,
        *,
        judge: Judge,
        vitals: Vitals,
        confinements: Confinements,
        incarnation_of: Callable[[str], int | None],
    ) -> None:
        """Listen to the samples from now on."""
        self._coordinator: Final = coordinator
        self._clock: Final = clock
        self._judge: Final = judge
        self._confinements: Final = confinements
        self._incarnation_of: Final = incarnation_of
        self._settled: dict[tuple[str, int], Breach] = {}
        self._untold: Final[asyncio.Queue[Breach]] = asyncio.Queue()
        vitals.listen(self.look)

    async def keep(self) -> None:
        """Write down what was found, until cancelled."""
        while True:
            breach = await self._untold.get()
            await until_taken(
                lambda told=breach: self._coordinator.write(lambda scope: _tell(scope, told)),  # type: ignore[misc]
                self._clock,
                what=f"that {breach.agent} exceeds its limits",
            )

    def look(self, vitals: Mapping[str, Vital]) -> None:
        """Judge one second's samples: end who must end, and have the rest told."""
        uses = {
            agent: Used(memory_bytes=vital.memory_bytes, processes=vital.use.processes)
            for agent, vital in vitals.items()
        }
        limits = {agent: self._watched(self._coordinator.team.pool_of(agent)) for agent in uses}
        living = {agent: number for agent in uses if (number := self._incarnation_of(agent)) is not None}
        self._settled = {key: each for key, each in self._settled.items() if living.get(key[0]) == key[1]}
        for breach in breaches(uses, limits):
            number = living.get(breach.agent)
            if number is not None:
                self._settle(breach, number)

    def _settle(self, breach: Breach, number: int) -> None:
        known = self._settled.get((breach.agent, number))
        if known is not None and (known.limit in ENDS or known.limit is breach.limit):
            return
        self._settled[breach.agent, number] = breach
        if breach.limit not in ENDS:
            self._untold.put_nowait(breach)
            return
        _log.warning("%s is ended: %s", breach.agent, breach.words)
        try:
            self._judge.condemn(
                breach.agent, Condemned(incarnation=number, cause=ExitClass.OOM, detail=breach.words)
            )
        except NotFound:
            return  # it has just left the team

    def _watched(self, pool: PoolSpec) -> ProcessLimits:
        """Return the limits that are ours to watch: without those that the kernel holds it to."""
        limits = pool.limits
        if self._confinements.is_counted_by_kernel(pool, "memory"):
            limits = replace(limits, mem_max_mib=None)
        if self._confinements.is_counted_by_kernel(pool, "pids"):
            limits = replace(limits, pids=None)
        return limits


def _tell(scope: Scope, breach: Breach) -> None:
    scope.tx.tell(
        EXCEEDED,
        breach.agent,
        actor=SUPERVISOR,
        reason=breach.words,
        limit=breach.limit.value,
        used=breach.used,
        allowed=breach.allowed,
    )
