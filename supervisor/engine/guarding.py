"""A guardian beside the engine for as long as the team lives, and another when it dies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from supervisor.clock import Clock
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.persistence import until_taken
from supervisor.model.ids import SUPERVISOR
from supervisor.runtime.guardian import Guardian
from supervisor.runtime.spawn import SpawnFailed

RETRY_S: Final = 0.2

_log = logging.getLogger(__name__)


class Guarding:
    """Should the engine be killed, the guardian ends every process of `session` and what is in `cgroup`."""

    def __init__(
        self, coordinator: Coordinator, clock: Clock, *, session: str, cgroup: Callable[[], Path | None]
    ) -> None:
        """Guard nothing yet; `cgroup` is asked whenever a guardian starts."""
        self._coordinator: Final = coordinator
        self._clock: Final = clock
        self._session: Final = session
        self._cgroup: Final = cgroup

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep a guardian until the end of the context."""
        guardian = await self._start()
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(self._keep(guardian), name="guardian")
            try:
                yield
            finally:
                watch.cancel()

    async def _start(self) -> Guardian:
        return await Guardian.start(self._session, cgroup=self._cgroup())

    async def _keep(self, guardian: Guardian) -> None:
        async with asyncio.TaskGroup() as notes:
            try:
                while True:
                    await asyncio.shield(guardian.exited)
                    _log.warning("the guardian died; starting another")
                    await guardian.close()
                    guardian = await self._next()
                    notes.create_task(self._note_the_new_one())
            finally:
                await guardian.close()

    async def _next(self) -> Guardian:
        while True:
            with suppress(SpawnFailed):
                return await self._start()
            await self._clock.sleep(RETRY_S)

    async def _note_the_new_one(self) -> None:
        def note(scope: Scope) -> None:
            scope.tx.tell("engine.guardian_replaced", "guardian", actor=SUPERVISOR)

        await until_taken(
            lambda: self._coordinator.write(note), self._clock, what="that the guardian was replaced"
        )
