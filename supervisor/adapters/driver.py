"""One conversation with one incarnation: bytes in, events out, and the few things one can ask of it.

A driver does no I/O and owns no clock and no task: who owns the process hands it bytes and carries out
what it sends. So every driver can be tried byte by byte, and none can block or leak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from supervisor.adapters.events import AgentEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one can ask of this kind of agent; what is False is shown as such and never pretended.

    `turns`: it takes prompts. `inject`: it takes words during a turn, at the next tool boundary.
    `next_turn`: words sent during a turn become a turn of their own. `fresh_session`: one process can begin a
    new conversation; else it is started anew. `resume`: a conversation survives its process. `rewrite`:
    an allowed act may be changed. `usage`, `cost`, `context`: it says what it uses.
    """

    turns: bool = False
    inject: bool = False
    next_turn: bool = False
    interrupt: bool = False
    fresh_session: bool = False
    resume: bool = False
    permissions: bool = False
    rewrite: bool = False
    questions: bool = False
    usage: bool = False
    cost: bool = False
    context: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said to a permission or question. `option` names one of those offered; without it, once.

    `payload` is what to do instead, for a rewritable request; `words` go to the agent: why not, or the
    answer to its question.
    """

    allow: bool
    option: str | None = None
    words: str = ""
    payload: dict[str, Any] | None = None


class Line(Protocol):
    """How a driver reaches the world."""

    def send(self, data: bytes) -> bool:
        """Write to the agent's stdin or terminal without waiting; False if it cannot take it any more."""
        ...

    def tell(self, event: AgentEvent) -> None:
        """Hand on what the agent did; in the order in which it did it."""
        ...


@runtime_checkable
class TimedLine(Line, Protocol):
    """A line with a clock and an eye, for drivers that have to guess when something is over.

    The engine's line is one. A driver whose agent says all by itself asks for no more than a Line.
    """

    def later(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call in so many seconds, unless the conversation is over by then; return what calls it off."""
        ...

    def look_for(
        self,
        patterns: Mapping[str, str],
        lines: Sequence[str],
        found: Callable[[dict[str, tuple[int, ...]]], None],
    ) -> None:
        """Say later which lines match, by name of expression, the lowest first; the last question counts.

        However long an expression takes on foreign text, nobody waits for it.
        """
        ...


class Driver(Protocol):
    """A conversation with one incarnation. No method raises on anything that the agent sent.

    Every prompt is answered by exactly one TurnEnd, every ToolStart by one ToolEnd, every Permission and
    Question by an answer or one RequestGone: `close` sees to what is open.
    """

    def open(self) -> None:
        """Say what is said first, right after the process was started."""
        ...

    def hear(self, data: bytes) -> None:
        """Take in what the agent wrote, cut anywhere."""
        ...

    def close(self) -> None:
        """Take in that the process has ended and all its output was heard; nothing is sent any more."""
        ...

    def prompt(self, text: str, *, fresh: bool = False) -> None:
        """Begin a turn; with `fresh` in a new conversation (only with that capability).

        Raises WrongState while a turn runs. May be called before `Started`: it is sent when that is there.
        """
        ...

    def inject(self, text: str) -> bool:
        """Say something during a turn; False if there is no turn or the agent cannot take it."""
        ...

    def interrupt(self) -> bool:
        """Have the turn end soon; its TurnEnd says `interrupted`. False if none runs, or it cannot."""
        ...

    def answer(self, request: str, answer: Answer) -> bool:
        """Answer an open request of this incarnation; False, and nothing is sent, if it is not open."""
        ...
