"""The operator's verbs for scripts: rehearse a plan, and wait until something is so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from supervisor.coordinator import plans
from supervisor.coordinator.plans import NewPlan, Pushed
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument
from supervisor.model.wire import to_wire

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend

HELD_MAX_S: Final = 25.0
"""How long one call can be held: less than a client waits for any answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Arguments of `wait`; `everything` wants all of the conditions, not one."""

    conditions: tuple[str, ...]
    timeout_s: float = 20.0
    everything: bool = False


class _Rehearsed(Exception):
    """Carries what pushing a plan would do out of the transaction that is undone by it."""

    def __init__(self, pushed: Pushed) -> None:
        self.pushed = pushed
        super().__init__()


async def plan_preview(backend: Backend, asked: NewPlan) -> dict[str, Any]:
    """Answer what `plan_push` would do, by doing it in a transaction that is then undone."""

    def rehearse(scope: Scope) -> NoReturn:
        raise _Rehearsed(plans.push_plan(scope, None, asked))

    try:
        await backend.coordinator.write(rehearse)
    except _Rehearsed as done:
        pushed: dict[str, Any] = to_wire(done.pushed)
        return pushed


async def wait(backend: Backend, asked: Wait) -> dict[str, Any]:
    """Answer which conditions hold: as soon as enough do, or after the time, or when the engine stops."""
    if not 0 <= asked.timeout_s <= HELD_MAX_S:
        raise InvalidArgument(f"timeout_s {asked.timeout_s} is not between 0 and {HELD_MAX_S:.0f}")
    holding = await backend.coordinator.wait_as_person(
        asked.conditions, asked.timeout_s, everything=asked.everything
    )
    enough = len(asked.conditions) if asked.everything else 1
    return {
        "holding": list(holding),
        "held": len(holding) >= enough,
        "ending": backend.coordinator.is_closing,
    }


PLAN_VERBS: Final[dict[str, tuple[type[Any], Any]]] = {
    "plan_preview": (NewPlan, plan_preview),
    "wait": (Wait, wait),
}
"""The verbs, with the form of their arguments."""
