"""One key after the other: a key is handed on once the one before it has had all its effect."""

from __future__ import annotations

from collections import deque
from typing import Final

from textual import events
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

PATIENCE: Final = 50
"""How often to look again for what a key waits for before it is handed on all the same."""
LOOK_AGAIN_S: Final = 0.02
_LAPS: Final = 2
"""The first lap follows the key to the app, the second what the widget posted when it handled the key."""


class Follower(Message, bubble=True):
    """Goes the way of a key, right behind it: when it reaches the app, the key has been handled."""

    def __init__(self, key: events.Event, lap: int) -> None:
        """Follow that key."""
        super().__init__()
        self.key = key
        self.lap = lap


class KeyOrder:
    """Hold back the keys that come while one is being handled or while what takes them is opening.

    The toolkit handles a key in the queues of the focused widget and of all around it. A key that
    comes meanwhile (pasted, or over a slow line) would still go to what the first one has just left.
    """

    def __init__(self) -> None:
        """Begin with no key."""
        self._held: deque[events.Event] = deque()
        self._under_way: events.Event | None = None
        self._target: Widget | None = None
        self._screen: Screen[object] | None = None
        self._looks = 0

    @property
    def is_holding(self) -> bool:
        """Tell whether any key still has to be handed on."""
        return bool(self._held)

    def hold(self, event: events.Event) -> None:
        """Put a key at the end of the row."""
        self._held.append(event)

    def next(self, screen: Screen[object], *, is_open: bool) -> events.Event | None:
        """Return the key to hand to this screen now, if it is one's turn; then it is under way."""
        is_free = self._under_way is None or self._screen is not screen
        if not self._held or not ((is_free and is_open) or self._looks >= PATIENCE):
            return None
        self._looks = 0
        self._under_way, self._screen = self._held.popleft(), screen
        self._target = screen.focused or screen
        return self._under_way

    def look(self) -> None:
        """Note that the keys held still wait."""
        self._looks += 1

    def follow(self, *, lap: int = 1) -> None:
        """Send a follower behind the key under way."""
        if self._under_way is not None and self._target is not None:
            is_sent = self._target.post_message(Follower(self._under_way, lap))
            self._under_way = self._under_way if is_sent else None

    def returned(self, follower: Follower) -> None:
        """Send the follower round once more, or note that its key is done with."""
        if follower.key is self._under_way:
            if follower.lap < _LAPS:
                self.follow(lap=follower.lap + 1)
            else:
                self._under_way = None

    def is_meant_for(self, event: events.Event, screen: Screen[object]) -> bool:
        """Tell whether a key that comes back from the widgets was handed to the screen that is there now."""
        return event is self._under_way and screen is self._screen
