"""Drained agents end as soon as they hold nothing: the coordinator's news, told to supervision."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.errors import StoreError
from supervisor.model.agent import AgentState
from supervisor.model.event import Event
from supervisor.supervision.supervisor import Supervisor

MOVING: Final = frozenset({"task", "agent", "turn"})
"""Nouns whose events can set a draining agent free."""

_log = logging.getLogger(__name__)


class Drains:
    """Listens to commits while agents drain; costs nothing while none does."""

    def __init__(self, coordinator: Coordinator, supervisor: Supervisor) -> None:
        """Join the two; nothing is listened to before `keep`."""
        self._coordinator = coordinator
        self._supervisor = supervisor
        self._moved = asyncio.Event()

    async def keep(self) -> None:
        """Look after each change that may matter, until cancelled."""
        self._coordinator.store.listen(self._committed)
        while True:
            await self._moved.wait()
            self._moved.clear()
            with suppress(StoreError):
                await self.look()

    async def look(self) -> None:
        """Tell supervision of each draining agent that holds nothing any more."""
        draining = self._draining()
        if draining:
            for name in await self._coordinator.read(lambda scope: _free(scope, draining)):
                _log.info("%s is drained", name)
                self._supervisor.drained(name)

    def _draining(self) -> tuple[str, ...]:
        supervisor = self._supervisor
        return tuple(name for name in supervisor.agents if supervisor.state_of(name) is AgentState.DRAINING)

    def _committed(self, events: list[Event]) -> None:
        if any(event.noun in MOVING for event in events):
            self._moved.set()


def _free(scope: Scope, draining: tuple[str, ...]) -> list[str]:
    """List who holds no task, reviews none and has no turn."""
    free = []
    for name in draining:
        ((held, reviewed, _, in_turn),) = scope.tx.all("agent.doing", agent=name, run=scope.run)
        if held is None and reviewed is None and not in_turn:
            free.append(name)
    return free
