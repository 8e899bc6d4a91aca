"""Changes of the terminal's size, thinned out: a window that is dragged changes a thousand times a second."""

from __future__ import annotations

from typing import Final

from textual.events import Resize

GAP_S: Final = 0.1
"""Ten layouts a second: each costs some 20 ms, and in between keys must get through."""


class SizeOrder:
    """Lets the first change through, then one in a tenth of a second; the newest is never lost."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._next_at = 0.0
        self._held: Resize | None = None

    def take(self, event: Resize, now: float) -> float | None:
        """Return None if the change may pass now; else hold it, and say after how many seconds to look again.

        While one is held already a newer one takes its place, and there is no need to look twice: 0.
        """
        if self._held is None and now >= self._next_at:
            self._next_at = now + GAP_S
            return None
        wait_s = 0.0 if self._held is not None else self._next_at - now
        self._held = event
        return wait_s

    def release(self, now: float) -> Resize | None:
        """Return the newest change that was held."""
        event, self._held = self._held, None
        self._next_at = now + GAP_S
        return event
