"""One agent that is driven in turns: when it may have one, what it is told, and what is made of its end."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from supervisor.adapters.events import AgentEvent, ToolEnd, ToolStart, TurnEnd, TurnReason
from supervisor.clock import Clock
from supervisor.coordinator import self_reports, turns
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.turns import Begun, Then
from supervisor.coordinator.waiting import WAIT_MAX_S
from supervisor.dispatch.marks import Marks
from supervisor.dispatch.metering import Meter
from supervisor.dispatch.obstacles import JITTER, Obstacles
from supervisor.dispatch.ports import Bench, Partner, Signs
from supervisor.dispatch.prompts import prompt_for
from supervisor.dispatch.running import AT_ONCE, Breaking, Running
from supervisor.dispatch.sessions import Sessions
from supervisor.dispatch.spending import Spending
from supervisor.errors import NotFound, RequestError, StoreError, Unauthenticated, WrongState
from supervisor.model.agent import ExitClass
from supervisor.model.driving import Drive
from supervisor.model.health import ReadyBy
from supervisor.model.permissions import Operation, may
from supervisor.model.task import retry_delay
from supervisor.supervision.notices import Condemned
from supervisor.supervision.waiting import wait_at_most

VAIN_MAX: Final = 3
VAIN_S: Final = 5.0
"""After so many wakes that brought no turn, an agent waits for a change of itself, at most so long."""

INTERRUPT_S: Final = 60.0
"""How long an agent that was interrupted may take to end its turn."""

RETRY_S: Final = 1.0
"""How long a database that cannot take something is left alone."""

LEAVE_A_CHECKPOINT: Final = (
    "Your context is nearly full. Write down now what is done, what is left and what to look out for "
    "(`task_checkpoint` or `task_note` of the MCP server `supervisor`). Then end your turn: you go on with "
    "the task in a new conversation."
)

_log = logging.getLogger(__name__)


class Seat:
    """One live incarnation that is driven in turns; `live` until it is gone."""

    def __init__(
        self,
        partner: Partner,
        *,
        coordinator: Coordinator,
        clock: Clock,
        rng: random.Random,
        bench: Bench,
        signs: Signs,
        spending: Spending,
    ) -> None:
        """Take a place for a conversation that was just opened."""
        self.partner: Final = partner
        self.actor: Final = Actor(
            name=partner.agent,
            role=partner.pool.role,
            incarnation=partner.incarnation,
            run=coordinator.store.run,
            groups=partner.pool.groups,
            tags=partner.pool.tags,
        )
        self.running: Running | None = None
        self._coordinator: Final = coordinator
        self._clock: Final = clock
        self._rng: Final = rng
        self._bench: Final = bench
        self._signs: Final = signs
        self._spending: Final = spending
        self._obstacles: Final = Obstacles(clock, rng)
        self._sessions: Final = Sessions(partner)
        self._marks: Final = Marks()
        self._moved: Final = asyncio.Event()
        self._open_calls: Final[set[str]] = set()
        self._gone = False
        self._failures = 0
        self._vain = 0
        self._held_back = ""

    # ------------------------------------------------------------ what is heard

    def hear(self, event: AgentEvent) -> None:
        """Take in one event of the conversation."""
        self._note_life(event)
        self._sessions.hear(event)
        if self._obstacles.hear(event):
            self._moved.set()
            if self._obstacles.limited_s:
                self._signs.heard_limit(self.partner.agent, self._obstacles.limited_s)
            if self._obstacles.linked is False and self.running is not None:
                self.running.break_off(Breaking.NO_COORDINATOR, self._obstacles.words)
        if self.running is not None:
            self.running.hear(event, model=self._sessions.model)

    def _note_life(self, event: AgentEvent) -> None:
        """Let every event count as a sign of life, and tools that run as work."""
        match event:
            case ToolStart():
                self._open_calls.add(event.call)
            case ToolEnd():
                self._open_calls.discard(event.call)
            case _:
                self._signs.heard_event(self.partner.agent)
                return
        self._signs.heard_tool(self.partner.agent, runs=bool(self._open_calls))
        if self.running is not None:
            self.running.news.set()

    def gone(self) -> None:
        """Take note that the conversation is over."""
        self._gone = True
        self._moved.set()
        if self.running is not None:
            self.running.finish(_LOST)

    def move(self) -> None:
        """Take note that something was committed that may change what this agent may do."""
        self._moved.set()

    # ------------------------------------------------------------ what one can ask of it

    def take_away(self, why: str) -> None:
        """Break the turn off: what it is about is not the agent's any more."""
        if self.running is not None:
            self.running.break_off(Breaking.TAKEN, why)

    def interrupt(self) -> bool:
        """Break the turn off because it does not get on; False if it cannot be."""
        if self.running is None or not self.partner.capabilities.interrupt:
            return False
        self.running.break_off(Breaking.OVERSEER, "it did not get on")
        return True

    def say(self, words: str) -> bool:
        """Say something during a turn; False if there is none, or the agent cannot take it."""
        able = self.running is not None and self.partner.capabilities.inject
        return able and self.partner.inject(words)

    # ------------------------------------------------------------ its life

    async def live(self) -> None:
        """Give turns until the incarnation is over."""
        try:
            await self._become_ready()
            while not self._gone and not self._coordinator.is_closing:
                await self._clear_the_way()
                if not self._gone:
                    await self._next()
        except Unauthenticated as ended:
            _log.info("no more turns for %s: %s", self.partner.agent, ended)
        finally:
            if self._held_back:
                self._coordinator.hold_back(self.partner.agent, "")

    async def _become_ready(self) -> None:
        """Tell that it can work: it reaches the coordinator, or lives for a while and did not say no."""
        ready = self.partner.pool.ready
        if ready.by is not ReadyBy.CALL:
            return
        await self._until(lambda: self._obstacles.linked is not None, ready.settle_s)
        told = self._obstacles
        await self._until(lambda: told.linked is not False or told.needs_login, None)
        if not (self._gone or told.needs_login):
            with suppress(NotFound):  # it was retired and forgotten
                self._bench.ready(self.partner.agent, self.partner.incarnation)

    async def _clear_the_way(self) -> None:
        """Wait until nothing stands in the way of a turn; say meanwhile what does."""
        while not self._gone:
            why = self._obstacles.words or await self._spending.obstacle(self.partner)
            await self._hold(why)
            if not why:
                return
            if (cause := self._obstacles.verdict) is not None:
                await self._condemn(cause, why)
            self._moved.clear()
            await self._until(self._moved.is_set, self._obstacles.wait_s or WAIT_MAX_S)

    async def _hold(self, why: str) -> None:
        if bool(why) == bool(self._held_back):
            return
        self._held_back = why
        self._coordinator.hold_back(self.partner.agent, why)
        name, number = self.partner.agent, self.partner.incarnation
        await self._write(partial(self_reports.held_back, name=name, number=number, why=why))

    async def _condemn(self, cause: ExitClass, detail: str) -> None:
        """Have it ended, and wait for that."""
        words = Condemned(incarnation=self.partner.incarnation, cause=cause, detail=detail)
        with suppress(NotFound):
            self._bench.condemn(self.partner.agent, words)
        await self._until(lambda: False, None)

    async def _next(self) -> None:
        """Give the next turn, or wait for work."""
        if self._sessions.used_up and not self._marks.goes_on and await self._work_waits():
            await self._condemn(ExitClass.SIBLING, "a new conversation for its next task")
            return
        self._moved.clear()
        begun = await self._begun()
        if begun is not None:
            self._vain = 0
            await self._run(begun)
        elif await self._coordinator.wait(self.actor, self._conditions, WAIT_MAX_S):
            self._vain += 1
            if self._vain >= VAIN_MAX:
                await self._until(self._moved.is_set, VAIN_S)
        else:
            self._vain = 0

    async def _begun(self) -> Begun | None:
        """Begin a turn if there is something to do; a database that cannot take it now is asked again."""
        begin = partial(
            turns.begin,
            actor=self.actor,
            pool=self.partner.pool.name,
            session=self._sessions.id,
            asked=self._marks.asked,
        )
        try:
            return await self._coordinator.write(begin)
        except Unauthenticated:
            raise
        except (StoreError, RequestError) as error:
            _log.warning("%s gets no turn for now: %s", self.partner.agent, error)
            await self._clock.sleep(RETRY_S)
            return None

    @property
    def _conditions(self) -> tuple[str, ...]:
        role = self.actor.role
        task = ("task",) if may(role, Operation.TASK_CLAIM) else ()
        return (*task, *(("review",) if may(role, Operation.TASK_REVIEW) else ()), "mail")

    async def _work_waits(self) -> bool:
        holding = await self._coordinator.wait(self.actor, self._conditions, WAIT_MAX_S)
        return bool(set(holding) - {"mail"})

    # ------------------------------------------------------------ a turn

    async def _run(self, begun: Begun) -> None:
        """Prompt, follow the turn to its end, and write down what became of it."""
        running = self.running = Running(begun, Meter(self._coordinator.team.prices))
        if self._gone:
            running.finish(_LOST)
        else:
            self._prompt(running)
        while running.end is None:
            await self._until_news(running)
            running.news.clear()
            await self._look(running)
        self._open_calls.clear()
        then = running.then
        self._marks.note(begun, then)
        end = partial(
            turns.end,
            actor=self.actor,
            turn=begun.turn,
            ended=running.outcome(self._sessions.id),
            then=then,
            read=tuple(message.id for message, _ in begun.mail),
        )
        try:
            await self._write(end)
        except RequestError:  # what it holds is found by the next turn, or when its lease ends
            _log.exception("what became of turn %s could not be written", begun.turn.id)
            await self._write(partial(end, then=Then.LEAVE))
        self.running = None
        await self._pause_after(running)

    async def _until_news(self, running: Running) -> None:
        """Wait for something to look at; who does not end its turn when it is interrupted is ended."""
        if running.interrupted_at is None:
            await running.news.wait()
            return
        left = running.interrupted_at + INTERRUPT_S - self._clock.monotonic()
        if left > 0:
            await wait_at_most(running.news.wait(), self._clock, left)
        elif running.end is None:
            await self._condemn(ExitClass.STALLED, f"it was interrupted ({running.why}) and went on")

    def _prompt(self, running: Running) -> None:
        goes_on = self._sessions.goes_on
        words = prompt_for(running.begun, self.partner.pool.templates, goes_on=goes_on)
        fresh = self._sessions.begin(running.begun.turn)
        try:
            self.partner.prompt(words, fresh=fresh)
        except WrongState as refused:
            running.finish(TurnEnd(ok=False, reason=TurnReason.ERROR, detail=str(refused)))

    async def _look(self, running: Running) -> None:
        """Look whether the turn has to be broken off; for a budget only between two tool calls."""
        if running.uncounted:
            running.uncounted = False
            await self._spending.check(running)
        if running.begun.turn.session != self._sessions.id != running.session:
            running.session = self._sessions.id
            await self._write(partial(turns.name_session, turn=running.begun.turn, session=running.session))
        if running.is_full and not self._sessions.is_full:
            self._sessions.is_full = True
            self.say(LEAVE_A_CHECKPOINT)
        waits = bool(self._open_calls) and running.breaking not in AT_ONCE
        if running.end is not None or running.breaking is None or waits:
            return
        if running.interrupted_at is None:
            running.interrupted_at = self._clock.monotonic()
            self.partner.interrupt()

    async def _pause_after(self, running: Running) -> None:
        """Pause after an error: an agent that cannot work would fail at everything there is."""
        end = running.end
        if end is None or end.reason is not TurnReason.ERROR or running.breaking is not None:
            self._failures = 0
            return
        self._failures += 1
        if not self._obstacles.words:
            pause = retry_delay(self._failures) * (1 + self._rng.uniform(0, JITTER))
            await self._until(lambda: False, pause)

    # ------------------------------------------------------------ small tools

    async def _until(self, holds: Callable[[], bool], seconds: float | None) -> None:
        """Wait until something holds, the agent is gone, or time has passed; without `seconds` as long."""
        if seconds is None:
            await self._until_moved(holds)
        else:
            await wait_at_most(self._until_moved(holds), self._clock, seconds)

    async def _until_moved(self, holds: Callable[[], bool]) -> None:
        while not (self._gone or holds()):
            self._moved.clear()
            await self._moved.wait()

    async def _write(self, use_case: Callable[[Scope], object]) -> None:
        """Write what must not be lost: a database that cannot take it now is asked again."""
        while True:
            try:
                await self._coordinator.write(use_case)
            except StoreError as error:
                _log.warning("a turn of %s could not be written: %s", self.partner.agent, error)
            else:
                return
            await self._clock.sleep(RETRY_S)


class SelfDriven(Seat):
    """One live incarnation that drives itself: it is told once to work by the tools."""

    async def _next(self) -> None:
        begin = partial(
            turns.begin_alone, actor=self.actor, pool=self.partner.pool.name, session=self._sessions.id
        )
        await self._run(await self._coordinator.write(begin))
        await self._until(lambda: False, None)


def seat_for(partner: Partner) -> type[Seat] | None:
    """Say how an incarnation is driven; None if it cannot be prompted, or needs not to be."""
    if not partner.capabilities.turns:
        return None
    return SelfDriven if partner.pool.drive is Drive.SELF else Seat


_LOST: Final = TurnEnd(ok=False, reason=TurnReason.LOST, detail="its process ended")
