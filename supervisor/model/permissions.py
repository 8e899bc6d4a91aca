"""Who may do what: one table, deny by default."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from supervisor.errors import Forbidden
from supervisor.model.agent import Role


class Operation(StrEnum):
    """Everything that an agent can ask of the coordinator."""

    TASK_READ = "task.read"
    TASK_CREATE = "task.create"
    TASK_CREATE_SUBTASK = "task.create_subtask"
    TASK_LINK = "task.link"
    TASK_CANCEL = "task.cancel"
    TASK_CLAIM = "task.claim"
    TASK_WORK = "task.work"
    TASK_NOTE = "task.note"
    TASK_REVIEW = "task.review"
    TASK_UPDATE = "task.update"
    TASK_ASSIGN = "task.assign"
    TASK_HOLD = "task.hold"
    TASK_REOPEN = "task.reopen"
    TASK_HANDOFF = "task.handoff"
    MILESTONE_WRITE = "milestone.write"
    HELP = "help"
    MESSAGE_SEND = "message.send"
    MESSAGE_READ = "message.read"
    VOTE_OPEN = "vote.open"
    VOTE_CAST = "vote.cast"
    VOTE_READ = "vote.read"
    MEMORY_READ = "memory.read"
    MEMORY_WRITE = "memory.write"
    APPROVAL_REQUEST = "approval.request"
    QUESTION_ASK = "question.ask"
    TEAM_READ = "team.read"
    TEAM_REPORT = "team.report"
    WAIT = "wait"


_EVERYONE: Final = frozenset(
    {
        Operation.TASK_READ,
        Operation.MESSAGE_READ,
        Operation.VOTE_READ,
        Operation.MEMORY_READ,
        Operation.TEAM_READ,
        Operation.WAIT,
    }
)
_SPEAKING: Final = _EVERYONE | {
    Operation.TEAM_REPORT,
    Operation.MESSAGE_SEND,
    Operation.VOTE_CAST,
    Operation.MEMORY_WRITE,
    Operation.APPROVAL_REQUEST,
    Operation.QUESTION_ASK,
    Operation.HELP,
    Operation.TASK_NOTE,
    Operation.TASK_HANDOFF,
}
_PLANNING: Final = frozenset(
    {
        Operation.TASK_CREATE,
        Operation.TASK_LINK,
        Operation.TASK_CANCEL,
        Operation.TASK_UPDATE,
        Operation.TASK_ASSIGN,
        Operation.TASK_HOLD,
        Operation.TASK_REOPEN,
        Operation.MILESTONE_WRITE,
        Operation.VOTE_OPEN,
    }
)
_WORKING: Final = frozenset({Operation.TASK_CLAIM, Operation.TASK_WORK, Operation.TASK_CREATE_SUBTASK})
_JUDGING: Final = frozenset({Operation.TASK_REVIEW})

PERMISSIONS: Final[dict[Role, frozenset[Operation]]] = {
    Role.ORCHESTRATOR: _SPEAKING | _PLANNING,
    Role.PLANNER: _SPEAKING | _PLANNING,
    Role.WORKER: _SPEAKING | _WORKING | {Operation.VOTE_OPEN},
    Role.JUDGE: _SPEAKING | _JUDGING,
    Role.MONITOR: _EVERYONE | {Operation.MESSAGE_SEND},
    Role.SOLO: _SPEAKING | _PLANNING | _WORKING | _JUDGING,
}


def may(role: Role, operation: Operation) -> bool:
    """Tell whether the table grants the operation to the role."""
    return operation in PERMISSIONS[role]


def check(role: Role, operation: Operation) -> None:
    """Raise Forbidden, naming role and operation, unless the table grants it."""
    if not may(role, operation):
        allowed = ", ".join(other.value for other in Role if may(other, operation))
        raise Forbidden(f"a {role.value} may not do {operation.value}; it is for: {allowed}")
