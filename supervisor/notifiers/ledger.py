"""What is kept of each sink across engines: how far it has come, what may have left, and its tokens."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.errors import StoreError
from supervisor.model.event import Event
from supervisor.model.ids import SUPERVISOR
from supervisor.model.notify import NotifySpec
from supervisor.store.transaction import Transaction, event_of

PAGE: Final = 500
PRIMED: Final = 500
"""How many events before its beginning a sink looks at, so that it knows repeats of what was told."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkState:
    """One sink's row. `cursor` is the last event up to which everything was dealt with.

    A letter with `sending_id` about the events up to `sending_upto` may have left already.
    """

    name: str
    kind: str
    cursor: int
    sending_id: str = ""
    sending_upto: int = 0
    tokens: float = 0.0
    tokens_at: float = 0.0
    used_at: float = 0.0
    sent: int = 0
    failed: int = 0
    dropped: int = 0
    sent_at: float | None = None
    error: str = ""
    error_at: float | None = None


class Ledger:
    """Reads and writes the rows; a write that fails is told to the log and made good by the next one."""

    def __init__(self, coordinator: Coordinator) -> None:
        """Keep the rows beside the team's state."""
        self._coordinator = coordinator

    async def open(self, specs: Iterable[NotifySpec]) -> dict[str, SinkState]:
        """Return the state of each sink; a new one begins with the next event, others are forgotten."""
        wanted = {spec.name: spec for spec in specs}
        return await self._coordinator.write(lambda scope: _opened(scope.tx, wanted))

    async def save(self, state: SinkState) -> None:
        """Write one sink's state."""
        try:
            await self._coordinator.write(lambda scope: _put(scope.tx, state))
        except StoreError as error:
            _log.warning("how far sink %s has come could not be written: %s", state.name, error)

    async def tell_failure(self, name: str, words: str, **facts: Any) -> None:
        """Let the event log tell that a letter was given up."""

        def tell(scope: Scope) -> None:
            scope.tx.tell("notify.failed", name, actor=SUPERVISOR, reason=words, **facts)

        try:
            await self._coordinator.write(tell)
        except StoreError as error:
            _log.warning("sink %s: %s; this could not be written: %s", name, words, error)

    async def events(self, since: int) -> list[Event]:
        """Return some events after number `since`, in order."""
        return await self._coordinator.read(
            lambda scope: [event_of(row) for row in scope.tx.all("event.since", since=since, limit=PAGE)]
        )


def stored_states(tx: Transaction) -> list[SinkState]:
    """Return every sink that is known on disk."""
    return [SinkState(**dict(row)) for row in tx.all("notify_sink.all")]


def _opened(tx: Transaction, wanted: dict[str, NotifySpec]) -> dict[str, SinkState]:
    states = {state.name: state for state in stored_states(tx)}
    for name in states.keys() - wanted.keys():
        tx.execute("notify_sink.forget", name=name)
    return {name: _one(tx, spec, states.get(name)) for name, spec in wanted.items()}


def _one(tx: Transaction, spec: NotifySpec, known: SinkState | None) -> SinkState:
    if known is None:
        fresh = SinkState(
            name=spec.name,
            kind=spec.kind.value,
            cursor=tx.end.seq,
            tokens=float(spec.burst),
            tokens_at=tx.now,
        )
    else:
        fresh = replace(known, kind=spec.kind.value, tokens=min(known.tokens, float(spec.burst)))
    if fresh != known:
        _put(tx, fresh)
    return fresh


def _put(tx: Transaction, state: SinkState) -> None:
    tx.execute("notify_sink.put", **asdict(state))
