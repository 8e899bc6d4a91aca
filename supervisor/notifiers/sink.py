"""What a way out must do: take one letter and say that it arrived, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from supervisor.notifiers.letter import Letter


class NotSent(Exception):
    """A letter did not leave. `again` tells whether trying again can help, `after_s` when at the earliest.

    `words` are for people and hold nothing secret.
    """

    def __init__(self, words: str, *, again: bool, after_s: float | None = None) -> None:
        """Keep why, and what may be done."""
        self.words = words
        self.again = again
        self.after_s = after_s
        super().__init__(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where notices come from, as receivers are told: the team and the name of its project's directory."""

    team: str
    project: str


class Sink(Protocol):
    """One way out."""

    async def send(self, letter: Letter) -> str:
        """Deliver the letter and say how in a few words; raise NotSent."""
        ...
