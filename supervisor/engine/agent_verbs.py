"""The operator's verbs about agents' processes: restart, stop, kill, pause, resume, drain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from supervisor.engine.key_verbs import require_inside
from supervisor.errors import NotFound, WrongState
from supervisor.model.agent import ALIVE, AgentState

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend

ALL: Final = "all"
POOL: Final = "pool:"

_WITH_PROCESS: Final = ALIVE - {AgentState.STOPPING, AgentState.STUCK}
_COMING: Final = frozenset({AgentState.PENDING, AgentState.BACKOFF})

FITTING: Final[dict[str, tuple[frozenset[AgentState], str]]] = {
    "restart": (frozenset(AgentState), ""),
    "stop_agent": (frozenset(AgentState), ""),
    "kill": (frozenset(AgentState) - {AgentState.EXITED}, "there is no process to kill"),
    "pause": (
        (_WITH_PROCESS | _COMING) - {AgentState.PAUSED},
        "only what runs or is about to start can be paused",
    ),
    "resume": (frozenset({AgentState.PAUSED}), "it is not paused"),
    "drain": (_WITH_PROCESS | _COMING, "it is at rest or on its way there"),
}
"""The states in which a verb does something, and what is said of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTarget:
    """Arguments of the verbs about agents: an agent, `pool:NAME`, or `all`."""

    agent: str


def _targets(backend: Backend, spelled: str) -> tuple[str, ...]:
    """List the agents that are meant, in start order; raise NotFound with what there is."""
    supervisor, team = backend.supervisor, backend.coordinator.team
    if spelled == ALL:
        return supervisor.agents
    if not spelled.startswith(POOL):
        require_inside(backend.coordinator, spelled)
        _require_wanted(backend, spelled)
        supervisor.state_of(spelled)
        return (spelled,)
    name = spelled.removeprefix(POOL)
    pool = next((each for each in team.pools if each.name == name), None)
    if pool is None:
        there_are = ", ".join(each.name for each in team.pools)
        raise NotFound(f"there is no pool `{name[:70]}` in this team; there are: {there_are}")
    return tuple(agent for agent in supervisor.agents if pool.holds(agent))


def _require_wanted(backend: Backend, name: str) -> None:
    """Raise WrongState for an agent that does not run because its scaled pool does not want it."""
    spec = next((pool for pool in backend.coordinator.team.pools if pool.holds(name)), None)
    if spec is not None and spec.scale is not None and name not in backend.supervisor.agents:
        raise WrongState(
            f"{name} does not run: pool {spec.name} does not want it now. A task that is for it starts it, "
            f"or `supervisor scale {spec.name} N`"
        )


async def _carry_out(verb: str, backend: Backend, asked: OneTarget) -> dict[str, Any]:
    """Give each target its order; those whom it does not fit are named, and a single one is refused."""
    states, misfit = FITTING[verb]
    meant = _targets(backend, asked.agent)
    fitting = [name for name in meant if backend.supervisor.state_of(name) in states]
    if meant == (asked.agent,) and not fitting:
        state = backend.supervisor.state_of(asked.agent).value
        raise WrongState(f"{asked.agent} is {state}: {misfit}")
    order = getattr(backend.supervisor, verb)
    for name in fitting:
        order(name)
    return {"agents": fitting, "left_alone": [name for name in meant if name not in fitting]}


AGENT_VERBS: Final[dict[str, tuple[type[Any], Callable[[Backend, Any], Awaitable[dict[str, Any]]]]]] = {
    verb: (OneTarget, partial(_carry_out, verb)) for verb in FITTING
}
