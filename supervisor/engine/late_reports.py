"""Reports of agents that no longer hold what they report on: refused by the coordinator, told here, once."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from supervisor.clock import Clock
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.persistence import until_taken
from supervisor.errors import StaleToken
from supervisor.model.ids import SUPERVISOR

TOLD_MAX: Final = 20
"""How many are told of one incarnation, so that whoever makes tokens up fills no log."""


class LateReports:
    """Writes an event for each new one, beside the call that was refused."""

    def __init__(self, coordinator: Coordinator, clock: Clock) -> None:
        """Hear of the coordinator's refusals from now on."""
        self._coordinator: Final = coordinator
        self._clock: Final = clock
        self._told: Final[dict[str, tuple[int, set[str]]]] = {}
        self._new: Final[asyncio.Queue[tuple[Actor, str, StaleToken]]] = asyncio.Queue()
        coordinator.on_stale = self._refused

    async def keep(self) -> None:
        """Tell them until cancelled."""
        while True:
            actor, tool, error = await self._new.get()
            tell = partial(_tell, actor=actor, tool=tool, error=error)
            await until_taken(partial(self._coordinator.write, tell), self._clock, what="a late report")

    def _refused(self, actor: Actor, tool: str, error: StaleToken) -> None:
        number, told = self._told.get(actor.name, (0, set()))
        if number != actor.incarnation:
            told = set()
            self._told[actor.name] = (actor.incarnation, told)
        if error.message not in told and len(told) < TOLD_MAX:
            told.add(error.message)
            self._new.put_nowait((actor, tool, error))


def _tell(scope: Scope, *, actor: Actor, tool: str, error: StaleToken) -> None:
    scope.tx.tell(
        "late_report.refused",
        actor.name,
        actor=SUPERVISOR,
        reason=f"{actor.name} called {tool} too late: {error.message}",
        tool=tool,
        life=actor.incarnation,
        holder=error.details.get("holder"),
    )
