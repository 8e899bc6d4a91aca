"""Time that the engine did not live through, and a wall clock that was set: told, and made harmless."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from supervisor.coordinator import shifting
from supervisor.coordinator.coordinator import Coordinator
from supervisor.engine.persistence import until_taken
from supervisor.engine.steady_clock import TICK_S, Gap, SteadyClock
from supervisor.model.event import Event
from supervisor.model.ids import SUPERVISOR

NOTEWORTHY_S: Final = 2.0
"""From how far on it is told that the wall clock was set."""

_log = logging.getLogger(__name__)


class TimeGaps:
    """Settles each gap of the clock with one transaction that moves every stored deadline by it.

    The clock takes a gap in when its transaction is committed, before the next one begins.
    """

    def __init__(self, coordinator: Coordinator, clock: SteadyClock) -> None:
        """Listen to the coordinator's commits from now on."""
        self._coordinator = coordinator
        self._clock = clock
        self._told_ahead_s = 0.0
        coordinator.store.listen(self._committed)

    async def keep(self) -> None:
        """Look each second, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._clock.watch(), name="clock")
            while True:
                await self._clock.sleep(TICK_S)
                await self._settle()
                await self._look_at_wall()

    async def _settle(self) -> None:
        gap = self._clock.unsettled()
        if gap is None:
            return
        _log.warning(
            "the engine did not run for %.1f s (%.1f s of it asleep): all deadlines are moved by that",
            gap.seconds,
            gap.asleep_s,
        )
        await until_taken(
            lambda: self._coordinator.write(
                lambda scope: shifting.pass_over_gap(scope, seconds=gap.seconds, asleep_s=gap.asleep_s)
            ),
            self._clock,
            what="a gap in time",
        )

    def _committed(self, events: list[Event]) -> None:
        for event in events:
            if event.kind == shifting.TIME_GAP:
                gap = Gap(seconds=event.after["seconds"], asleep_s=event.after["asleep_s"])
                self._clock.settle(gap)
                self._coordinator.pass_over(gap.seconds)

    async def _look_at_wall(self) -> None:
        """Tell when the wall clock was set: stored times go on by the old one until the engine's end."""
        ahead_s = self._clock.wall_is_ahead_s()
        moved_s = ahead_s - self._told_ahead_s
        if abs(moved_s) < NOTEWORTHY_S:
            return
        self._told_ahead_s = ahead_s
        words = f"the wall clock was set by {moved_s:+.0f} s; no deadline moves, times go on by the old one"
        _log.warning("%s", words)
        await until_taken(
            lambda: self._coordinator.write(
                lambda scope: scope.tx.tell(
                    "engine.clock_set", "engine", actor=SUPERVISOR, reason=words, by_s=moved_s
                )
            ),
            self._clock,
            what="that the wall clock was set",
        )
