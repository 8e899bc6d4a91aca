"""Scaled pools: what waits for each, what each is set to, and who joins and leaves them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from supervisor.coordinator import agents, dealing, ending
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument, NotFound
from supervisor.model.agent import Agent, Role
from supervisor.model.ids import HUMAN, SUPERVISOR
from supervisor.model.permissions import Operation, may
from supervisor.model.scale import Pool, Scale
from supervisor.model.task import Priority, Task
from supervisor.model.team import PoolSpec, TeamSpec

COUNTED_MAX: Final = 1000
"""Up to how many waiting tasks a pool's backlog is counted: ten for each agent that a pool can have."""

READ_MAX: Final = 10_000
"""How many pending tasks of a capped milestone are read for what they ask of their claimer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an agent of a pool is, whichever of them it is: enough to match it with a task."""

    name: str
    role: Role
    groups: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """One scaled pool as the coordinator knows it.

    `ready` are the tasks that any of its agents could take now, `reserved` the agents for which alone
    something is ready. `ranks` has the priority of the most urgent task that an agent holds.
    """

    pool: Pool
    ready: int
    reserved: tuple[str, ...]
    agents: tuple[Agent, ...]
    ranks: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    """Tasks that ask for the same of their claimer: how many, and in which capped milestone if in one."""

    lane: str
    count: int
    milestone: str | None = None


def scaled_pools(team: TeamSpec) -> tuple[PoolSpec, ...]:
    """List the pools whose number of agents follows their work."""
    return tuple(pool for pool in team.pools if pool.scale is not None)


# ---------------------------------------------------------------- what is seen


def crews(scope: Scope) -> tuple[Crew, ...]:
    """Look at every scaled pool: what it could do now, and who is of it."""
    specs = scaled_pools(scope.team)
    rooms = _rooms(scope)
    lanes = list(_lanes(scope, tuple(rooms)))
    known = scope.tx.values(Agent, "agent.all") if specs else ()
    return tuple(
        _crew(scope, spec, lanes, rooms, tuple(each for each in known if spec.holds(each.name)))
        for spec in specs
    )


def _crew(
    scope: Scope,
    spec: PoolSpec,
    lanes: Iterable[_Lane],
    rooms: dict[str, int],
    members: tuple[Agent, ...],
) -> Crew:
    ready, reserved, left = 0, [], dict(rooms)
    for each in lanes if may(spec.role, Operation.TASK_CLAIM) else ():
        assignee = each.lane.partition("|")[0]
        if not _suits(spec, each.lane, assignee):
            continue
        count = each.count
        if each.milestone is not None:
            count = min(count, left[each.milestone])
            left[each.milestone] -= count
        if not assignee:
            ready += count
        elif count:
            reserved.append(assignee)
    if may(spec.role, Operation.TASK_REVIEW):
        ready += scope.tx.scalar("task.unjudged", run=scope.run, most=COUNTED_MAX)
    return Crew(
        pool=stored(scope, spec),
        ready=min(ready, COUNTED_MAX),
        reserved=tuple(dict.fromkeys(reserved)),
        agents=members,
        ranks={agent.name: _rank(scope, agent.name) for agent in members if agent.task is not None},
    )


def _suits(spec: PoolSpec, lane: str, assignee: str) -> bool:
    if assignee and not spec.holds(assignee):
        return False
    place = Place(name=assignee or spec.name, role=spec.role, groups=spec.groups, tags=spec.tags)
    return dealing.lane_suits(lane, place)


def _rooms(scope: Scope) -> dict[str, int]:
    """Return how many more tasks may be begun in each milestone that caps them."""
    return {
        row["id"]: max(0, row["wip"] - scope.tx.scalar("task.in_progress_in_milestone", milestone=row["id"]))
        for row in scope.tx.all("milestone.capped", run=scope.run)
    }


def _lanes(scope: Scope, capped: tuple[str, ...]) -> Iterator[_Lane]:
    """Count what is pending, lane by lane and by index; what a capped milestone has stands apart."""
    full = json.dumps(capped)
    for row in scope.tx.all("task.lanes", run=scope.run):
        asked = {"run": scope.run, "lane": row["lane"], "most": COUNTED_MAX}
        if capped:
            count = scope.tx.scalar("task.pending_in_lane_elsewhere", **asked, milestones=full)
        else:
            count = scope.tx.scalar("task.pending_in_lane", **asked)
        yield _Lane(lane=row["lane"], count=count)
    for each in capped:
        for row in scope.tx.all("task.lanes_of_milestone", milestone=each, most=READ_MAX):
            yield _Lane(lane=row["lane"], count=row["n"], milestone=each)


