"""What lets a pool's agents start: its branch opens and shuts it."""

from __future__ import annotations

import asyncio


class Gate:
    """Shut at first, until the turn of the pool has come."""

    def __init__(self) -> None:
        """Begin shut."""
        self.why = "waits for its turn"
        self._open = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Tell whether a start may go on."""
        return self._open.is_set()

    def open(self) -> None:
        """Let everybody through who waits, and who comes."""
        self._open.set()

    def shut(self, why: str) -> None:
        """Let nobody through from now on; `why` is what the waiting are told."""
        self.why = why
        self._open.clear()

    async def opened(self) -> None:
        """Return once it is open."""
        await self._open.wait()
