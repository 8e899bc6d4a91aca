"""The tools about tasks."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from supervisor.coordinator import choosing, ending, planning, reviews, steering, views, work
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument
from supervisor.model.ids import number_of
from supervisor.model.permissions import Operation
from supervisor.model.task import EdgePolicy, ErrorClass, Task, TaskState
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.tool import Answer, Arguments, Mutation, Tool, simple_tool

PAGE_MAX: Final = 500
TASK_ID: Final = "The task's id, like T12."
FENCE: Final = "The token that task_claim answered."


class ListTasks(Arguments):
    """Arguments of task_list."""

    state: str | None = Field(default=None, description=f"Only this state: {', '.join(TaskState)}.")
    tag: str | None = None
    mine: bool = Field(default=False, description="Only tasks that you hold or that are reserved for you.")
    limit: int = Field(default=200, ge=1, le=PAGE_MAX)
    after: str | None = Field(default=None, description="The `next` of the page before.")


class OneTask(Arguments):
    """Arguments of task_get."""

    task_id: str = Field(description=TASK_ID)


class Nothing(Arguments):
    """No arguments."""


class MaybeTask(Mutation):
    """Arguments of task_claim and review_take."""

    task_id: str | None = Field(default=None, description="Leave it out for the recommended one.")


class ClaimTask(MaybeTask):
    """Arguments of task_claim."""

    lock_minutes: float | None = Field(
        default=None,
        gt=0,
        le=1440,
        description="End the lease after so long; without it, it is renewed while you live.",
    )


class Held(Mutation):
    """Arguments of every tool that only a task's holder may call."""

    task_id: str = Field(description=TASK_ID)
    token: int = Field(description=FENCE)


class Progress(Held):
    """Arguments of task_progress."""

    percent: int = Field(ge=0, le=100)
    action: str = Field(default="", description="What you are doing now, in a few words.")


class AddNote(Mutation):
    """Arguments of task_note."""

    task_id: str = Field(description=TASK_ID)
    body: str
    token: int | None = Field(default=None, description="Needed if you write as the holder.")


class SaveCheckpoint(Held):
    """Arguments of task_checkpoint."""

    percent: int = Field(ge=0, le=100)
    completed: list[str] = Field(default_factory=list)
    remaining: list[str] = Field(default_factory=list)
    state: str = Field(default="", description="Anything the next holder needs, as text.")


class Complete(Held):
    """Arguments of task_complete."""

    result: str = Field(description="What came out, as text; at most 16 KiB.")


class Fail(Held):
    """Arguments of task_fail."""

    error: str
    permanent: bool = Field(default=False, description="True if trying again cannot help.")
    error_class: str | None = Field(default=None, description=f"One of {', '.join(ErrorClass)}.")


class Release(Held):
    """Arguments of task_release."""

    reason: str


class Create(Mutation):
    """Arguments of task_create."""

    title: str
    description: str = ""
    priority: str = Field(default="normal", description="critical, high, normal or low.")
    tags: list[str] = Field(default_factory=list)
    criteria: list[str] = Field(default_factory=list, description="What a judge will check.")
    depends_on: list[str] = Field(default_factory=list, description="Ids of tasks that must be done first.")
    review: bool = Field(default=False, description="True if a judge must approve the result.")
    assignee: str | None = None
    required_role: str | None = None
    parent: str | None = None


class Link(Mutation):
    """Arguments of task_link."""

    task_id: str = Field(description=TASK_ID)
    depends_on: list[str]
    on: str = Field(default="done", description=f"When they are met: {', '.join(EdgePolicy)}.")


class WithReason(Mutation):
    """Arguments of task_cancel."""

    task_id: str = Field(description=TASK_ID)
    reason: str


class Approve(Mutation):
    """Arguments of task_approve."""

    task_id: str = Field(description=TASK_ID)
    note: str = ""


class Reject(Mutation):
    """Arguments of task_reject."""

    task_id: str = Field(description=TASK_ID)
    feedback: str = Field(description="What is missing and how to mend it; the worker reads this.")


