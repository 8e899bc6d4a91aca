"""Outside agents: members of the team that a key lets in and that no slot starts or stops."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from supervisor.coordinator import agents, approvals, ending, mailboxes, questions
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import InvalidArgument, NotFound, RunConflict, TooMany, Unauthenticated, WrongState
from supervisor.model.agent import ALIVE, BUSY, Agent, AgentState, Role
from supervisor.model.ids import HUMAN, RESERVED_NAMES, SUPERVISOR, checked_name, key_hash
from supervisor.model.outside_key import (
    GRACE_MAX_S,
    KEYS_MAX,
    LABEL_MAX,
    LIFETIME_MAX_S,
    LIFETIME_MIN_S,
    NAMES_MAX,
    OUTSIDE,
    OUTSIDE_ROLES,
    KeyLine,
    KeyState,
    NewKey,
    OutsideKey,
)
from supervisor.model.team import TeamSpec

USE_EVERY_S: Final = 60.0
"""How exactly it is stored when a key was used last; to the second it would be a write for every call."""

NOT_YET: Final = "has not called yet"


def create(scope: Scope, wanted: NewKey, *, hashed: str) -> OutsideKey:
    """Let a new agent into the team under the key with this hash; raise RequestError if it cannot be."""
    _check_wanted(scope, wanted)
    former = scope.tx.value(OutsideKey, "outside_key.get", name=wanted.name)
    key = OutsideKey(
        name=wanted.name,
        role=wanted.role,
        groups=wanted.groups,
        tags=wanted.tags,
        label=wanted.label,
        tools=wanted.tools,
        serial=1 if former is None else former.serial + 1,
        created_at=scope.now,
        expires_at=None if wanted.lifetime_s is None else scope.now + wanted.lifetime_s,
        lifetime_s=wanted.lifetime_s,
    )
    scope.tx.record("outside_key.created", key, actor=HUMAN)
    scope.tx.execute("outside_key.add_secret", key_hash=hashed, name=key.name, serial=key.serial)
    _enrol(scope, key)
    return key


def rotate(scope: Scope, name: str, *, hashed: str, grace_s: float = 0.0) -> OutsideKey:
    """Take another plaintext for this name; the old one is refused at once, or after `grace_s`."""
    key = the_key(scope, name)
    if not 0 <= grace_s <= GRACE_MAX_S:
        raise InvalidArgument(f"a grace of {grace_s:g} s is not between 0 and {GRACE_MAX_S:.0f} s")
    if key.state is KeyState.REVOKED:
        raise WrongState(f"key {name} is revoked. Create it anew: `supervisor key create {name} --role ROLE`")
    if key.state is KeyState.EXPIRED:
        _check_room(scope, key.role)
    graced = grace_s > 0 and key.state is KeyState.ACTIVE and not _overdue(key, scope.now)
    if graced:
        scope.tx.execute("outside_key.limit_secrets", name=name, until=scope.now + grace_s)
    else:
        scope.tx.execute("outside_key.drop_secrets", name=name)
        _end_incarnations(scope, name, reason="its key was rotated")
    rotated = replace(
        key,
        state=KeyState.ACTIVE,
        serial=key.serial + 1,
        rotated_at=scope.now,
        expires_at=None if key.lifetime_s is None else scope.now + key.lifetime_s,
        ended_at=None,
    )
    scope.tx.record("outside_key.rotated", rotated, actor=HUMAN)
    scope.tx.execute("outside_key.add_secret", key_hash=hashed, name=name, serial=rotated.serial)
    if not graced:
        _enrol(scope, rotated)
    return rotated


def revoke(scope: Scope, name: str) -> OutsideKey:
    """End a key for good: what its agent holds goes back to the others, and it leaves the team."""
    key = the_key(scope, name)
    if key.state is KeyState.REVOKED:
        raise WrongState(f"key {name} is revoked already")
    return _end_key(scope, key, KeyState.REVOKED, actor=HUMAN, reason="its key was revoked")


def the_key(scope: Scope, name: str) -> OutsideKey:
    """Return a key's facts; raise NotFound."""
    key = scope.tx.value(OutsideKey, "outside_key.get", name=name)
    if key is None:
        raise NotFound(f"there is no key `{name[:70]}`. See `supervisor key list`")
    return key


def listed(scope: Scope) -> tuple[KeyLine, ...]:
    """List every key with its last use; one whose time is over counts as expired at once."""
    stored = {row["name"]: float(row["last_used_at"]) for row in scope.tx.all("outside_key.uses")}
    lines = []
    for key in scope.tx.values(OutsideKey, "outside_key.all"):
        used = max(stored.get(key.name, 0.0), scope.last_calls.get(key.name, 0.0)) or None
        is_over = key.state is KeyState.ACTIVE and _overdue(key, scope.now)
        lines.append(KeyLine(key=replace(key, state=KeyState.EXPIRED) if is_over else key, last_used_at=used))
    return tuple(lines)


