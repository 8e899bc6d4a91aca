"""The operator's verbs about the ways out: what is known of each sink, and a test of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from supervisor.errors import EngineError
from supervisor.model.wire import to_wire
from supervisor.notifiers.notifiers import Notifiers

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSinks:
    """Arguments of `notify_list`: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSinks:
    """Arguments of `notify_test`; without `sink` all are tested."""

    sink: str | None = None


async def list_sinks(backend: Backend, _asked: ListSinks) -> dict[str, Any]:
    """Return every sink of the profile with what became of its notices."""
    return {"sinks": _notifiers(backend).states()}


async def test_sinks(backend: Backend, asked: TestSinks) -> dict[str, Any]:
    """Send a test notice by one sink or all, and tell how each fared."""
    trials = await _notifiers(backend).test(asked.sink)
    return {"results": [to_wire(trial) for trial in trials]}


def _notifiers(backend: Backend) -> Notifiers:
    if backend.notifiers is None:
        raise EngineError("this engine has no way out")
    return backend.notifiers


NOTIFY_VERBS: Final[dict[str, tuple[type[Any], Callable[..., Any]]]] = {
    "notify_list": (ListSinks, list_sinks),
    "notify_test": (TestSinks, test_sinks),
}
