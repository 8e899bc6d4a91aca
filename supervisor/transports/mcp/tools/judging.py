"""The tools of judges: what waits for review, take it, approve it, send it back."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from supervisor.coordinator import reviews, work
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.model.permissions import Operation
from supervisor.model.task import Task
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.tasks import TASK_ID, MaybeTask, Nothing
from supervisor.transports.mcp.tools.tool import Answer, Mutation, simple_tool


class Approve(Mutation):
    """Arguments of task_approve."""

    task_id: str = Field(description=TASK_ID)
    note: str = ""
    verified: list[int] | None = Field(
        default=None, description="Numbers of the criteria that you checked, from 1; all of them, if given."
    )


class Reject(Mutation):
    """Arguments of task_reject."""

    task_id: str = Field(description=TASK_ID)
    feedback: str = Field(description="What is missing and how to mend it; the worker reads this.")
    issues: list[str] = Field(default_factory=list, description="Single things to mend, one each.")


def list_reviews(scope: Scope, actor: Actor, _asked: Nothing) -> Answer:
    """Answer what waits for review, best first, with whoever has taken it."""
    waiting = scope.tx.values(Task, "task.reviewable", run=scope.run, agent=None)
    following = reviews.next_review(scope, actor)
    return {"tasks": to_wire(waiting), "next": None if following is None else following.id}


def take_review(scope: Scope, actor: Actor, asked: MaybeTask) -> Answer:
    """Reserve a handed-in task for judging and answer all that is needed to judge it."""
    task = reviews.take_review(scope, actor, asked.task_id)
    details: Answer = to_wire(work.claim_details(scope, task))
    return details


def approve_task(scope: Scope, actor: Actor, asked: Approve) -> Answer:
    """Accept work."""
    verified = None if asked.verified is None else tuple(asked.verified)
    task = reviews.approve_task(scope, actor, asked.task_id, asked.note, verified=verified)
    return {"task": to_wire(task)}


def reject_task(scope: Scope, actor: Actor, asked: Reject) -> Answer:
    """Send work back."""
    task = reviews.reject_task(scope, actor, asked.task_id, asked.feedback, issues=tuple(asked.issues))
    return {"task": to_wire(task)}


JUDGING_TOOLS: Final = (
    simple_tool(
        "review_list", "List what waits for review, best first.", Operation.TASK_REVIEW, Nothing, list_reviews
    ),
    simple_tool(
        "review_take",
        "Reserve a handed-in task for judging, under a lease.",
        Operation.TASK_REVIEW,
        MaybeTask,
        take_review,
    ),
    simple_tool(
        "task_approve", "Accept the work of a task in review.", Operation.TASK_REVIEW, Approve, approve_task
    ),
    simple_tool(
        "task_reject",
        "Send the work of a task in review back, with feedback.",
        Operation.TASK_REVIEW,
        Reject,
        reject_task,
    ),
)
