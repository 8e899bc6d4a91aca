"""The turn keeper: gives every agent that is driven in turns one turn at a time, and none without work."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Final

from supervisor.adapters.events import AgentEvent
from supervisor.clock import Clock
from supervisor.coordinator import turns
from supervisor.coordinator.coordinator import Coordinator
from supervisor.dispatch.ports import Bench, Partner, Signs
from supervisor.dispatch.running import Running
from supervisor.dispatch.seat import Seat, seat_for
from supervisor.dispatch.spending import Spending
from supervisor.errors import StoreError
from supervisor.model.event import Event

URGE: Final = (
    "You have said nothing for a while. Go on with your task, or report on it with the tools of the MCP "
    "server `supervisor`."
)
URGENT: Final = "You have urgent mail from {sender}, message {id}: read it with `inbox` before you go on."

_log = logging.getLogger(__name__)


class TurnKeeper:
    """Fills dispatch's port `Listener`, and supervision's port `Hands`."""

    def __init__(self, coordinator: Coordinator, clock: Clock, rng: random.Random, bench: Bench) -> None:
        """Listen to commits from now on; `watched_by` before anything is spawned."""
        self._coordinator: Final = coordinator
        self._clock: Final = clock
        self._rng: Final = rng
        self._bench: Final = bench
        self._signs: Signs | None = None
        self._seats: Final[dict[str, Seat]] = {}
        self._spending: Final = Spending(coordinator, self._running)
        self._tasks: asyncio.TaskGroup | None = None
        coordinator.store.listen(self._committed)

    def watched_by(self, signs: Signs) -> None:
        """Tell this one of every sign of life."""
        self._signs = signs

    async def keep(self) -> None:
        """Give turns until cancelled."""
        await self._end_what_was_left()
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for seat in self._seats.values():
                tasks.create_task(self._follow(seat), name=f"turns of {seat.partner.agent}")
            await asyncio.Event().wait()

    async def _end_what_was_left(self) -> None:
        try:
            await self._coordinator.write(turns.end_left)
        except StoreError as error:  # they stay shown as running, and nothing hangs on it
            _log.warning("turns of an earlier engine could not be ended: %s", error)

    async def _follow(self, seat: Seat) -> None:
        try:
            await seat.live()
        except Exception:  # noqa: BLE001 - a fault with one agent is not the team's
            _log.exception("%s gets no more turns in this life of it", seat.partner.agent)

    def _running(self) -> Mapping[str, Running]:
        return {name: seat.running for name, seat in self._seats.items() if seat.running is not None}

    # ------------------------------------------------------------ as the conversations see it

    def began(self, partner: Partner) -> None:
        """Give a new incarnation its place."""
        kind = seat_for(partner)
        if kind is None or self._signs is None:
            return
        seat = self._seats[partner.agent] = kind(
            partner,
            coordinator=self._coordinator,
            clock=self._clock,
            rng=self._rng,
            bench=self._bench,
            signs=self._signs,
            spending=self._spending,
        )
        if kind is Seat:
            self._coordinator.in_turns.add(partner.agent)
        if self._tasks is not None:
            self._tasks.create_task(self._follow(seat), name=f"turns of {partner.agent}")

    def heard(self, partner: Partner, event: AgentEvent) -> None:
        """Hand an event to whom it is about."""
        seat = self._seats.get(partner.agent)
        if seat is not None and seat.partner is partner:
            seat.hear(event)

    def ended(self, partner: Partner) -> None:
        """Take an incarnation's place away."""
        seat = self._seats.get(partner.agent)
        if seat is not None and seat.partner is partner:
            del self._seats[partner.agent]
            self._coordinator.in_turns.discard(partner.agent)
            self._spending.forget(partner)
            seat.gone()

    # ------------------------------------------------------------ as the overseer sees it

    async def nudge(self, agent: str, incarnation: int) -> bool:
        """Remind an agent of its work, if words reach it during a turn."""
        seat = self._seat_of(agent, incarnation)
        return seat is not None and seat.say(URGE)

    async def interrupt(self, agent: str, incarnation: int) -> bool:
        """Break an agent's turn off, so that it begins another."""
        seat = self._seat_of(agent, incarnation)
        return seat is not None and seat.interrupt()

    def _seat_of(self, agent: str, incarnation: int) -> Seat | None:
        seat = self._seats.get(agent)
        return seat if seat is not None and seat.partner.incarnation == incarnation else None

    # ------------------------------------------------------------ as the store sees it

    def _committed(self, events: list[Event]) -> None:
        urgent: dict[str, str] = {}
        for event in events:
            match event.noun:
                case "task":
                    self._task_moved(event)
                case "agent":
                    self._move(event.subject)
                case "budget":
                    for name in self._seats:
                        self._move(name)
                case "message" if event.after["urgent"]:
                    urgent[event.subject] = event.after["sender"]
                case "delivery" if event.kind == "delivery.queued" and event.after["message"] in urgent:
                    message = event.after["message"]
                    self._tell(event.after["recipient"], URGENT.format(sender=urgent[message], id=message))
                case _:
                    pass

    def _move(self, agent: str) -> None:
        if agent in self._seats:
            self._seats[agent].move()

    def _tell(self, agent: str, words: str) -> None:
        if agent in self._seats:
            self._seats[agent].say(words)

    def _task_moved(self, event: Event) -> None:
        """Break off the turn of an agent from whom its task was taken by somebody else."""
        for name, running in self._running().items():
            turn, after = running.begun.turn, event.after
            if turn.task != event.subject or running.reported:
                continue
            if after["token"] == turn.token and name in {after["holder"], after["reviewer"]}:
                continue
            if event.actor == name:  # what others do with it from now on is no theft
                running.reported = True
            else:
                because = f": {event.reason}" if event.reason else ""
                self._seats[name].take_away(f"{event.subject} was taken from it by {event.actor}{because}")
