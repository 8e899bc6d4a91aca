"""The tools of planners: make, change, assign, link, hold and end tasks; plans of many at once."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from supervisor.coordinator import advice, planning, plans, steering
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.plans import NewPlan
from supervisor.coordinator.scope import Scope
from supervisor.model.evidence import CHECK_TIMEOUT_MAX_S, CHECK_TIMEOUT_S, Check
from supervisor.model.milestone import Milestone, MilestoneKind
from supervisor.model.permissions import Operation
from supervisor.model.task import COMPLEXITY_MAX, EdgePolicy, Gate, Join, OnLost
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.tasks import TASK_ID, Nothing
from supervisor.transports.mcp.tools.tool import Answer, Arguments, Mutation, Tool, simple_tool

MILESTONE_ID: Final = "The milestone's id, like P2."


class CheckForm(Arguments):
    """A program that must exit with 0 before a task is done; it runs without a shell."""

    name: str = Field(description="Small letters, digits, _ and -.")
    argv: list[str] = Field(description="The program and its arguments, each by itself.")
    timeout_s: float = Field(default=CHECK_TIMEOUT_S, gt=0, le=CHECK_TIMEOUT_MAX_S)


class TaskForm(Arguments):
    """What every new task can say."""

    title: str
    description: str = ""
    priority: str = Field(default="normal", description="critical, high, normal or low.")
    tags: list[str] = Field(default_factory=list, description="Words to find it by; they bind nobody.")
    criteria: list[str] = Field(default_factory=list, description="What a judge will check.")
    depends_on: list[str] = Field(default_factory=list, description="Ids of tasks that must come first.")
    on: str = Field(default="done", description=f"When they are met: {', '.join(EdgePolicy)}.")
    policies: dict[str, str] = Field(default_factory=dict, description="Another `on` for single ids.")
    on_lost: str = Field(default="hold", description=f"If one can no longer be met: {', '.join(OnLost)}.")
    review: bool | None = Field(default=None, description="True if a judge must approve the result.")
    gate: str = Field(default="judge", description=f"Whose approval ends the review: {', '.join(Gate)}.")
    approvals_needed: int = Field(default=1, ge=1, le=20)
    assignee: str | None = None
    required_role: str | None = None
    required_tags: list[str] = Field(default_factory=list, description="What the claimer must be able to do.")
    required_group: str | None = None
    parent: str | None = None
    track: str | None = Field(default=None, description="Within a milestone: one after another, by `order`.")
    order: int = 0
    wave: int = Field(default=0, description="Within a milestone: opens when the lower waves have ended.")
    join: str = Field(default="all", description=f"Which children must end first: {', '.join(Join)}.")
    complexity: int | None = Field(default=None, ge=1, le=COMPLEXITY_MAX)
    work_role: str = Field(default="", description="What the claimer is to be for this task, in a word.")
    instructions: str = ""
    key: str = Field(default="", description="A name for it within its milestone.")
    checks: list[CheckForm] = Field(
        default_factory=list, description="Run by us when its holder says complete; planners only."
    )


class Create(TaskForm, Mutation):
    """Arguments of task_create."""

    milestone: str | None = Field(default=None, description=MILESTONE_ID)
    delay_s: float | None = Field(default=None, ge=0, le=30 * 86_400, description="Not claimable before.")


class Update(Mutation):
    """Arguments of task_update; what is left out stays."""

    task_id: str = Field(description=TASK_ID)
    title: str | None = None
    description: str | None = None
    priority: str | None = None
    tags: list[str] | None = None
    criteria: list[str] | None = None
    complexity: int | None = Field(default=None, ge=1, le=COMPLEXITY_MAX)
    review: bool | None = None
    instructions: str | None = None
    checks: list[CheckForm] | None = None


class Assign(Mutation):
    """Arguments of task_assign: all parts must fit whoever claims."""

    task_id: str = Field(description=TASK_ID)
    assignee: str | None = Field(default=None, description="An agent's name; left out, anybody who suits.")
    required_role: str | None = None
    required_tags: list[str] = Field(default_factory=list)
    required_group: str | None = None
    work_role: str = ""
    instructions: str = ""


class Link(Mutation):
    """Arguments of task_link."""

    task_id: str = Field(description=TASK_ID)
    depends_on: list[str]
    on: str = Field(default="done", description=f"When they are met: {', '.join(EdgePolicy)}.")


class WithReason(Mutation):
    """Arguments of task_cancel, task_skip, task_hold and task_reopen."""

    task_id: str = Field(description=TASK_ID)
    reason: str


class Unhold(Mutation):
    """Arguments of task_unhold."""

    task_id: str = Field(description=TASK_ID)


class Plan(Mutation):
    """Arguments of plan_create and plan_push."""

    name: str
    kind: str = Field(default="plan", description=f"One of {', '.join(MilestoneKind)}.")
    goal: str = ""
    project: str = ""
    branch: str = ""
    key: str = Field(default="", description="A name under which plan_push finds it again.")
    review: bool | None = Field(default=None, description="Whether its tasks are reviewed.")
    wip: int = Field(default=0, ge=0, le=1000, description="Tasks in progress at once; 0 is no cap.")
    max_cycles: int = Field(default=1, ge=0, description="For a loop; 0: until it is closed.")
    min_interval_s: float = Field(default=0, ge=0, description="For a loop: least time between cycles.")
    tasks: list[TaskForm] = Field(
        default_factory=list, description="They name each other by `key` in depends_on and parent."
    )


class OneMilestone(Arguments):
    """Arguments of milestone_get."""

    milestone_id: str = Field(description=MILESTONE_ID)


class Close(Mutation):
    """Arguments of milestone_close."""

    milestone_id: str = Field(description=MILESTONE_ID)
    reason: str
    now: bool = Field(default=False, description="Cancel its open tasks too, not only later cycles.")


class Expand(Arguments):
    """Arguments of task_expand."""

    task_id: str = Field(description=TASK_ID)
    parts: int = Field(default=5, ge=2, le=50, description="About how many subtasks.")
    hint: str = ""


def _checks(asked: list[CheckForm]) -> tuple[Check, ...]:
    return tuple(Check(name=each.name, argv=tuple(each.argv), timeout_s=each.timeout_s) for each in asked)


def _new_task(asked: TaskForm, **more: Any) -> planning.NewTask:
    return planning.NewTask(
        title=asked.title,
        description=asked.description,
        priority=asked.priority,
        tags=tuple(asked.tags),
        criteria=tuple(asked.criteria),
        depends_on=tuple(asked.depends_on),
        on=asked.on,
        policies=dict(asked.policies),
        on_lost=asked.on_lost,
        review=asked.review,
        gate=asked.gate,
        approvals_needed=asked.approvals_needed,
        assignee=asked.assignee,
        required_role=asked.required_role,
        required_tags=tuple(asked.required_tags),
        required_group=asked.required_group,
        parent=asked.parent,
        track=asked.track,
        order=asked.order,
        wave=asked.wave,
        join=asked.join,
        complexity=asked.complexity,
        work_role=asked.work_role,
        instructions=asked.instructions,
        key=asked.key,
        checks=_checks(asked.checks),
        **more,
    )


def create_task(scope: Scope, actor: Actor, asked: Create) -> Answer:
    """Create a task or a subtask."""
    not_before = None if asked.delay_s is None else scope.now + asked.delay_s
    wanted = _new_task(asked, milestone=asked.milestone, not_before=not_before)
    return {"task": to_wire(planning.create_task(scope, actor, wanted))}


def update_task(scope: Scope, actor: Actor, asked: Update) -> Answer:
    """Change what a task says."""
    edit = steering.Edit(
        title=asked.title,
        description=asked.description,
        priority=asked.priority,
        tags=None if asked.tags is None else tuple(asked.tags),
        criteria=None if asked.criteria is None else tuple(asked.criteria),
        complexity=asked.complexity,
        review=asked.review,
        instructions=asked.instructions,
        checks=None if asked.checks is None else _checks(asked.checks),
    )
    return {"task": to_wire(steering.update_task(scope, actor, asked.task_id, edit))}


def assign_task(scope: Scope, actor: Actor, asked: Assign) -> Answer:
    """Say whom a task is for."""
    wanted = steering.Assignment(
        assignee=asked.assignee,
        required_role=asked.required_role,
        required_tags=tuple(asked.required_tags),
        required_group=asked.required_group,
        work_role=asked.work_role,
        instructions=asked.instructions,
    )
    return {"task": to_wire(steering.assign_task(scope, actor, asked.task_id, wanted))}


def link_task(scope: Scope, actor: Actor, asked: Link) -> Answer:
    """Add dependencies."""
    task = steering.link_task(scope, actor, asked.task_id, tuple(asked.depends_on), on=asked.on)
    return {"task": to_wire(task)}


def hold_task(scope: Scope, actor: Actor, asked: WithReason) -> Answer:
    """Keep a task from being claimed."""
    return {"task": to_wire(steering.hold_task(scope, actor, asked.task_id, asked.reason))}


def unhold_task(scope: Scope, actor: Actor, asked: Unhold) -> Answer:
    """Lift a hold."""
    return {"task": to_wire(steering.unhold_task(scope, actor, asked.task_id))}


def cancel_task(scope: Scope, actor: Actor, asked: WithReason) -> Answer:
    """Cancel a task."""
    return {"task": to_wire(steering.cancel_task(scope, actor, asked.task_id, asked.reason))}


def skip_task(scope: Scope, actor: Actor, asked: WithReason) -> Answer:
    """End a task as not needed."""
    return {"task": to_wire(steering.skip_task(scope, actor, asked.task_id, asked.reason))}


def reopen_task(scope: Scope, actor: Actor, asked: WithReason) -> Answer:
    """Put an ended task back to work."""
    return {"task": to_wire(steering.reopen_task(scope, actor, asked.task_id, asked.reason))}


def _new_plan(asked: Plan) -> NewPlan:
    return NewPlan(
        name=asked.name,
        kind=asked.kind,
        goal=asked.goal,
        project=asked.project,
        branch=asked.branch,
        key=asked.key,
        review=asked.review,
        wip=asked.wip,
        max_cycles=asked.max_cycles,
        min_interval_s=asked.min_interval_s,
        tasks=tuple(_new_task(each) for each in asked.tasks),
    )


def create_plan(scope: Scope, actor: Actor, asked: Plan) -> Answer:
    """Create a milestone with its tasks."""
    milestone, tasks = plans.create_plan(scope, actor, _new_plan(asked))
    return {"milestone": to_wire(milestone), "tasks": {task.key: task.id for task in tasks}}


def push_plan(scope: Scope, actor: Actor, asked: Plan) -> Answer:
    """Bring a plan up to date."""
    answer: Answer = to_wire(plans.push_plan(scope, actor, _new_plan(asked)))
    return answer


def list_milestones(scope: Scope, _actor: Actor, _asked: Nothing) -> Answer:
    """Answer the run's milestones, oldest first, each with how far it is."""
    listed = scope.tx.values(Milestone, "milestone.of_run", run=scope.run)
    return {"milestones": [to_wire(each) | {"progress": plans.progress_of(scope, each)} for each in listed]}


