"""Telling once, for the whole team, that its circuit breaker holds all starts, and when it does no more."""

from __future__ import annotations

import logging

from supervisor.clock import Clock
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.persistence import until_taken
from supervisor.model.ids import SUPERVISOR
from supervisor.supervision.supervisor import Supervisor

_log = logging.getLogger(__name__)


async def tell_of_breaker(supervisor: Supervisor, coordinator: Coordinator, clock: Clock) -> None:
    """Tell each time that starts are held, and that they are free again, until cancelled."""
    while True:
        why = await supervisor.starts_held()
        _log.warning("all starts are held: %s", why)
        await _tell(coordinator, clock, "engine.starts_held", why)
        await supervisor.starts_free()
        await _tell(coordinator, clock, "engine.starts_freed", "the agent that was tried is ready")


async def _tell(coordinator: Coordinator, clock: Clock, kind: str, reason: str) -> None:
    def tell(scope: Scope) -> None:
        scope.tx.tell(kind, "agents", actor=SUPERVISOR, reason=reason)

    await until_taken(lambda: coordinator.write(tell), clock, what=f"that {reason}")