def list_tasks(scope: Scope, actor: Actor, asked: ListTasks) -> Answer:
    """Answer one page of the run's tasks."""
    if asked.state is not None and asked.state not in set(TaskState):
        raise InvalidArgument(f"state `{asked.state[:40]}` is none of {', '.join(TaskState)}")
    after = 0 if asked.after is None else number_of(asked.after, "T")
    page = scope.tx.values(Task, "task.of_run", run=scope.run, after=after, limit=asked.limit)
    following = page[-1].id if len(page) == asked.limit else None
    return {"tasks": to_wire([task for task in page if _wanted(task, actor, asked)]), "next": following}


def _wanted(task: Task, actor: Actor, asked: ListTasks) -> bool:
    return (
        (asked.state is None or task.state.value == asked.state)
        and (asked.tag is None or asked.tag in task.tags)
        and (not asked.mine or actor.name in {task.holder, task.assignee})
    )


def get_task(scope: Scope, _actor: Actor, asked: OneTask) -> Answer:
    """Answer one task with everything around it."""
    page = views.task_page(scope, asked.task_id)
    page.pop("events")
    return page


def next_task(scope: Scope, actor: Actor, _asked: Nothing) -> Answer:
    """Answer what the actor should claim next, and why."""
    choice = choosing.next_choice(scope, actor)
    return {"task": to_wire(choice.task), "reason": choice.reason, "others": choice.others}


def claim_task(scope: Scope, actor: Actor, asked: ClaimTask) -> Answer:
    """Claim a task and answer all that is needed to start."""
    claim = work.claim(scope, actor, asked.task_id, lock_minutes=asked.lock_minutes)
    return {**to_wire(claim), "token": claim.task.token}


def report_progress(scope: Scope, actor: Actor, asked: Progress) -> Answer:
    """Store progress."""
    task = work.progress(scope, actor, asked.task_id, asked.token, percent=asked.percent, action=asked.action)
    return {"task": to_wire(task)}


def add_note(scope: Scope, actor: Actor, asked: AddNote) -> Answer:
    """Add a note."""
    return {"note": to_wire(work.add_note(scope, actor, asked.task_id, asked.body, asked.token))}


def save_checkpoint(scope: Scope, actor: Actor, asked: SaveCheckpoint) -> Answer:
    """Save a checkpoint."""
    checkpoint = work.save_checkpoint(
        scope,
        actor,
        asked.task_id,
        asked.token,
        percent=asked.percent,
        completed=tuple(asked.completed),
        remaining=tuple(asked.remaining),
        state=asked.state,
    )
    return {"checkpoint": to_wire(checkpoint)}


def complete_task(scope: Scope, actor: Actor, asked: Complete) -> Answer:
    """Hand in a task."""
    return {"task": to_wire(work.complete(scope, actor, asked.task_id, asked.token, asked.result))}


def _error_class(asked: Fail) -> ErrorClass:
    if asked.error_class is None:
        return ErrorClass.PERMANENT if asked.permanent else ErrorClass.UNKNOWN
    word = asked.error_class.lower()
    if word not in set(ErrorClass):
        raise InvalidArgument(f"error_class `{asked.error_class[:40]}` is none of {', '.join(ErrorClass)}")
    return ErrorClass(word)


def fail_task(scope: Scope, actor: Actor, asked: Fail) -> Answer:
    """Report a failure."""
    kind = _error_class(asked)
    task = ending.fail(scope, actor, asked.task_id, asked.token, asked.error, kind=kind)
    return {"task": to_wire(task)}


def release_task(scope: Scope, actor: Actor, asked: Release) -> Answer:
    """Give a task back."""
    return {"task": to_wire(ending.release(scope, actor, asked.task_id, asked.token, asked.reason))}


def create_task(scope: Scope, actor: Actor, asked: Create) -> Answer:
    """Create a task or a subtask."""
    wanted = planning.NewTask(
        title=asked.title,
        description=asked.description,
        priority=asked.priority,
        tags=tuple(asked.tags),
        criteria=tuple(asked.criteria),
        depends_on=tuple(asked.depends_on),
        review=asked.review,
        assignee=asked.assignee,
        required_role=asked.required_role,
        parent=asked.parent,
    )
    return {"task": to_wire(planning.create_task(scope, actor, wanted))}