def check_team(scope: Scope, team: TeamSpec) -> None:
    """Raise RunConflict if an active key has the name of one of the team's agents, or its chief's role."""
    own = set().union(*_names_of(team))
    for key in _active(scope):
        if key.name in own:
            raise RunConflict(
                f"an agent of team {team.name} has the name of the outside agent {key.name}. Revoke its key "
                f"with `supervisor key revoke {key.name}`, or rename the pool."
            )
        if key.role is Role.ORCHESTRATOR and _chiefs(team):
            raise RunConflict(
                f"team {team.name} has an orchestrator, and so is the outside agent {key.name}; only one can "
                f"be. Revoke its key with `supervisor key revoke {key.name}`, or use another profile."
            )


def arrive(scope: Scope, name: str, serial: int, *, session: str, boot_id: str) -> Actor:
    """Begin an outside agent's incarnation at its first call; raise Unauthenticated if its key has ended."""
    key = scope.tx.value(OutsideKey, "outside_key.get", name=name)
    if key is None or key.state is not KeyState.ACTIVE or serial > key.serial:
        raise Unauthenticated(f"the key of {name[:70]} has ended")
    _end_incarnations(scope, name, reason=f"{name} joined anew")
    number: int = scope.tx.scalar("incarnation.next_number", agent=name)
    # Its key stands in outside_secret and outlives incarnations; here only something unique is asked for.
    placeholder = key_hash(f"{session}/{name}#{number}")
    agents.begin_incarnation(scope, name, key_hash=placeholder, session=session, boot_id=boot_id)
    begun = replace(scope.agent(name), incarnation=number, activity="")
    _stand(scope, begun, AgentState.STARTING, reason="")
    _stand(scope, scope.agent(name), AgentState.IDLE, reason="")
    agents.refresh_activity(scope, name)
    return Actor(
        name=name, role=key.role, incarnation=number, run=scope.run, groups=key.groups, tags=key.tags
    )


def came_back(scope: Scope, name: str) -> None:
    """Count an agent that had fallen silent as present again."""
    agent = scope.agent(name)
    if agent.state is AgentState.PENDING:
        _stand(scope, agent, AgentState.IDLE, reason="")
        agents.refresh_activity(scope, name)


def keep(scope: Scope) -> None:
    """Do what time makes due: note uses, end keys whose time is over, tell who has fallen silent."""
    scope.tx.execute("outside_key.drop_late_secrets", now=scope.now)
    stored = {row["name"]: float(row["last_used_at"]) for row in scope.tx.all("outside_key.uses")}
    for key in _active(scope):
        last = scope.last_calls.get(key.name)
        if last is not None and last - stored.get(key.name, 0.0) >= USE_EVERY_S:
            scope.tx.execute("outside_key.used", name=key.name, at=last)
        if _overdue(key, scope.now):
            _end_key(scope, key, KeyState.EXPIRED, actor=SUPERVISOR, reason="its key has expired")
        else:
            _note_silence(scope, key.name, last)


def rest(scope: Scope, *, reason: str) -> None:
    """End the incarnations of all outside agents because the engine ends; they keep key, tasks and mail."""
    for key in _active(scope):
        last = scope.last_calls.get(key.name)
        if last is not None:
            scope.tx.execute("outside_key.used", name=key.name, at=last)
        _end_incarnations(scope, key.name, reason=reason)
        agent = scope.agent(key.name)
        if agent.state in ALIVE:
            _stand(scope, replace(agent, task=None), AgentState.PENDING, reason=reason)


def _check_wanted(scope: Scope, wanted: NewKey) -> None:
    name = checked_name(wanted.name, "the name of an outside agent")
    if name in RESERVED_NAMES:
        raise InvalidArgument(f"`{name}` is reserved ({', '.join(sorted(RESERVED_NAMES))}); choose another")
    agents_, pools = _names_of(scope.team)
    if name in agents_ or name in pools:
        what = "an agent" if name in agents_ else "a pool"
        raise InvalidArgument(f"`{name}` is {what} of team {scope.team.name}; choose another name")
    known = scope.tx.value(Agent, "agent.get", name=name)
    if known is not None and known.pool != OUTSIDE:
        raise InvalidArgument(f"`{name}` was an agent of an earlier team here; choose another name")
    former = scope.tx.value(OutsideKey, "outside_key.get", name=name)
    if former is not None and former.state is not KeyState.REVOKED:
        raise WrongState(
            f"there is a key `{name}` already ({former.state.value}). Give it a new one with "
            f"`supervisor key rotate {name}`, or end it with `supervisor key revoke {name}`"
        )
    if wanted.role not in OUTSIDE_ROLES:
        listed_roles = ", ".join(OUTSIDE_ROLES)
        raise InvalidArgument(f"an outside agent cannot be a {wanted.role.value}; it can be: {listed_roles}")
    _check_details(wanted)
    _check_room(scope, wanted.role)