def get_milestone(scope: Scope, _actor: Actor, asked: OneMilestone) -> Answer:
    """Answer one milestone with its tasks."""
    return plans.milestone_page(scope, asked.milestone_id)


def close_milestone(scope: Scope, actor: Actor, asked: Close) -> Answer:
    """End a milestone."""
    closed = plans.close_milestone(scope, actor, asked.milestone_id, now=asked.now, reason=asked.reason)
    return {"milestone": to_wire(closed)}


def expand_task(scope: Scope, actor: Actor, asked: Expand) -> Answer:
    """Answer the words with which to break a task down."""
    return advice.expansion(scope, actor, asked.task_id, parts=asked.parts, hint=asked.hint)


def report_complexity(scope: Scope, actor: Actor, _asked: Nothing) -> Answer:
    """Answer how complex the open tasks are."""
    return advice.complexity_report(scope, actor)


PLANNING_TOOLS: Final = (
    Tool(
        name="task_create",
        title="Task create",
        description="Create a task; a worker may only create subtasks of a task that it holds.",
        operations=(Operation.TASK_CREATE, Operation.TASK_CREATE_SUBTASK),
        arguments=Create,
        handler=create_task,
    ),
    simple_tool("task_update", "Change what an open task says.", Operation.TASK_UPDATE, Update, update_task),
    simple_tool(
        "task_assign",
        "Say whom an open task is for; a holder who does not fit loses it.",
        Operation.TASK_ASSIGN,
        Assign,
        assign_task,
    ),
    simple_tool(
        "task_link", "Let an unclaimed task depend on others too.", Operation.TASK_LINK, Link, link_task
    ),
    simple_tool("task_hold", "Keep a task from being claimed.", Operation.TASK_HOLD, WithReason, hold_task),
    simple_tool("task_unhold", "Lift a hold.", Operation.TASK_HOLD, Unhold, unhold_task),
    Tool(
        name="task_cancel",
        title="Task cancel",
        description="Withdraw an open task and its children. Holders: only own unclaimed subtasks.",
        operations=(Operation.TASK_CANCEL, Operation.TASK_CREATE_SUBTASK),
        arguments=WithReason,
        handler=cancel_task,
        destructive=True,
    ),
    Tool(
        name="task_skip",
        title="Task skip",
        description="End a task as not needed, and its children. Holders: only own unclaimed subtasks.",
        operations=(Operation.TASK_CANCEL, Operation.TASK_CREATE_SUBTASK),
        arguments=WithReason,
        handler=skip_task,
        destructive=True,
    ),
    simple_tool(
        "task_reopen",
        "Put an ended task back to work; what depends on it waits again or is flagged.",
        Operation.TASK_REOPEN,
        WithReason,
        reopen_task,
    ),
    simple_tool(
        "task_expand",
        "Get the words with which to break a task into subtasks.",
        Operation.TASK_READ,
        Expand,
        expand_task,
    ),
    simple_tool(
        "complexity_report",
        "List the open tasks by complexity, with those that should be broken down or scored.",
        Operation.TASK_READ,
        Nothing,
        report_complexity,
    ),
    simple_tool(
        "plan_create",
        "Create a milestone with all its tasks at once: plan, sprint, mission, pipeline or loop.",
        Operation.MILESTONE_WRITE,
        Plan,
        create_plan,
    ),
    simple_tool(
        "plan_push",
        "Bring a milestone with a key up to date; pushing the same again changes nothing.",
        Operation.MILESTONE_WRITE,
        Plan,
        push_plan,
    ),
    simple_tool(
        "milestone_list",
        "List the milestones of this run with how far they are.",
        Operation.TASK_READ,
        Nothing,
        list_milestones,
    ),
    simple_tool(
        "milestone_get",
        "Show one milestone with its tasks.",
        Operation.TASK_READ,
        OneMilestone,
        get_milestone,
    ),
    simple_tool(
        "milestone_close",
        "End a loop after its present cycle, or with `now` cancel a milestone and its open tasks.",
        Operation.MILESTONE_WRITE,
        Close,
        close_milestone,
    ),
)
