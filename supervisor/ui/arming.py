"""When a decision key counts: only for a card that was on screen, unchanged, through a moment of quiet."""

from __future__ import annotations

from typing import Final

QUIET_S: Final = 0.4


class Arming:
    """Watch cards and key presses; decide at each press whether it may answer the card.

    A person who types into something else when a card appears does not pause for `QUIET_S`, so
    what they type never decides. All times are monotonic seconds.
    """

    def __init__(self, quiet_s: float = QUIET_S) -> None:
        """Begin without a card."""
        self._quiet_s = quiet_s
        self._card: object = None
        self._quiet_since = float("inf")
        self._press_counts = False

    def show(self, card: object, at: float) -> None:
        """Note what is on screen now; anything different from before starts the wait anew."""
        if card != self._card:
            self._card = card
            self._quiet_since = at
            self._press_counts = False

    def hide(self) -> None:
        """Note that no card is on screen."""
        self._card = None
        self._press_counts = False

    def disturb(self, at: float) -> None:
        """Note something that may have brought the person here, such as the terminal getting focus."""
        self._quiet_since = max(self._quiet_since, at) if self._card is not None else at
        self._press_counts = False

    def press(self, at: float) -> None:
        """Note a key press, made at `at`; whether it counts is settled here, before it is handled."""
        self._press_counts = self.is_armed(at)
        self._quiet_since = max(at, self._quiet_since) if self._card is not None else at

    def is_armed(self, at: float) -> bool:
        """Tell whether a key pressed at `at` would count."""
        return self._card is not None and at - self._quiet_since >= self._quiet_s

    @property
    def press_counts(self) -> bool:
        """Tell whether the key press being handled may answer the card."""
        return self._press_counts
