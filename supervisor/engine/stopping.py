"""Why an engine stops, and how hard: the first reason drains, a second signal does not wait."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from supervisor.errors import DeadlineExceeded, EngineGaveUp, StoreError


class Cause(Enum):
    """What made the engine stop."""

    DONE = "the run is over"
    DOWN = "a person stopped it"
    SIGNAL = "a signal"
    DEADLINE = "the deadline passed"
    GAVE_UP = "every agent that could work has failed"
    LOST = "the database was lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReason:
    """Why it stops; `exit_code` is the process's: 128 + n after signal n.

    `leaves_processes`: some would not end, and the next engine must look for them.
    """

    cause: Cause
    exit_code: int
    words: str
    leaves_processes: bool = False


def done(*, failed: bool, words: str) -> StopReason:
    """Stop because the work is over."""
    return StopReason(cause=Cause.DONE, exit_code=int(failed), words=words)


def gave_up(words: str) -> StopReason:
    """Stop because nobody is left to do the work."""
    return StopReason(cause=Cause.GAVE_UP, exit_code=EngineGaveUp.exit_code, words=words)


def deadline_passed(seconds: float) -> StopReason:
    """Stop because the run took too long."""
    words = f"the deadline of {seconds:g} s passed"
    return StopReason(cause=Cause.DEADLINE, exit_code=DeadlineExceeded.exit_code, words=words)


def database_lost(words: str) -> StopReason:
    """Stop because nothing can be written any more and nobody is there to mend it."""
    return StopReason(cause=Cause.LOST, exit_code=StoreError.exit_code, words=words)


def left_behind(reason: StopReason, stuck: Sequence[str]) -> StopReason:
    """Say that a stop left processes which nothing can end, whatever it was for."""
    words = f"{reason.words}; processes of {', '.join(stuck)} could not be ended"
    return replace(reason, exit_code=EngineGaveUp.exit_code, words=words, leaves_processes=True)


def asked_down() -> StopReason:
    """Stop because a person said so."""
    return StopReason(cause=Cause.DOWN, exit_code=0, words="stopped by `supervisor down`")


class StopSwitch:
    """The one place that says stop; the first reason stays, `now` may be added at any time."""

    def __init__(self) -> None:
        """Begin unstopped."""
        self.reason: StopReason | None = None
        self._asked = asyncio.Event()
        self._now = asyncio.Event()

    def ask(self, reason: StopReason, *, now: bool = False) -> None:
        """Ask for a stop; with `now` nothing is waited for any more."""
        if self.reason is None:
            self.reason = reason
        self._asked.set()
        if now:
            self._now.set()

    async def asked(self) -> StopReason:
        """Return the first reason once there is one."""
        await self._asked.wait()
        if self.reason is None:
            raise RuntimeError("a stop without a reason")
        return self.reason

    async def hurried(self) -> None:
        """Return once somebody will not wait."""
        await self._now.wait()

    def signalled(self, number: signal.Signals) -> None:
        """Stop for a signal; the second one stops at once."""
        reason = StopReason(cause=Cause.SIGNAL, exit_code=128 + number, words=f"stopped by {number.name}")
        self.ask(reason, now=self.reason is not None)
