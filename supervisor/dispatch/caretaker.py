"""The caretaker: keeps leases and deadlines, and notices that a run's work is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from supervisor.clock import Clock
from supervisor.coordinator import runs, upkeep
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.runs import Standing
from supervisor.errors import StoreError
from supervisor.model.event import Event

TICK_S: Final = 5.0
MOVING: Final = frozenset({"task", "agent", "vote", "turn"})
"""Nouns whose events can bring a run to its end."""

_log = logging.getLogger(__name__)


class Caretaker:
    """Runs beside a team: `signs_of_life` maps each live agent to its last one, epoch seconds."""

    def __init__(
        self, coordinator: Coordinator, clock: Clock, *, signs_of_life: Callable[[], Mapping[str, float]]
    ) -> None:
        """Listen to the coordinator's commits from now on."""
        self._coordinator = coordinator
        self._clock = clock
        self._signs_of_life = signs_of_life
        self._moved = asyncio.Event()
        self._moved.set()
        coordinator.store.listen(self._committed)

    async def keep(self) -> None:
        """Do what time makes due, every 5 s, until cancelled; a database that is busy is tried again."""
        while True:
            due = partial(upkeep.tick, alive=dict(self._signs_of_life()))
            try:
                await self._coordinator.write(due)
            except StoreError:
                _log.exception("upkeep could not be written; trying again in %s s", TICK_S)
            await self._clock.sleep(TICK_S)

    async def work_over(self) -> Standing:
        """Return once nothing is left to do in the current run; looks again after each change of it."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            with suppress(StoreError):
                standing = await self._coordinator.read(runs.standing)
                if standing.over:
                    return standing

    def _committed(self, events: list[Event]) -> None:
        if any(event.noun in MOVING for event in events):
            self._moved.set()
