"""The operator's verb about scaled pools: a number of agents, or the autoscaler again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from supervisor.coordinator import pools
from supervisor.model.wire import to_wire

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePool:
    """Arguments of `scale`: without `number` the autoscaler decides again."""

    pool: str
    number: int | None = None


async def scale(backend: Backend, asked: ScalePool) -> dict[str, Any]:
    """Set a scaled pool to a number of agents, or give it back to the autoscaler."""
    pool = await backend.coordinator.write(lambda scope: pools.order(scope, asked.pool, asked.number))
    return {"pool": to_wire(pool)}


POOL_VERBS: Final[dict[str, tuple[type[Any], Callable[..., Any]]]] = {"scale": (ScalePool, scale)}
