"""What the driver of a terminal makes of its screen: which lines matched, and which of that is news."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_FRAME: Final = " \t>\u276f\u203a│|┃*•⏺"
_ABOVE: Final = 30
_BELOW: Final = 12
_IN_TITLE: Final = 3
_TITLE_MAX: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A line that matched: its number since the begin of the terminal, and its text."""

    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the screen: its lines, the number of the first, and what matched, the lowest first."""

    lines: tuple[str, ...]
    first: int
    hits: Mapping[str, tuple[Hit, ...]]

    def of(self, name: str) -> tuple[Hit, ...]:
        """Return what matched an expression."""
        return self.hits.get(name, ())

    def around(self, hit: Hit) -> tuple[str, ...]:
        """Return the lines that a person would have to read with one.

        Those above are taken across blank ones: else a blank line in a command would hide what is above it.
        """
        at = hit.number - self.first
        end = at + 1
        while end < len(self.lines) and end - at < _BELOW and self.lines[end].strip():
            end += 1
        top = max(at - _ABOVE, 0)
        while top < at and not self.lines[top].strip():
            top += 1
        return self.lines[top:end]

    def title(self, hit: Hit) -> str:
        """Return the last words before one, in a line."""
        above = [line.strip() for line in self.lines[: hit.number - self.first + 1] if line.strip()]
        return " · ".join(above[-_IN_TITLE:])[:_TITLE_MAX]


def look_at(lines: Sequence[str], first: int, found: Mapping[str, tuple[int, ...]]) -> Look:
    """Put together what was found on a screen."""
    hits = {
        name: tuple(Hit(number=first + at, text=lines[at]) for at in numbers if at < len(lines))
        for name, numbers in found.items()
    }
    return Look(lines=tuple(lines), first=first, hits=hits)


class News:
    """Tells which hits are of this turn, and no leftovers of the last one or echoes of the prompt."""

    def __init__(self) -> None:
        """Begin before any turn."""
        self._stale: frozenset[Hit] = frozenset()
        self._prompt = ""

    def begin(self, prompt: str, standing: Sequence[Hit]) -> None:
        """Begin a turn, at which these hits stood on the screen already."""
        self._prompt = " ".join(prompt.split())
        self._stale = frozenset(standing)

    def forget_old(self) -> None:
        """Take every hit for news: the agent was seen working since."""
        self._stale = frozenset()

    def of(self, hits: Sequence[Hit]) -> list[Hit]:
        """Return the hits that are news; what has left the screen once is news when it comes again."""
        self._stale &= frozenset(hits)
        return [hit for hit in hits if hit not in self._stale and not self._is_echo(hit.text)]

    def _is_echo(self, text: str) -> bool:
        words = " ".join(text.strip(_FRAME).split())
        return bool(words) and words in self._prompt
