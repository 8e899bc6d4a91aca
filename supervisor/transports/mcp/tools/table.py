"""All tools, by name; a tool that is not in here does not exist."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from supervisor.coordinator import handoffs, mailboxes, work_state
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.waiting import WAIT_MAX_S, WORDS
from supervisor.errors import UnknownTool
from supervisor.model.agent import Role
from supervisor.model.permissions import Operation
from supervisor.model.task import Task
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.ballots import VOTE_TOOLS
from supervisor.transports.mcp.tools.judging import JUDGING_TOOLS
from supervisor.transports.mcp.tools.mail import MAIL_TOOLS
from supervisor.transports.mcp.tools.memories import MEMORY_TOOLS
from supervisor.transports.mcp.tools.people import PEOPLE_TOOLS
from supervisor.transports.mcp.tools.planning import PLANNING_TOOLS
from supervisor.transports.mcp.tools.requests import APPROVAL_TOOLS
from supervisor.transports.mcp.tools.tasks import TASK_TOOLS, Nothing
from supervisor.transports.mcp.tools.team import TEAM_TOOLS
from supervisor.transports.mcp.tools.tool import Answer, Arguments, Tool

WAIT: Final = "wait"
WHOAMI: Final = "whoami"


class Wait(Arguments):
    """Arguments of wait."""

    wanted: list[str] = Field(alias="for", description=f"What to wait for: {WORDS}.")
    timeout_s: float = Field(default=WAIT_MAX_S, ge=0, le=WAIT_MAX_S)
    all: bool = Field(default=False, description="Wait until all of them hold, not only one.")


def whoami(scope: Scope, actor: Actor, _asked: Nothing) -> Answer:
    """Answer who the key belongs to and what it holds."""
    agent = scope.agent(actor.name)
    return {
        "name": actor.name,
        "role": actor.role.value,
        "pool": agent.pool,
        "incarnation": actor.incarnation,
        "run": scope.run,
        "team": scope.team.name,
        "settings": scope.team.settings,
        "held": to_wire(scope.tx.values(Task, "task.held_by", agent=actor.name)),
        "unread": mailboxes.unread_count(scope, actor),
        "state": to_wire(work_state.state_of(scope, actor.name)),
        "last_handoff": to_wire(handoffs.newest_for(scope, actor.name, actor.role)),
        "checkpoint": to_wire(work_state.newest_checkpoint(scope, actor.name)),
    }


def _held_by_desk(_scope: Scope, _actor: Actor, _asked: Arguments) -> Answer:
    raise UnknownTool("`wait` is held by the desk, not run in a transaction")


TOOLS: Final[dict[str, Tool]] = {
    tool.name: tool
    for tool in (
        Tool(
            name=WHOAMI,
            title="Who am I",
            description="Say who you are, what you hold and where things are. Call it first.",
            operations=(Operation.TASK_READ,),
            arguments=Nothing,
            handler=whoami,
        ),
        *TASK_TOOLS,
        *PLANNING_TOOLS,
        *JUDGING_TOOLS,
        *MAIL_TOOLS,
        *MEMORY_TOOLS,
        *VOTE_TOOLS,
        *APPROVAL_TOOLS,
        *PEOPLE_TOOLS,
        *TEAM_TOOLS,
        Tool(
            name=WAIT,
            title="Wait",
            description="Wait until one condition holds, or all; at most 45 s. Costs nothing; call it again.",
            operations=(Operation.WAIT,),
            arguments=Wait,
            handler=_held_by_desk,
            held=True,
        ),
    )
}


def tool_named(name: str, role: Role) -> Tool:
    """Return the tool; one that the role may not see is as unknown as one that does not exist."""
    tool = TOOLS.get(name)
    if tool is None or not tool.visible_to(role):
        raise UnknownTool(f"there is no tool `{name[:60]}` for a {role.value}")
    return tool
