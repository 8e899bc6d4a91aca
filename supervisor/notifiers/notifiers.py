"""All ways out of one team: fed by the commits, caught up from the log, each with a courier of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from supervisor.clock import Clock
from supervisor.coordinator.coordinator import Coordinator
from supervisor.errors import NotFound, StoreError
from supervisor.model.event import Event
from supervisor.model.notify import NotifySpec
from supervisor.notifiers.bell import Ring
from supervisor.notifiers.courier import Courier, Trial
from supervisor.notifiers.ledger import PRIMED, Ledger, SinkState
from supervisor.notifiers.notice import notice_of, settled_by
from supervisor.notifiers.sink import Origin, Sink

AGAIN_S: Final = 5.0
LAST_WORDS_S: Final = 5.0
"""How long the end of an engine waits for letters that are about to leave."""

_log = logging.getLogger(__name__)


class Notifiers:
    """Listens from the moment it is made; sends while `keep` runs. Commits never wait for it."""

    def __init__(
        self,
        coordinator: Coordinator,
        clock: Clock,
        rng: random.Random,
        *,
        ring: Ring,
        project: str,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Serve the sinks of the coordinator's team; `ring` rings in the open terminal views."""
        self._coordinator = coordinator
        self._clock = clock
        self._rng = rng
        self._ledger = Ledger(coordinator)
        self._specs = coordinator.team.notify
        self._origin = Origin(team=coordinator.team.name, project=project)
        self._ring = ring
        self._environ = environ
        self._couriers: dict[str, Courier] = {}
        self._seen = 0
        self._is_live = False
        if self._specs:
            coordinator.store.listen(self._committed)

    async def keep(self) -> None:
        """Send what an earlier engine could not, then what happens, until cancelled."""
        if not self._specs:
            return
        while not self._is_live:
            try:
                await self._begin()
            except StoreError:
                _log.exception("the sinks cannot begin; trying again in %s s", AGAIN_S)
                await self._clock.sleep(AGAIN_S)
        async with asyncio.TaskGroup() as tasks:
            for name, courier in self._couriers.items():
                tasks.create_task(courier.run(), name=f"sink {name}")

    async def last_words(self, hurried: Callable[[], Awaitable[None]]) -> None:
        """Wait a moment for what is about to leave, unless somebody will not wait; keep how far it came."""
        async with asyncio.TaskGroup() as tasks:
            hurry = tasks.create_task(self._until(hurried))
            resting = tasks.create_task(self._rested())
            await asyncio.wait({hurry, resting}, timeout=LAST_WORDS_S, return_when=asyncio.FIRST_COMPLETED)
            hurry.cancel()
            resting.cancel()
        for courier in self._couriers.values():
            await courier.write_down()

    def states(self) -> list[dict[str, Any]]:
        """Return what is known of each sink, for people."""
        return [sink_facts(courier.state, courier) for courier in self._couriers.values()]

    async def test(self, sink: str | None) -> list[Trial]:
        """Send a test letter by one sink, or by all; raise NotFound."""
        if not self._specs:
            raise NotFound("this team's profile has no sink: add `[[notify]]`, see docs/notifications.md")
        known = ", ".join(self._couriers)
        if sink is not None and sink not in self._couriers:
            raise NotFound(f"no sink is called `{sink[:70]}`; there are: {known or 'none yet, they begin'}")
        chosen = [self._couriers[sink]] if sink is not None else list(self._couriers.values())
        async with asyncio.TaskGroup() as tasks:
            trials = [tasks.create_task(courier.trial(self._coordinator.store.run)) for courier in chosen]
        return [trial.result() for trial in trials]

    async def _begin(self) -> None:
        """Read how far each sink had come, and look at every event since then."""
        states = await self._ledger.open(self._specs)
        self._couriers = {
            spec.name: self._courier(spec, sink, states[spec.name])
            for spec, sink in zip(self._specs, self._sinks(), strict=True)
        }
        self._seen = max(0, min(state.cursor for state in states.values()) - PRIMED)
        store = self._coordinator.store
        while self._seen < store.last_seq:
            events = await self._ledger.events(self._seen)
            if not events:
                break
            for event in events:
                self._look_at(event)
        self._is_live = True  # nothing was awaited since the comparison: no commit came between

    def _sinks(self) -> list[Sink]:
        """Make the sinks of the profile."""
        from supervisor.notifiers import sinks  # noqa: PLC0415 - 5 ms; most teams have no sink

        ways = sinks.ways(self._origin, self._clock, ring=self._ring, environ=self._environ)
        return [sinks.sink_of(spec, ways) for spec in self._specs]

    def _courier(self, spec: NotifySpec, sink: Sink, state: SinkState) -> Courier:
        return Courier(spec, sink, state, ledger=self._ledger, clock=self._clock, rng=self._rng)

    def _committed(self, events: list[Event]) -> None:
        """Take a commit's events in: called between a commit and its answers, so it must be quick."""
        if not self._is_live:
            return
        for event in events:
            self._look_at(event)

    def _look_at(self, event: Event) -> None:
        if event.seq <= self._seen:
            return
        self._seen = event.seq
        try:
            notice, settled = notice_of(event), settled_by(event)
        except Exception:  # noqa: BLE001 - an event of a form not foreseen must not stop the writer
            _log.exception("event %d (%s) cannot be told", event.seq, event.kind)
            notice = settled = None
        for courier in self._couriers.values():
            if settled is not None:
                courier.settle(settled)
            if notice is not None:
                courier.take(notice)
            courier.saw(event.seq)

    async def _rested(self) -> None:
        for courier in self._couriers.values():
            await courier.rested.wait()

    async def _until(self, hurried: Callable[[], Awaitable[None]]) -> None:
        await hurried()


def sink_facts(state: SinkState, courier: Courier | None = None) -> dict[str, Any]:
    """Spell one sink for an answer: nothing of where it leads to."""
    return {
        "name": state.name,
        "kind": state.kind,
        "on": None if courier is None else [kind.value for kind in courier.spec.on],
        "queued": None if courier is None else len(courier.queue),
        "sending": bool(state.sending_id),
        "sent": state.sent,
        "failed": state.failed,
        "dropped": state.dropped,
        "last_sent_at": state.sent_at,
        "last_error": state.error,
        "last_error_at": state.error_at,
    }
