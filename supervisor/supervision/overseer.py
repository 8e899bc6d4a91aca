"""The overseer: judges every live incarnation again and again, and helps or replaces one that stalls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from supervisor.clock import Clock
from supervisor.model.agent import ExitClass
from supervisor.model.health import Liveness, StallAction, StallLimits
from supervisor.supervision.liveness import ACTED_ON, Signals, Verdict, judge, span, stalls_at
from supervisor.supervision.notices import Condemned
from supervisor.supervision.waiting import wait_at_most

ACT_S: Final = 10.0
"""How long a nudge or an interrupt may take; an agent that hangs may take no input either."""

DETAIL_MAX: Final = 300

_WELL: Final = frozenset({Liveness.OK, Liveness.WAITING, Liveness.LIMITED})
"""Verdicts that end a stall at once; the milder ones must last, else a blip would hide it."""

_REASONED: Final = _WELL | {Liveness.OVERDUE}
"""Verdicts under which an agent that is occupied is silent for that reason; a frozen one is not."""

_log = logging.getLogger(__name__)


class Step(StrEnum):
    """What is done about a stall, in this order; `tell` is the verdict itself."""

    TELL = "tell"
    NUDGE = "nudge"
    INTERRUPT = "interrupt"
    RESTART = "restart"


class Hands(Protocol):
    """How an agent can be reached: by its adapter. False says that this kind of agent has no such way."""

    async def nudge(self, agent: str, incarnation: int) -> bool:
        """Remind the agent of its work."""
        ...

    async def interrupt(self, agent: str, incarnation: int) -> bool:
        """Break off the agent's turn, so that it begins another."""
        ...


class Judge(Protocol):
    """Whoever can have an incarnation ended for a cause: the supervisor."""

    def condemn(self, agent: str, condemned: Condemned) -> None:
        """End this incarnation as one that failed; another than the live one is left alone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All there is to judge one agent by now. `action` is decided: never AUTO."""

    incarnation: int
    signals: Signals
    limits: StallLimits
    action: StallAction


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A verdict that is another than before, or with `step` what was done about it, in `words`."""

    agent: str
    incarnation: int
    verdict: Verdict
    step: Step = Step.TELL
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A rung that was taken, and how it went."""

    step: Step
    at: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What the overseer thinks of an agent `at` a moment, what it did, and what comes next by then."""

    at: float
    incarnation: int
    verdict: Verdict
    signals: Signals
    limits: StallLimits
    action: StallAction
    found_at: float | None
    done: tuple[Done, ...]
    next_step: Step | None
    next_at: float | None


@dataclass(slots=True)
class _Case:
    """One incarnation's file. `floor`: silence before it is not counted. `begun`: rungs that were taken."""

    reading: Reading
    verdict: Verdict
    told: Verdict
    floor: float
    found_at: float | None = None
    better_since: float | None = None
    begun: tuple[Step, ...] = ()
    done: tuple[Done, ...] = ()


def decided(action: StallAction, *, attended: bool) -> StallAction:
    """Return how far the ladder goes: with a person in front it only tells, unless the profile says more."""
    if action is not StallAction.AUTO:
        return action
    return StallAction.NOTIFY if attended else StallAction.RESTART


