"""One turn under way: what was heard of it, and why it is being broken off if it is."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Final

from supervisor.adapters.events import (
    AgentEvent,
    LoginNeeded,
    RateLimited,
    Started,
    TurnEnd,
    TurnReason,
    Usage,
)
from supervisor.coordinator.turns import Begun, Ended, Then
from supervisor.dispatch.metering import Meter

FULL: Final = 0.85
"""From this part of its context on an agent is asked to leave a checkpoint."""


class Breaking(StrEnum):
    """Why a turn is broken off: each decides what becomes of its work."""

    TAKEN = "taken away"
    BUDGET = "budget"
    TASK_BUDGET = "budget of its task"
    TURN_BUDGET = "budget of a turn"
    NO_COORDINATOR = "no coordinator"
    OVERSEER = "it stalled"


AT_ONCE: Final = frozenset({Breaking.TAKEN, Breaking.NO_COORDINATOR, Breaking.OVERSEER})
"""For these a tool call that runs is not waited for."""

_AFTER_BREAKING: Final = {
    Breaking.TAKEN: Then.ASK,
    Breaking.BUDGET: Then.GIVE_BACK,
    Breaking.TASK_BUDGET: Then.HELP,
    Breaking.TURN_BUDGET: Then.ASK,
    Breaking.NO_COORDINATOR: Then.GIVE_BACK,
    Breaking.OVERSEER: Then.GO_ON,
}

_AFTER_REASON: Final = {
    TurnReason.DONE: Then.ASK,
    TurnReason.LIMIT: Then.ASK,
    TurnReason.INTERRUPTED: Then.ASK,
    TurnReason.REFUSED: Then.HELP,
    TurnReason.ERROR: Then.FAIL,
    TurnReason.LOST: Then.LEAVE,
}


class Running:
    """A turn that was prompted and has not ended."""

    def __init__(self, begun: Begun, meter: Meter) -> None:
        """Begin with nothing heard."""
        self.begun: Final = begun
        self.meter: Final = meter
        self.news: Final = asyncio.Event()
        self.end: TurnEnd | None = None
        self.breaking: Breaking | None = None
        self.why = ""
        self.limited: RateLimited | None = None
        self.login: LoginNeeded | None = None
        self.is_full = False
        self.interrupted_at: float | None = None
        self.uncounted = False
        self.reported = False
        self.session = ""

    def hear(self, event: AgentEvent, *, model: str) -> None:
        """Take in what is said of the turn."""
        match event:
            case Usage():
                self.meter.take(event, model=model)
                self.is_full = self.is_full or _is_full(event)
                self.uncounted = True
                self.news.set()
            case Started():
                self.news.set()
            case RateLimited():
                self.limited = event
            case LoginNeeded():
                self.login = event
                self.news.set()
            case TurnEnd():
                self.finish(event)
            case _:
                pass

    def finish(self, end: TurnEnd) -> None:
        """Take the first end that is told of."""
        self.end = self.end or end
        self.news.set()

    def break_off(self, breaking: Breaking, why: str) -> None:
        """Have it broken off; the first reason counts."""
        if self.breaking is None and self.end is None:
            self.breaking, self.why = breaking, why
            self.news.set()

    @property
    def then(self) -> Then:
        """Say what becomes of the work that is still held."""
        if self.end is None or self.end.reason is TurnReason.LOST:
            return Then.LEAVE
        if self.breaking is not None:
            return _AFTER_BREAKING[self.breaking]
        if not self.end.ok and (self.login is not None or self.limited is not None):
            return Then.GIVE_BACK
        if self.is_full:
            return Then.GO_ON
        return _AFTER_REASON[self.end.reason]

    def outcome(self, session: str) -> Ended:
        """Say how it ended and what it used."""
        end = self.end or TurnEnd(ok=False, reason=TurnReason.LOST, detail="its process ended")
        return Ended(
            ok=end.ok,
            reason=self.breaking.value if self.breaking is not None else end.reason.value,
            detail=self.why or end.detail or self._because(),
            final_text=end.final_text,
            session=session,
            model=self.meter.model,
            counts=dict(self.meter.counts),
            cost_usd=self.meter.cost_usd,
            cost_unknown=self.meter.cost_unknown,
        )

    def _because(self) -> str:
        if self.login is not None:
            return f"it is not logged in: {self.login.detail}"
        return "" if self.limited is None else f"its service refuses for now: {self.limited.detail}"


def _is_full(usage: Usage) -> bool:
    if not usage.context_tokens or not usage.context_window:
        return False
    return usage.context_tokens / usage.context_window >= FULL
