"""What every use case works in: one transaction, the team, and whether a person is there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from supervisor.coordinator.actor import Actor
from supervisor.errors import NotFound, TooLarge, Unauthenticated
from supervisor.model.agent import Agent, AgentState
from supervisor.model.approval import Mode
from supervisor.model.ids import TaskId, number_of
from supervisor.model.milestone import Milestone
from supervisor.model.outside_key import OUTSIDE
from supervisor.model.task import Task
from supervisor.model.team import PoolSpec, TeamSpec
from supervisor.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One use case's view of the world. `last_calls` maps agents to their last call, epoch seconds.

    `held_back` says of agents why they get no new work now, though nobody set them aside. `in_turns`
    names those that do nothing but what a turn tells them, `spent` those that get none until a person gives
    them more.
    """

    tx: Transaction
    team: TeamSpec
    mode: Mode
    last_calls: Mapping[str, float] = field(default_factory=dict)
    held_back: Mapping[str, str] = field(default_factory=dict)
    in_turns: Collection[str] = ()
    spent: Collection[str] = ()

    @property
    def now(self) -> float:
        """Return the time of this transaction, epoch seconds."""
        return self.tx.now

    @property
    def run(self) -> int:
        """Return the number of the current run."""
        return self.tx.run

    def task(self, task_id: str) -> Task:
        """Return a task; raise NotFound."""
        found = self.tx.value(Task, "task.get", n=number_of(task_id, "T"))
        if found is None:
            raise NotFound(f"there is no task `{task_id[:40]}`")
        return found

    def milestone(self, spelled: str) -> Milestone:
        """Return a milestone; raise NotFound."""
        found = self.tx.value(Milestone, "milestone.get", n=number_of(spelled, "P"))
        if found is None:
            raise NotFound(f"there is no milestone `{spelled[:40]}`")
        return found

    def agent(self, name: str) -> Agent:
        """Return an agent of the team; raise NotFound."""
        found = self.tx.value(Agent, "agent.get", name=name)
        if found is None:
            raise NotFound(f"there is no agent `{name[:70]}` in this team")
        return found

    def agents(self) -> tuple[Agent, ...]:
        """List the team by name: the profile's agents, and those that a key lets in from outside.

        Leavers of earlier profiles are left out, and whoever's key has ended.
        """
        names = {name for pool in self.team.pools for name in pool.agent_names}
        known = self.tx.values(Agent, "agent.all")
        return tuple(agent for agent in known if agent.name in names or _joined(agent))

    def member(self, name: str) -> Agent | None:
        """Return one of `agents` by its name, or None for whoever is not of the team."""
        found = self.tx.value(Agent, "agent.get", name=name)
        if found is None or (self.pool_of(name) is None and not _joined(found)):
            return None
        return found

    def pool_of(self, name: str) -> PoolSpec | None:
        """Return the pool of an agent, or None for one that the profile does not define."""
        try:
            return self.team.pool_of(name)
        except KeyError:
            return None

    def quarantine_of(self, name: str) -> str:
        """Say why an agent may claim nothing; empty if it may."""
        row = self.tx.one("agent.get", name=name)
        return "" if row is None else row["quarantined"]

    def save_task(self, kind: str, task: Task, *, actor: str, reason: str = "") -> Task:
        """Write a changed task with its event."""
        return self.tx.record(kind, task, actor=actor, reason=reason)


def _joined(agent: Agent) -> bool:
    return agent.pool == OUTSIDE and agent.state is not AgentState.EXITED


def check_live(scope: Scope, actor: Actor) -> None:
    """Raise Unauthenticated if the actor's incarnation has ended: its key is revoked."""
    if scope.tx.one("incarnation.is_live", agent=actor.name, number=actor.incarnation) is None:
        raise Unauthenticated(
            f"incarnation {actor.incarnation} of {actor.name} has ended; its key is revoked"
        )


def sized(text: str, limit: int, what: str) -> str:
    """Return `text` if it has at most `limit` bytes, else raise TooLarge with both figures."""
    size = len(text.encode())
    if size > limit:
        raise TooLarge(f"{what} has {size} bytes; at most {limit} are allowed")
    return text


def task_number(task_id: TaskId | str) -> int:
    """Return the row number of a task id."""
    return number_of(task_id, "T")
