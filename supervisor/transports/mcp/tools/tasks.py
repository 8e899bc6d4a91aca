"""The tools about tasks for whoever looks and works: list, claim, report, hand in, hand on."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from supervisor.coordinator import choosing, ending, explaining, handing, views, work
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.errors import InvalidArgument
from supervisor.model.ids import number_of
from supervisor.model.permissions import Operation
from supervisor.model.task import ErrorClass, Task, TaskState
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.tool import Answer, Arguments, Mutation, simple_tool

PAGE_MAX: Final = 500
TASK_ID: Final = "The task's id, like T12."
FENCE: Final = "The token that task_claim answered."
OPEN_TASKS: Final = "open"
ALL_TASKS: Final = "all"


class ListTasks(Arguments):
    """Arguments of task_list."""

    state: str | None = Field(
        default=None, description=f"Only this state: {', '.join(TaskState)}; or `open`, or `all`."
    )
    tag: str | None = None
    milestone: str | None = None
    parent: str | None = None
    target: str | None = Field(default=None, description="Only what this agent holds or has reserved for it.")
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
    eta_s: float | None = Field(default=None, description="How many seconds it will still take, about.")


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


class WriteBoard(Held):
    """Arguments of task_board."""

    text: str
    append: bool = Field(default=False, description="Add a line instead of writing it anew.")


class HandOff(Mutation):
    """Arguments of task_handoff."""

    to: str = Field(description="A role (`judge`, `role:worker`) or an agent's name.")
    notes: str = Field(description="What is done, what is left, what to look out for.")
    task_id: str | None = None
    token: int | None = Field(default=None, description="With a task that you hold: your token.")


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


def list_tasks(scope: Scope, actor: Actor, asked: ListTasks) -> Answer:
    """Answer one page of the run's tasks that are not archived; `next` is None at the end."""
    if asked.state is not None and asked.state not in {OPEN_TASKS, ALL_TASKS, *TaskState}:
        raise InvalidArgument(f"state `{asked.state[:40]}` is none of {', '.join(TaskState)}, open, all")
    after = 0 if asked.after is None else number_of(asked.after, "T")
    filters = {
        "tag": asked.tag,
        "milestone": None if asked.milestone is None else scope.milestone(asked.milestone).id,
        "parent": None if asked.parent is None else scope.task(asked.parent).id,
        "agent": actor.name if asked.mine else asked.target,
    }
    place = {"run": scope.run, "after": after, "limit": asked.limit, **filters}
    if asked.state == OPEN_TASKS:
        page = scope.tx.values(Task, "task.listed_open", **place)
    else:
        state = None if asked.state == ALL_TASKS else asked.state
        page = scope.tx.values(Task, "task.listed", state=state, **place)
    return {"tasks": to_wire(page), "next": page[-1].id if len(page) == asked.limit else None}


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
    task = work.progress(
        scope,
        actor,
        asked.task_id,
        asked.token,
        percent=asked.percent,
        action=asked.action,
        eta_s=asked.eta_s,
    )
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


def write_board(scope: Scope, actor: Actor, asked: WriteBoard) -> Answer:
    """Write the board."""
    board = work.write_board(scope, actor, asked.task_id, asked.token, asked.text, append=asked.append)
    return {"board": to_wire(board)}


def explain(scope: Scope, _actor: Actor, asked: OneTask) -> Answer:
    """Answer what keeps a task from going on."""
    return {"reasons": to_wire(explaining.why(scope, asked.task_id))}


def hand_off(scope: Scope, actor: Actor, asked: HandOff) -> Answer:
    """Hand work on."""
    handed = handing.hand_off(
        scope, actor, to=asked.to, notes=asked.notes, spelled=asked.task_id, token=asked.token
    )
    answer: Answer = to_wire(handed)
    return answer


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
    simple_tool("task_why", "Say what keeps a task from going on.", Operation.TASK_READ, OneTask, explain),
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
    simple_tool(
        "task_board",
        "Write the one page about your task anew, or add to it.",
        Operation.TASK_WORK,
        WriteBoard,
        write_board,
    ),
    simple_tool(
        "task_handoff",
        "Hand work on to a role or an agent with notes; a task that you hold goes with it.",
        Operation.TASK_HANDOFF,
        HandOff,
        hand_off,
    ),
)
