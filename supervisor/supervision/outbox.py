"""A slot's changes on their way to the reporter, in order, without holding up the slot."""

from __future__ import annotations

import asyncio
import logging

from supervisor.supervision.ports import Reporter, SlotChange

_log = logging.getLogger(__name__)


class Outbox:
    """Keeps changes in order while the reporter is slow: a full disk must not stop supervision."""

    def __init__(self, reporter: Reporter) -> None:
        """Begin empty."""
        self._reporter = reporter
        self._queue: asyncio.Queue[SlotChange] = asyncio.Queue()

    def put(self, change: SlotChange) -> None:
        """Send a change on its way."""
        self._queue.put_nowait(change)

    @property
    def waiting(self) -> int:
        """Return how many changes are still on their way, but for the one that is being taken."""
        return self._queue.qsize()

    async def delivered(self) -> None:
        """Return when every change put so far was taken by the reporter."""
        await self._queue.join()

    async def run(self) -> None:
        """Hand over changes, one after the other, until cancelled."""
        while True:
            change = await self._queue.get()
            try:
                await self._reporter.slot_changed(change)
            except Exception as error:  # noqa: BLE001 - the reporter's trouble must not stop supervision
                _log.error("could not report that %s is %s", change.agent, change.state, exc_info=error)
            finally:
                self._queue.task_done()
