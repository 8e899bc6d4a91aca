"""Deeds: which right an agent must have had for an event to bear its name."""

from __future__ import annotations

from typing import Final

from supervisor.model.permissions import Operation

Op = Operation

_TASK_STEERED: Final = frozenset(
    {Op.TASK_LINK, Op.TASK_UPDATE, Op.TASK_ASSIGN, Op.TASK_HOLD, Op.TASK_REOPEN, Op.TASK_CANCEL}
)
_TASK_MADE: Final = frozenset({Op.TASK_CREATE, Op.TASK_CREATE_SUBTASK})

DEEDS: Final[dict[str, frozenset[Operation]]] = {
    "task.created": _TASK_MADE,
    "task.linked": frozenset({Op.TASK_LINK}),
    "task.updated": frozenset({Op.TASK_UPDATE, Op.TASK_HANDOFF}),
    "task.assigned": frozenset({Op.TASK_ASSIGN}),
    "task.handed_on": frozenset({Op.TASK_HANDOFF}),
    "task.reopened": frozenset({Op.TASK_REOPEN}),
    "task.cancelled": frozenset({Op.TASK_CANCEL, Op.TASK_CREATE_SUBTASK}),
    "task.skipped": frozenset({Op.TASK_CANCEL, Op.TASK_CREATE_SUBTASK}),
    "task.claimed": frozenset({Op.TASK_CLAIM}),
    "task.progress": frozenset({Op.TASK_WORK}),
    "task.submitted": frozenset({Op.TASK_WORK}),
    "task.done": frozenset({Op.TASK_WORK, Op.TASK_REVIEW}),
    "task.failed": frozenset({Op.TASK_WORK}),
    "task.retried": frozenset({Op.TASK_WORK, Op.TASK_REOPEN}),
    "task.released": frozenset({Op.TASK_WORK, Op.TASK_ASSIGN, Op.TASK_HANDOFF}),
    "task.blocked": _TASK_STEERED | _TASK_MADE | {Op.TASK_WORK, Op.HELP},
    "task.ready": _TASK_STEERED | _TASK_MADE | {Op.TASK_WORK},
    "task.review_taken": frozenset({Op.TASK_REVIEW}),
    "task.approval_counted": frozenset({Op.TASK_REVIEW}),
    "task.approved": frozenset({Op.TASK_REVIEW}),
    "task.rejected": frozenset({Op.TASK_REVIEW}),
    "board.written": frozenset({Op.TASK_WORK}),
    "note.added": frozenset({Op.TASK_NOTE}),
    "checkpoint.saved": frozenset({Op.TASK_WORK}),
    "milestone.created": frozenset({Op.MILESTONE_WRITE}),
    "milestone.last_cycle": frozenset({Op.MILESTONE_WRITE}),
    "milestone.cancelled": frozenset({Op.MILESTONE_WRITE}),
    "milestone.done": frozenset({Op.MILESTONE_WRITE}),
    "handoff.asked": frozenset({Op.TASK_HANDOFF}),
    "handoff.automatic": frozenset({Op.TASK_WORK}),
    "message.sent": frozenset({Op.MESSAGE_SEND}),
    "delivery.queued": frozenset({Op.MESSAGE_SEND}),
    "delivery.delivered": frozenset({Op.MESSAGE_READ}),
    "delivery.acked": frozenset({Op.MESSAGE_READ}),
    "vote.opened": frozenset({Op.VOTE_OPEN}),
    "vote.closed": frozenset({Op.VOTE_OPEN}),
    "ballot.cast": frozenset({Op.VOTE_CAST}),
    "memory.set": frozenset({Op.MEMORY_WRITE}),
    "memory.deleted": frozenset({Op.MEMORY_WRITE}),
    "approval.requested": frozenset({Op.APPROVAL_REQUEST}),
    "approval.used": frozenset({Op.APPROVAL_REQUEST}),
    "question.asked": frozenset({Op.QUESTION_ASK}),
    "work_state.saved": frozenset({Op.MEMORY_WRITE}),
    "agent.idle": frozenset({Op.WAIT}),
    "agent.working": frozenset({Op.WAIT}),
    "agent.waiting_human": frozenset({Op.WAIT}),
    "agent.reported": frozenset({Op.TEAM_REPORT}),
}
"""For each kind of event that an agent can cause, the rights of which it must have had one.

A kind that is not here is caused by the engine or a person only. What an agent's doings make of its
own slot (`agent.idle`, …) needs no more than everybody has.
"""