class Overseer:
    """Keeps a file on each live incarnation; `review` judges, `keep` carries out what takes time.

    `tell` is called on each change of a verdict and each rung, and must return at once.
    """

    def __init__(self, judge: Judge, hands: Hands, clock: Clock, tell: Callable[[News], None]) -> None:
        """Know nobody yet."""
        self._judge: Final = judge
        self._hands: Final = hands
        self._clock: Final = clock
        self._tell: Final = tell
        self._cases: dict[str, _Case] = {}
        self._orders: Final[asyncio.Queue[tuple[str, int, Step]]] = asyncio.Queue()
        self._shifted_at: float | None = None

    def review(self, readings: Mapping[str, Reading]) -> None:
        """Judge everybody who is at work; the file of whoever is not among them is closed."""
        now = self._clock.monotonic()
        self._cases = {agent: case for agent, case in self._cases.items() if agent in readings}
        for agent, reading in readings.items():
            case = self._case_of(agent, reading, now)
            case.verdict = judge(case.reading.signals, reading.limits, now)
            if reading.signals.is_occupied and case.verdict.liveness in _REASONED:
                case.floor = now
            self._weigh(agent, case, now)
            self._climb(agent, case, now)

    def shift(self, gap_s: float) -> None:
        """Hear that the engine stood still for so long: everybody gets one more full threshold."""
        _log.info("the engine stood still for %.1f s; every silence is counted anew", gap_s)
        self._shifted_at = self._clock.monotonic()
        for case in self._cases.values():
            case.floor = self._shifted_at

    def opinion(self, agent: str) -> Opinion | None:
        """Return what is thought of an agent; None for one that is not at work."""
        case = self._cases.get(agent)
        if case is None:
            return None
        step, at = self._next(case) or (None, None)
        reading = case.reading
        return Opinion(
            at=self._clock.monotonic(),
            incarnation=reading.incarnation,
            verdict=case.verdict,
            signals=reading.signals,
            limits=reading.limits,
            action=reading.action,
            found_at=case.found_at,
            done=case.done,
            next_step=step,
            next_at=at,
        )

    async def keep(self) -> None:
        """Carry out nudges and interrupts, each for itself, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                agent, incarnation, step = await self._orders.get()
                tasks.create_task(self._carry_out(agent, incarnation, step), name=f"{step} {agent}")

    # ------------------------------------------------------------ judging

    def _case_of(self, agent: str, reading: Reading, now: float) -> _Case:
        """Open a file for a new incarnation, else bring the one there is up to date."""
        case = self._cases.get(agent)
        if case is None or case.reading.incarnation != reading.incarnation:
            well = Verdict(liveness=Liveness.OK, since=now, evidence=())
            floor = max(reading.signals.started_at, self._shifted_at or 0.0)
            case = self._cases[agent] = _Case(reading=reading, verdict=well, told=well, floor=floor)
        signals = reading.signals
        tool_since = signals.tool_since
        if tool_since is not None and self._shifted_at is not None:
            tool_since = max(tool_since, self._shifted_at)
        floored = replace(signals, counts_from=case.floor, tool_since=tool_since)
        case.reading = replace(reading, signals=floored)
        return case

    def _weigh(self, agent: str, case: _Case, now: float) -> None:
        """Take a verdict as it is, unless it may be a blip in a stall."""
        verdict = case.verdict
        if verdict.liveness in ACTED_ON:
            case.found_at = now if case.found_at is None else case.found_at
            case.better_since = None
        elif case.found_at is not None:
            case.better_since = now if case.better_since is None else case.better_since
            lasts = now - case.better_since >= case.reading.limits.window_s
            if verdict.liveness not in _WELL and not lasts:
                return
            case.found_at, case.better_since = None, None
            case.begun, case.done = (), ()
        if verdict.liveness is not case.told.liveness:
            case.told = verdict
            self._tell(News(agent=agent, incarnation=case.reading.incarnation, verdict=verdict))

    # ------------------------------------------------------------ acting

    def _next(self, case: _Case) -> tuple[Step, float] | None:
        """Return the next rung and when it is due."""
        reading = case.reading
        if case.found_at is None:
            at = stalls_at(reading.signals, reading.limits, self._clock.monotonic())
            return None if at is None else (Step.TELL, at)
        if reading.action is not StallAction.RESTART or Step.RESTART in case.begun:
            return None
        limits = reading.limits
        rungs = (
            (Step.NUDGE, case.found_at + limits.nudge_after_s),
            (Step.INTERRUPT, case.found_at + limits.interrupt_after_s),
            (Step.RESTART, case.found_at + limits.restart_after_s),
        )
        return min((rung for rung in rungs if rung[0] not in case.begun), key=lambda rung: rung[1])

    def _climb(self, agent: str, case: _Case, now: float) -> None:
        """Take the next rung if it is due and the agent is as bad as it was."""
        due = self._next(case) if case.verdict.liveness in ACTED_ON else None
        if due is None or now < due[1]:
            return
        step = due[0]
        case.begun = (*case.begun, step)
        if step is Step.RESTART:
            self._restart(agent, case)
        else:
            self._orders.put_nowait((agent, case.reading.incarnation, step))

    def _restart(self, agent: str, case: _Case) -> None:
        verdict, incarnation = case.verdict, case.reading.incarnation
        detail = f"{verdict.liveness.value}: {verdict.why}"[:DETAIL_MAX]
        self._judge.condemn(agent, Condemned(incarnation=incarnation, cause=ExitClass.STALLED, detail=detail))
        self._note(agent, case, Step.RESTART, "it is ended and started again")

    async def _carry_out(self, agent: str, incarnation: int, step: Step) -> None:
        """Reach for the agent, and note how that went; whatever goes wrong is this agent's alone."""
        words = await self._reach(agent, incarnation, step)
        case = self._cases.get(agent)
        if case is not None and case.reading.incarnation == incarnation and step in case.begun:
            self._note(agent, case, step, words)

    async def _reach(self, agent: str, incarnation: int, step: Step) -> str:
        words = f"{step.value} failed: not taken within {span(ACT_S)}"

        async def reach() -> None:
            nonlocal words
            way = self._hands.nudge if step is Step.NUDGE else self._hands.interrupt
            try:
                words = _OUTCOMES[step][await way(agent, incarnation)]
            except Exception as error:  # noqa: BLE001 - a fault of a plug-in is this agent's, not the team's
                _log.error("could not %s %s", step, agent, exc_info=error)
                words = f"{step.value} failed: {error}"[:DETAIL_MAX]

        await wait_at_most(reach(), self._clock, ACT_S)
        return words

    def _note(self, agent: str, case: _Case, step: Step, words: str) -> None:
        case.done = (*case.done, Done(step=step, at=self._clock.monotonic(), words=words))
        incarnation = case.reading.incarnation
        self._tell(News(agent=agent, incarnation=incarnation, verdict=case.told, step=step, words=words))


_OUTCOMES: Final = {
    Step.NUDGE: ("nudge skipped: there is no way to remind an agent of its kind", "reminded of its work"),
    Step.INTERRUPT: ("interrupt skipped: there is no way to break off a turn of its kind", "turn broken off"),
}
