"""What one incarnation was told of the work it holds, so that nobody asks it for ever."""

from __future__ import annotations

from collections import Counter
from typing import Final

from supervisor.coordinator.turns import Asked, Begun, Then, mark_of
from supervisor.model.turn import TurnKind

GOES_MAX: Final = 5
"""How often one holding of a task is gone on with after an interruption, before its agent is asked."""


class Marks:
    """Remembers by holding: who was asked for a report, and who goes on after an interruption."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self._reported: Final[set[str]] = set()
        self._again: Final[set[str]] = set()
        self._declined: Final[set[str]] = set()
        self._goes: Final[Counter[str]] = Counter()

    @property
    def asked(self) -> Asked:
        """Return what was asked so far."""
        return Asked(
            reported=frozenset(self._reported),
            again=frozenset(self._again),
            declined=frozenset(self._declined),
        )

    @property
    def goes_on(self) -> bool:
        """Tell whether something is to be gone on with."""
        return bool(self._again)

    def note(self, begun: Begun, then: Then) -> None:
        """Take note of a turn's end."""
        if begun.claim is None:
            return
        mark = mark_of(begun.claim.task)
        self._again.discard(mark)
        if then is Then.GO_ON and self._goes[mark] < GOES_MAX:
            self._goes[mark] += 1
            self._again.add(mark)
        elif begun.turn.kind is TurnKind.REPORT:
            self._reported.add(mark)
            self._declined.add(mark)