def _rank(scope: Scope, name: str) -> int:
    held = scope.tx.values(Task, "task.held_by", agent=name)
    return min((task.priority for task in held), default=Priority.NORMAL)


def stored(scope: Scope, spec: PoolSpec) -> Pool:
    """Return what a pool is set to; one that has no row yet is as the profile begins it."""
    known = scope.tx.value(Pool, "pool.get", name=spec.name)
    return known or Pool(name=spec.name, wanted=len(spec.first_names))


def could_join(scope: Scope) -> tuple[Place, ...]:
    """List all agents of scaled pools that could be started without a person's help, or run already."""
    specs = scaled_pools(scope.team)
    known = {agent.name: agent for agent in scope.agents()} if specs else {}
    return tuple(
        Place(name=name, role=spec.role, groups=spec.groups, tags=spec.tags)
        for spec in specs
        for name in spec.agent_names
        if _could_start(known.get(name))
    )


def _could_start(agent: Agent | None) -> bool:
    return agent is None or (dealing.in_reach(agent) and not agent.quarantined)


def why_asleep(scope: Scope, agent: Agent) -> str:
    """Say why an agent does not run though nothing is wrong with it; empty if that is not why."""
    spec = scope.pool_of(agent.name)
    if spec is None or not dealing.is_asleep(scope, agent):
        return ""
    pool = stored(scope, spec)
    return f"pool {pool.name} wants {pool.wanted} agents now: {pool.reason}"


# ---------------------------------------------------------------- what is decided


def lay_out(scope: Scope, team: TeamSpec, *, fresh: bool) -> None:
    """Give every scaled pool its row; with `fresh`, at the start of a run, as the profile begins it."""
    for spec in scaled_pools(team):
        known = scope.tx.value(Pool, "pool.get", name=spec.name)
        first = len(spec.first_names)
        if known is None or (fresh and (known.wanted != first or known.manual is not None)):
            begun = Pool(name=spec.name, wanted=first, reason="as the profile begins it", since=scope.now)
            scope.tx.record("pool.scaled", begun, actor=SUPERVISOR, reason=begun.reason)


def kept_names(scope: Scope, spec: PoolSpec) -> tuple[str, ...]:
    """List the agents that a scaled pool goes on with under a new engine: as many as were wanted last."""
    scale = spec.scale or Scale()
    pool = stored(scope, spec)
    number = pool.wanted if pool.manual is None else pool.manual
    return spec.agent_names[: min(max(number, scale.min), scale.max)]


def rescale(
    scope: Scope,
    spec: PoolSpec,
    wanted: int,
    reason: str,
    *,
    joining: tuple[str, ...] = (),
    leaving: tuple[str, ...] = (),
) -> Pool:
    """Write down a decision: who joins has a row, and what was reserved for who leaves is others' to take."""
    for name in joining:
        agents.enrol_agent(scope, spec, name)
    for name in leaving:
        ending.free_reservations(scope, name, reason=f"{name} leaves: {reason}")
    scaled = replace(stored(scope, spec), wanted=wanted, reason=reason, since=scope.now)
    return scope.tx.record("pool.scaled", scaled, actor=SUPERVISOR, reason=reason)


def order(scope: Scope, name: str, number: int | None) -> Pool:
    """Set a scaled pool to a person's number until it is given back with None. No agent may do this."""
    spec = _ordered_pool(scope, name)
    scale = spec.scale or Scale()
    if number is not None and not scale.min <= number <= scale.max:
        raise InvalidArgument(
            f"pool {spec.name} has {scale.min} to {scale.max} agents; {number} is beyond that. "
            "Change `scale` in the profile for other bounds"
        )
    words = "a person gave it back to the autoscaler" if number is None else f"a person asked for {number}"
    ordered = replace(stored(scope, spec), manual=number, reason=words, since=scope.now)
    return scope.tx.record("pool.ordered", ordered, actor=HUMAN, reason=words)


def _ordered_pool(scope: Scope, name: str) -> PoolSpec:
    spec = next((pool for pool in scope.team.pools if pool.name == name), None)
    if spec is None:
        there_are = ", ".join(pool.name for pool in scope.team.pools)
        raise NotFound(f"there is no pool `{name[:70]}` in this team; there are: {there_are}")
    if spec.scale is None:
        scaled = ", ".join(pool.name for pool in scaled_pools(scope.team))
        raise InvalidArgument(
            f"pool {spec.name} has a fixed size of {spec.size}; give it `scale` in the profile. "
            f"Scaled here: {scaled or 'none'}"
        )
    return spec
