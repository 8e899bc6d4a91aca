"""Whom a word in a file of tasks means: an agent, a pool, a role, a group or a tag of this team."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from supervisor.config.problems import did_you_mean
from supervisor.errors import InvalidArgument
from supervisor.model.agent import ROLE_ALIASES, Agent, AgentState, Role
from supervisor.model.outside_key import OUTSIDE
from supervisor.model.permissions import Operation, may
from supervisor.model.world import EngineInfo

Wanted = dict[str, Any]
"""The part of a task's arguments that says whom it is for."""


class Addressees:
    """The team, as far as work can be meant for it."""

    def __init__(self, agents: Iterable[Agent], engine: EngineInfo) -> None:
        """Know the agents of the profile and those from outside; who left is left out."""
        pools = {pool.name for pool in engine.pools}
        self._agents = [each for each in agents if each.pool in pools or _has_joined(each)]
        self._claiming = [each for each in self._agents if may(each.role, Operation.TASK_CLAIM)]
        self._pools = pools

    def meant_by(self, word: str) -> Wanted:
        """Return the arguments for a task that is for `word`; raise InvalidArgument if nobody can take it.

        An agent's name comes before a pool's, a pool's before a role's, then groups, then tags.
        """
        known = {each.name: each for each in self._agents}
        if word in known:
            self._must_claim(word, known[word].role)
            return {"assignee": word}
        if word in self._pools:
            return self._pool(word)
        role = ROLE_ALIASES.get(word, word)
        if any(each.role.value == role for each in self._agents):
            self._must_claim(word, Role(role))
            return {"required_role": role}
        for wanted, of in (("required_group", "groups"), ("required_tags", "tags")):
            if any(word in getattr(each, of) for each in self._claiming):
                return {wanted: [word] if wanted == "required_tags" else word}
        raise InvalidArgument(f"`{word[:70]}` is nobody in this team{did_you_mean(word, self._words())}")

    def _must_claim(self, word: str, role: Role) -> None:
        if not may(role, Operation.TASK_CLAIM):
            able = ", ".join(sorted(each.name for each in self._claiming)[:10])
            raise InvalidArgument(
                f"`{word}` is a {role.value}, who claims no tasks; who does: {able or 'nobody'}"
            )

    def _pool(self, pool: str) -> Wanted:
        """Return what picks exactly the agents of a pool out of all who claim tasks."""
        members = [each for each in self._agents if each.pool == pool]
        if not members:
            raise InvalidArgument(f"no agent of the pool `{pool}` was ever started")
        self._must_claim(pool, members[0].role)
        ways: list[tuple[Wanted, Callable[[Agent], bool]]] = [
            *(({"required_group": group}, _in_group(group)) for group in members[0].groups),
            *(({"required_tags": [tag]}, _with_tag(tag)) for tag in members[0].tags),
            ({"required_role": members[0].role.value}, _of_role(members[0].role)),
        ]
        for wanted, picks in ways:
            if [each for each in self._claiming if picks(each)] == members:
                return wanted
        raise InvalidArgument(
            f"the pool `{pool}` cannot be told from others: give it a group or tag of its own"
        )

    def _words(self) -> list[str]:
        groups = {group for each in self._claiming for group in each.groups}
        tags = {tag for each in self._claiming for tag in each.tags}
        names = {each.name for each in self._claiming}
        return sorted(names | groups | tags | {each.pool for each in self._claiming if each.pool != OUTSIDE})


def _has_joined(agent: Agent) -> bool:
    return agent.pool == OUTSIDE and agent.state is not AgentState.EXITED


def _in_group(group: str) -> Callable[[Agent], bool]:
    return lambda agent: group in agent.groups


def _with_tag(tag: str) -> Callable[[Agent], bool]:
    return lambda agent: tag in agent.tags


def _of_role(role: Role) -> Callable[[Agent], bool]:
    return lambda agent: agent.role is role
