"""Making and withdrawing work: what planners, people and holders of a task may do."""

from __future__ import annotations

from dataclasses import dataclass, replace

from supervisor.coordinator import agents
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.dependencies import add_edges, known_dependencies, link, reasons_for, task_ended
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import Forbidden, InvalidArgument, WrongState
from supervisor.model.agent import Role
from supervisor.model.ids import HUMAN, checked_name, task_id
from supervisor.model.permissions import Operation, check, may
from supervisor.model.task import (
    BODY_MAX,
    NOTE_MAX,
    PRIORITY_WORDS,
    TITLE_MAX,
    Task,
    TaskState,
    checked_move,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """What somebody asks for when creating a task; `priority` is a word of PRIORITY_WORDS."""

    title: str
    description: str = ""
    priority: str = "normal"
    tags: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    review: bool = False
    assignee: str | None = None
    required_role: str | None = None
    parent: str | None = None


def create_task(scope: Scope, actor: Actor | None, wanted: NewTask) -> Task:
    """Create a task; `actor` None is the person at the terminal.

    A worker may only create subtasks of a task that it holds. Unknown dependencies are
    refused; a new task cannot close a cycle, because nothing depends on it yet.
    """
    if actor is not None:
        _check_may_create(scope, actor, wanted)
    priority = PRIORITY_WORDS.get(wanted.priority)
    if priority is None:
        raise InvalidArgument(f"priority `{wanted.priority[:40]}` is none of {', '.join(PRIORITY_WORDS)}")
    if not wanted.title.strip():
        raise InvalidArgument("a task needs a title")
    dependencies = known_dependencies(scope, wanted.depends_on)
    reasons = reasons_for(dependencies)
    task = Task(
        id=task_id(scope.tx.scalar("task.next_number")),
        run=scope.run,
        title=sized(wanted.title, TITLE_MAX, "title"),
        description=sized(wanted.description, BODY_MAX, "description"),
        state=TaskState.BLOCKED if reasons else TaskState.PENDING,
        blocked_by=reasons,
        priority=priority,
        tags=tuple(checked_name(tag, "tag") for tag in wanted.tags),
        criteria=tuple(sized(each, TITLE_MAX * 5, "criterion") for each in wanted.criteria),
        depends_on=tuple(each.id for each in dependencies),
        parent=None if wanted.parent is None else scope.task(wanted.parent).id,
        review=wanted.review,
        assignee=None if wanted.assignee is None else scope.agent(wanted.assignee).name,
        required_role=None if wanted.required_role is None else _role(wanted.required_role),
        creator=HUMAN if actor is None else actor.name,
        created_at=scope.now,
        updated_at=scope.now,
    )
    scope.save_task("task.created", task, actor=task.creator)
    add_edges(scope, task, dependencies)
    return task


def _check_may_create(scope: Scope, actor: Actor, wanted: NewTask) -> None:
    if may(actor.role, Operation.TASK_CREATE):
        return
    check(actor.role, Operation.TASK_CREATE_SUBTASK)
    if wanted.parent is None or scope.task(wanted.parent).holder != actor.name:
        raise Forbidden("a worker may only create subtasks of a task that it holds: give it as `parent`")
    if wanted.priority != "normal":
        raise Forbidden("a worker may not set priorities; leave `priority` out")


def _role(word: str) -> str:
    if word not in set(Role):
        raise InvalidArgument(f"role `{word[:40]}` is none of {', '.join(Role)}")
    return word


def link_task(scope: Scope, actor: Actor, spelled: str, wanted: tuple[str, ...]) -> Task:
    """Add dependencies to a task that nobody has claimed yet."""
    check(actor.role, Operation.TASK_LINK)
    return link(scope, scope.task(spelled), wanted, actor=actor.name)


def cancel_task(scope: Scope, actor: Actor | None, spelled: str, reason: str) -> Task:
    """Withdraw a task that has not ended; its holder's token is void from now on."""
    if actor is not None:
        check(actor.role, Operation.TASK_CANCEL)
    task = scope.task(spelled)
    if task.is_terminal:
        raise WrongState(f"task {task.id} has ended already: it is {task.state.value}")
    checked_move(task, TaskState.CANCELLED)
    words = sized(reason, NOTE_MAX, "reason")
    cancelled = replace(
        task,
        state=TaskState.CANCELLED,
        blocked_by=(),
        holder=None,
        lease_until=None,
        reviewer=None,
        updated_at=scope.now,
        finished_at=scope.now,
    )
    scope.save_task("task.cancelled", cancelled, actor=HUMAN if actor is None else actor.name, reason=words)
    task_ended(scope, cancelled)
    agents.refresh_activity(scope, task.holder, task.reviewer)
    return cancelled
