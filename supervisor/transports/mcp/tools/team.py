"""The tools about the team: who is there, and what one says of oneself."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from supervisor.coordinator import load, roster
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.roster import Mood
from supervisor.coordinator.scope import Scope
from supervisor.model.permissions import Operation
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.tasks import Nothing
from supervisor.transports.mcp.tools.tool import Answer, Arguments, Mutation, simple_tool


class Register(Arguments):
    """Arguments of agent_register."""

    name: str | None = Field(default=None, description="Your name, if you want to say it.")
    role: str | None = Field(default=None, description="Your role, if you want to say it.")


class Update(Mutation):
    """Arguments of agent_update."""

    state: str = Field(description=f"One of {', '.join(Mood)}.")
    task_id: str | None = Field(default=None, description="The task it is about.")
    note: str = Field(default="", description="A few words for whoever watches.")


class Listing(Arguments):
    """Arguments of agent_list."""

    role: str | None = None
    state: str | None = Field(default=None, description="E.g. idle or working.")
    sort: str = Field(default="name", description="`name`, or `load`: idle first, least held first.")


def register(_scope: Scope, actor: Actor, asked: Register) -> Answer:
    """Confirm who the key belongs to."""
    roster.assert_identity(actor, name=asked.name, role=asked.role)
    return {"name": actor.name, "role": actor.role.value, "incarnation": actor.incarnation}


def update(scope: Scope, actor: Actor, asked: Update) -> Answer:
    """Set the actor's own line."""
    agent = roster.report(scope, actor, asked.state, task=asked.task_id, note=asked.note)
    return {"name": agent.name, "state": agent.state.value, "activity": agent.activity}


def list_agents(scope: Scope, actor: Actor, asked: Listing) -> Answer:
    """Answer who is in the team."""
    found = roster.members(scope, actor, role=asked.role, state=asked.state, sort=asked.sort)
    return {"agents": to_wire(found)}


def show_load(scope: Scope, actor: Actor, _asked: Nothing) -> Answer:
    """Answer who has how much, what waits, and how many workers would help."""
    answer: Answer = to_wire(load.team_load(scope, actor))
    return answer


TEAM_TOOLS: Final = (
    simple_tool(
        "team_load",
        "Show the load of each pool, who is least loaded, and how many workers would help.",
        Operation.TEAM_READ,
        Nothing,
        show_load,
    ),
    simple_tool(
        "agent_register",
        "Confirm your name and role. They are those of your key; any other is refused.",
        Operation.TEAM_READ,
        Register,
        register,
    ),
    simple_tool(
        "agent_update",
        "Say what you do, for whoever watches. It changes no task and gives no right.",
        Operation.TEAM_REPORT,
        Update,
        update,
    ),
    simple_tool(
        "agent_list",
        "List the team: role, state, tasks held, load, unread mail, age of the last call.",
        Operation.TEAM_READ,
        Listing,
        list_agents,
    ),
)
