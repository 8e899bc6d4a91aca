"""The operator's verbs about tasks, plans and who may take them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from supervisor.coordinator import ending, explaining, planning, plans, reviews, steering, views, work
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.plans import NewPlan
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.steering import Assignment, Edit
from supervisor.errors import InvalidArgument
from supervisor.model.ids import HUMAN
from supervisor.model.milestone import Milestone
from supervisor.model.task import Task
from supervisor.model.wire import to_wire

if TYPE_CHECKING:
    from supervisor.engine.backend import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTask:
    """Arguments of `task_show`, `task_why` and `task_unhold`."""

    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithReason:
    """Arguments of `task_cancel`, `task_skip`, `task_hold` and `task_reopen`."""

    task_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unblock:
    """Arguments of `task_unblock`; `force` overrides every reason."""

    task_id: str
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Arguments of `task_judge`; a rejection needs feedback."""

    task_id: str
    decision: str
    feedback: str = ""
    issues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Arguments of `task_update`."""

    task_id: str
    edit: Edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign:
    """Arguments of `task_assign`."""

    task_id: str
    assignment: Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Arguments of `task_link`."""

    task_id: str
    depends_on: tuple[str, ...]
    on: str = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNote:
    """Arguments of `task_note`."""

    task_id: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OneMilestone:
    """Arguments of `milestone_show`."""

    milestone_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Arguments of `milestone_close`; `now` cancels its open tasks too."""

    milestone_id: str
    reason: str = ""
    now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAndReason:
    """Arguments of `quarantine` and `release`."""

    agent: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No arguments."""


Verb = Callable[["Backend", Any], Any]


def _changing(change: Callable[[Scope, Any], Task]) -> Verb:
    """Make a verb that changes one task and answers it."""

    async def verb(backend: Backend, asked: Any) -> dict[str, Any]:
        return {"task": to_wire(await backend.coordinator.write(lambda scope: change(scope, asked)))}

    return verb


def _judged(scope: Scope, asked: Judge) -> Task:
    match asked.decision:
        case "approve":
            return reviews.approve_task(scope, None, asked.task_id, asked.feedback)
        case "reject":
            return reviews.reject_task(scope, None, asked.task_id, asked.feedback, issues=asked.issues)
        case _:
            raise InvalidArgument(f"decision `{asked.decision[:40]}` is neither approve nor reject")


async def task_show(backend: Backend, asked: OneTask) -> dict[str, Any]:
    """Answer one task with everything around it."""
    return await backend.coordinator.read(lambda scope: views.task_page(scope, asked.task_id))


async def task_why(backend: Backend, asked: OneTask) -> dict[str, Any]:
    """Answer what keeps a task from going on."""
    return {
        "reasons": to_wire(await backend.coordinator.read(lambda scope: explaining.why(scope, asked.task_id)))
    }


async def task_note(backend: Backend, asked: AddNote) -> dict[str, Any]:
    """Add the person's remark to a task."""
    note = await backend.coordinator.write(
        lambda scope: work.add_note(scope, None, asked.task_id, asked.body, None)
    )
    return {"note": to_wire(note)}


async def plan_create(backend: Backend, asked: NewPlan) -> dict[str, Any]:
    """Create a milestone with its tasks."""
    milestone, tasks = await backend.coordinator.write(lambda scope: plans.create_plan(scope, None, asked))
    return {"milestone": to_wire(milestone), "tasks": to_wire(tasks)}


async def plan_push(backend: Backend, asked: NewPlan) -> dict[str, Any]:
    """Bring a plan up to date."""
    pushed: dict[str, Any] = to_wire(
        await backend.coordinator.write(lambda scope: plans.push_plan(scope, None, asked))
    )
    return pushed


async def milestone_list(backend: Backend, _asked: Nothing) -> dict[str, Any]:
    """Answer the run's milestones with how far they are."""

    def listed(scope: Scope) -> list[dict[str, Any]]:
        found = scope.tx.values(Milestone, "milestone.of_run", run=scope.run)
        return [to_wire(each) | {"progress": plans.progress_of(scope, each)} for each in found]

    return {"milestones": await backend.coordinator.read(listed)}


async def milestone_show(backend: Backend, asked: OneMilestone) -> dict[str, Any]:
    """Answer one milestone with its tasks."""
    return await backend.coordinator.read(lambda scope: plans.milestone_page(scope, asked.milestone_id))


async def milestone_close(backend: Backend, asked: Close) -> dict[str, Any]:
    """End a milestone."""
    closed = await backend.coordinator.write(
        lambda scope: plans.close_milestone(
            scope, None, asked.milestone_id, now=asked.now, reason=asked.reason
        )
    )
    return {"milestone": to_wire(closed)}


async def quarantine(backend: Backend, asked: AgentAndReason) -> dict[str, Any]:
    """Keep an agent from claiming."""
    agent = await backend.coordinator.write(
        lambda scope: ending.set_aside(scope, asked.agent, reason=asked.reason or "by hand", actor=HUMAN)
    )
    return {"agent": to_wire(agent)}


async def release(backend: Backend, asked: AgentAndReason) -> dict[str, Any]:
    """Let a quarantined agent claim again."""
    agent = await backend.coordinator.write(lambda scope: ending.bring_back(scope, asked.agent))
    return {"agent": to_wire(agent)}


TASK_VERBS: Final[dict[str, tuple[type[Any], Verb]]] = {
    "task_add": (NewTask, _changing(lambda scope, asked: planning.create_task(scope, None, asked))),
    "task_update": (
        Update,
        _changing(lambda scope, asked: steering.update_task(scope, None, asked.task_id, asked.edit)),
    ),
    "task_assign": (
        Assign,
        _changing(lambda scope, asked: steering.assign_task(scope, None, asked.task_id, asked.assignment)),
    ),
    "task_link": (
        Link,
        _changing(
            lambda scope, asked: steering.link_task(scope, None, asked.task_id, asked.depends_on, on=asked.on)
        ),
    ),
    "task_hold": (
        WithReason,
        _changing(lambda scope, asked: steering.hold_task(scope, None, asked.task_id, asked.reason)),
    ),
    "task_unhold": (
        OneTask,
        _changing(lambda scope, asked: steering.unhold_task(scope, None, asked.task_id)),
    ),
    "task_cancel": (
        WithReason,
        _changing(lambda scope, asked: steering.cancel_task(scope, None, asked.task_id, asked.reason)),
    ),
    "task_skip": (
        WithReason,
        _changing(lambda scope, asked: steering.skip_task(scope, None, asked.task_id, asked.reason)),
    ),
    "task_reopen": (
        WithReason,
        _changing(lambda scope, asked: steering.reopen_task(scope, None, asked.task_id, asked.reason)),
    ),
    "task_unblock": (
        Unblock,
        _changing(
            lambda scope, asked: steering.unblock(scope, asked.task_id, actor=HUMAN, force=asked.force)
        ),
    ),
    "task_judge": (Judge, _changing(_judged)),
    "task_show": (OneTask, task_show),
    "task_why": (OneTask, task_why),
    "task_note": (AddNote, task_note),
    "plan_create": (NewPlan, plan_create),
    "plan_push": (NewPlan, plan_push),
    "milestone_list": (Nothing, milestone_list),
    "milestone_show": (OneMilestone, milestone_show),
    "milestone_close": (Close, milestone_close),
    "quarantine": (AgentAndReason, quarantine),
    "release": (AgentAndReason, release),
}
"""The verbs about tasks, with the form of their arguments."""