def link_task(scope: Scope, actor: Actor, asked: Link) -> Answer:
    """Add dependencies."""
    return {
        "task": to_wire(steering.link_task(scope, actor, asked.task_id, tuple(asked.depends_on), on=asked.on))
    }


def cancel_task(scope: Scope, actor: Actor, asked: WithReason) -> Answer:
    """Cancel a task."""
    return {"task": to_wire(steering.cancel_task(scope, actor, asked.task_id, asked.reason))}


def take_review(scope: Scope, actor: Actor, asked: MaybeTask) -> Answer:
    """Reserve a handed-in task for judging."""
    task = reviews.take_review(scope, actor, asked.task_id)
    details = work.claim_details(scope, task)
    return {
        "task": to_wire(task),
        "notes": to_wire(details.notes),
        "dependencies": to_wire(details.dependencies),
    }


def approve_task(scope: Scope, actor: Actor, asked: Approve) -> Answer:
    """Accept work."""
    return {"task": to_wire(reviews.approve_task(scope, actor, asked.task_id, asked.note))}


def reject_task(scope: Scope, actor: Actor, asked: Reject) -> Answer:
    """Send work back."""
    return {"task": to_wire(reviews.reject_task(scope, actor, asked.task_id, asked.feedback))}


TASK_TOOLS: Final = (
    simple_tool(
        "task_list",
        "List the tasks of this run, oldest first, in pages.",
        Operation.TASK_READ,
        ListTasks,
        list_tasks,
    ),
    simple_tool(
        "task_get", "Show one task with notes, checkpoint and edges.", Operation.TASK_READ, OneTask, get_task
    ),
    simple_tool(
        "task_next",
        "Say which task you should claim next, and why.",
        Operation.TASK_CLAIM,
        Nothing,
        next_task,
    ),
    simple_tool(
        "task_claim",
        "Claim a task under a lease. Answers the token that every later write about it needs.",
        Operation.TASK_CLAIM,
        ClaimTask,
        claim_task,
    ),
    simple_tool(
        "task_progress",
        "Report how far you are; renews the lease.",
        Operation.TASK_WORK,
        Progress,
        report_progress,
    ),
    simple_tool("task_note", "Add a remark to a task; notes stay.", Operation.TASK_NOTE, AddNote, add_note),
    simple_tool(
        "task_checkpoint",
        "Save how far you came, for whoever claims the task after you.",
        Operation.TASK_WORK,
        SaveCheckpoint,
        save_checkpoint,
    ),
    simple_tool(
        "task_complete",
        "Hand in your task with its result; it is done, or goes to review if it asks for one.",
        Operation.TASK_WORK,
        Complete,
        complete_task,
    ),
    simple_tool(
        "task_fail", "Report that your task failed; it is tried again.", Operation.TASK_WORK, Fail, fail_task
    ),
    simple_tool("task_release", "Give your task back untouched.", Operation.TASK_WORK, Release, release_task),
    Tool(
        name="task_create",
        title="Task create",
        description="Create a task; a worker may only create subtasks of a task that it holds.",
        operations=(Operation.TASK_CREATE, Operation.TASK_CREATE_SUBTASK),
        arguments=Create,
        handler=create_task,
    ),
    simple_tool(
        "task_link", "Let an unclaimed task depend on others too.", Operation.TASK_LINK, Link, link_task
    ),
    simple_tool(
        "task_cancel", "Withdraw a task that has not ended.", Operation.TASK_CANCEL, WithReason, cancel_task
    ),
    simple_tool(
        "review_take", "Reserve a handed-in task for judging.", Operation.TASK_REVIEW, MaybeTask, take_review
    ),
    simple_tool(
        "task_approve", "Accept the work of a task in review.", Operation.TASK_REVIEW, Approve, approve_task
    ),
    simple_tool("task_reject", "Send work back with feedback.", Operation.TASK_REVIEW, Reject, reject_task),
)