def _check_details(wanted: NewKey) -> None:
    for what, names in (("group", wanted.groups), ("tag", wanted.tags)):
        if len(names) > NAMES_MAX or len(set(names)) < len(names):
            raise InvalidArgument(f"a key has at most {NAMES_MAX} {what}s, each once")
        for each in names:
            checked_name(each, f"the {what}")
    sized(wanted.label, LABEL_MAX, "label")
    lifetime = wanted.lifetime_s
    if lifetime is not None and not LIFETIME_MIN_S <= lifetime <= LIFETIME_MAX_S:
        raise InvalidArgument(f"a key lives between 60 s and 3650 d, not {lifetime:g} s")


def _check_room(scope: Scope, role: Role) -> None:
    """Hold the number of keys, and that a team has one orchestrator at most."""
    active = tuple(_active(scope))
    if len(active) >= KEYS_MAX:
        raise TooMany(
            f"there are {KEYS_MAX} active keys; revoke one that nobody uses (`supervisor key list`)"
        )
    if role is not Role.ORCHESTRATOR:
        return
    chiefs = [*_chiefs(scope.team), *(key.name for key in active if key.role is Role.ORCHESTRATOR)]
    if chiefs:
        raise WrongState(f"the team has an orchestrator already, {chiefs[0]}; there can be only one")


def _names_of(team: TeamSpec) -> tuple[set[str], set[str]]:
    """Return the names of a team's agents, and of its pools."""
    return {name for pool in team.pools for name in pool.agent_names}, {pool.name for pool in team.pools}


def _chiefs(team: TeamSpec) -> list[str]:
    return [name for pool in team.pools if pool.role is Role.ORCHESTRATOR for name in pool.agent_names]


def _active(scope: Scope) -> Iterable[OutsideKey]:
    known = scope.tx.values(OutsideKey, "outside_key.all")
    return [key for key in known if key.state is KeyState.ACTIVE]


def _overdue(key: OutsideKey, now: float) -> bool:
    return key.expires_at is not None and key.expires_at <= now


def _enrol(scope: Scope, key: OutsideKey) -> None:
    """Give the agent its row; what is known of it by this name stays."""
    known = scope.tx.value(Agent, "agent.get", name=key.name)
    enrolled = replace(
        known or Agent(name=key.name, pool=OUTSIDE, role=key.role),
        role=key.role,
        groups=key.groups,
        tags=key.tags,
        state=AgentState.PENDING,
        task=None,
        since=scope.now,
        reason=NOT_YET,
        activity="",
    )
    scope.tx.record("agent.enrolled", enrolled, actor=HUMAN, reason=NOT_YET)


def _end_key(scope: Scope, key: OutsideKey, state: KeyState, *, actor: str, reason: str) -> OutsideKey:
    ended = replace(key, state=state, ended_at=scope.now)
    scope.tx.record(f"outside_key.{state.value}", ended, actor=actor, reason=reason)
    scope.tx.execute("outside_key.drop_secrets", name=key.name)
    _end_incarnations(scope, key.name, reason=reason)
    ending.holder_gone(scope, key.name, reason=reason, is_failure=False)
    ending.free_reservations(scope, key.name, reason=reason)
    questions.withdraw(scope, key.name, reason)
    _stand(scope, replace(scope.agent(key.name), task=None), AgentState.EXITED, reason=reason)
    return ended


def _end_incarnations(scope: Scope, name: str, *, reason: str) -> None:
    """End whatever incarnation of this name is live; what it asked leave for is asked no more."""
    for row in scope.tx.all("outside_key.live"):
        if row["agent"] == name:
            agents.end_incarnation(scope, name, row["number"])
            approvals.withdraw(scope, name, reason=reason)
            mailboxes.incarnation_over(scope, name, is_failure=False)


def _note_silence(scope: Scope, name: str, last: float | None) -> None:
    """Count an agent as away that has nothing in hand and has not called for as long as a lease lasts."""
    agent = scope.agent(name)
    heard = max(agent.since, last or 0.0)
    if agent.state is AgentState.IDLE and scope.now - heard > scope.team.lease_s:
        reason = f"silent for over {scope.team.lease_s:.0f} s"
        _stand(scope, agent, AgentState.PENDING, reason=reason)
        ending.free_reservations(scope, name, reason=reason)


def _stand(scope: Scope, agent: Agent, state: AgentState, *, reason: str) -> None:
    doing = replace(
        agent, state=state, reason=reason, since=scope.now, task=agent.task if state in BUSY else None
    )
    scope.tx.record(f"agent.{state.value}", doing, actor=SUPERVISOR, reason=reason)
