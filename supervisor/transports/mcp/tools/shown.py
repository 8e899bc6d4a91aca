"""The few tools that a role is shown unless its pool asks for all: every name costs an agent's context."""

from __future__ import annotations

from typing import Final

from supervisor.model.agent import Role
from supervisor.model.team import ToolSet
from supervisor.transports.mcp.tools.table import TOOLS

_EVERYBODY: Final = (
    "whoami",
    "task_get",
    "task_note",
    "help",
    "inbox",
    "message_send",
    "memory",
    "wait",
)
_WORKING: Final = (
    "task_next",
    "task_claim",
    "task_progress",
    "task_complete",
    "task_fail",
    "task_release",
)
_JUDGING: Final = ("review_take", "task_approve", "task_reject")
_PLANNING: Final = (
    "task_list",
    "task_create",
    "plan_create",
    "task_update",
    "task_assign",
    "task_link",
    "task_cancel",
    "vote_open",
)

CORE: Final[dict[Role, frozenset[str]]] = {
    Role.ORCHESTRATOR: frozenset((*_EVERYBODY, *_PLANNING)),
    Role.PLANNER: frozenset((*_EVERYBODY, *_PLANNING)),
    Role.WORKER: frozenset((*_EVERYBODY, *_WORKING)),
    Role.JUDGE: frozenset((*_EVERYBODY, *_JUDGING)),
    Role.MONITOR: frozenset({*_EVERYBODY, "task_list", "agent_list"} - {"help", "task_note"}),
    Role.SOLO: frozenset((*_EVERYBODY, *_WORKING, *_JUDGING, *_PLANNING)),
}


def shown(role: Role, wanted: ToolSet) -> frozenset[str]:
    """Return the names of the tools that an agent's list shows; it may call all that its role may."""
    if wanted is ToolSet.FULL:
        return frozenset(name for name, tool in TOOLS.items() if tool.visible_to(role))
    return CORE[role]
