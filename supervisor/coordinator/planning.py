"""Making and changing work: what planners, people and holders of a task may do before it is claimed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from supervisor.coordinator import agents, dependencies, flow
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.evidence import checked_checks
from supervisor.coordinator.scope import Scope, sized, task_number
from supervisor.errors import Forbidden, InvalidArgument, TooMany, WrongState
from supervisor.model.agent import Role
from supervisor.model.evidence import Check
from supervisor.model.ids import HUMAN, checked_name, task_id
from supervisor.model.milestone import MilestoneState
from supervisor.model.permissions import Operation, check, may
from supervisor.model.task import (
    BODY_MAX,
    COMPLEXITY_MAX,
    CRITERIA_MAX,
    PRIORITY_WORDS,
    TAGS_MAX,
    TITLE_MAX,
    BlockReason,
    EdgePolicy,
    Gate,
    Join,
    OnLost,
    Priority,
    Task,
)

W = TypeVar("W", bound=StrEnum)

OPEN_TASKS_MAX = 20_000
"""How many open tasks one agent may have made: beyond it something runs away."""

KEY_MAX = 100
INSTRUCTIONS_MAX = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """What somebody asks for when creating a task; `priority` is a word of PRIORITY_WORDS.

    `on` is the policy of all its edges, unless `policies` names another for one of them.
    """

    title: str
    description: str = ""
    priority: str = "normal"
    tags: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    review: bool | None = None
    assignee: str | None = None
    required_role: str | None = None
    parent: str | None = None
    milestone: str | None = None
    key: str = ""
    track: str | None = None
    order: int = 0
    wave: int = 0
    on: str = "done"
    policies: dict[str, str] = field(default_factory=dict)
    on_lost: str = "hold"
    join: str = "all"
    required_tags: tuple[str, ...] = ()
    required_group: str | None = None
    complexity: int | None = None
    work_role: str = ""
    instructions: str = ""
    gate: str = "judge"
    approvals_needed: int = 1
    not_before: float | None = None
    checks: tuple[Check, ...] = ()


def create_task(
    scope: Scope, actor: Actor | None, wanted: NewTask, *, cycle: int = 0, creator: str | None = None
) -> Task:
    """Create a task; `actor` None is the person at the terminal.

    A worker may only create subtasks of a task that it holds. Unknown dependencies are
    refused; a new task closes a cycle only by waiting for its own parent.
    """
    parent = None if wanted.parent is None else scope.task(wanted.parent)
    if actor is not None:
        _check_may_create(scope, actor, wanted, parent)
    _check_parent(parent)
    needed = dependencies.known_dependencies(scope, wanted.depends_on)
    task = _drafted(scope, actor, wanted, needed=needed, parent=parent, cycle=cycle)
    if parent is not None:
        dependencies.check_no_cycle(
            scope, task_number(parent.id), tuple(task_number(each.id) for each in needed)
        )
    counted = dependencies.counted(needed, task.edge_policies)
    task = flow.settled(scope, replace(task, creator=creator or task.creator), counted)
    flow.record(scope, "task.created", None, task, actor=task.creator)
    dependencies.store_edges(scope, task, needed)
    if BlockReason.DEPENDENCY_FAILED in task.blocked_by:
        task = flow.settle(scope, task, reason="what it waits for had ended before")
    return task


def _drafted(
    scope: Scope,
    actor: Actor | None,
    wanted: NewTask,
    *,
    needed: tuple[Task, ...],
    parent: Task | None,
    cycle: int,
) -> Task:
    milestone = None if wanted.milestone is None else scope.milestone(wanted.milestone)
    if milestone is not None and (milestone.run != scope.run or milestone.state is MilestoneState.CANCELLED):
        raise WrongState(f"milestone {milestone.id} is over; create another one")
    inherited = None if milestone is None else milestone.review
    policies = _policies(wanted, needed)
    return Task(
        id=task_id(scope.tx.scalar("task.next_number")),
        run=scope.run,
        title=checked_title(wanted.title),
        description=sized(wanted.description, BODY_MAX, "description"),
        priority=checked_priority(wanted.priority),
        tags=checked_tags(wanted.tags),
        criteria=checked_criteria(wanted.criteria),
        depends_on=tuple(each.id for each in needed),
        edge_policies=policies,
        parent=None if parent is None else parent.id,
        review=bool(inherited if wanted.review is None else wanted.review),
        assignee=None if wanted.assignee is None else agents.reservable(scope, wanted.assignee).name,
        required_role=None if wanted.required_role is None else claiming_role(wanted.required_role),
        required_tags=checked_tags(wanted.required_tags),
        required_group=None
        if wanted.required_group is None
        else checked_name(wanted.required_group, "group"),
        creator=HUMAN if actor is None else actor.name,
        milestone=None if milestone is None else milestone.id,
        key=sized(wanted.key, KEY_MAX, "key"),
        track=_track(wanted),
        order=_between(wanted.order, 0, 1_000_000, "order"),
        wave=_wave(wanted),
        cycle=cycle or (0 if milestone is None else milestone.cycle),
        on_lost=_word(OnLost, wanted.on_lost, "on_lost"),
        join=_word(Join, wanted.join, "join"),
        complexity=checked_complexity(wanted.complexity),
        work_role=sized(wanted.work_role, TITLE_MAX, "work_role"),
        instructions=sized(wanted.instructions, INSTRUCTIONS_MAX, "instructions"),
        gate=_word(Gate, wanted.gate, "gate"),
        approvals_needed=_between(wanted.approvals_needed, 1, 20, "approvals_needed"),
        not_before=wanted.not_before,
        checks=checked_checks(wanted.checks),
        blocked_by=flow.postponed(scope, wanted.not_before),
        created_at=scope.now,
        updated_at=scope.now,
    )


def _policies(wanted: NewTask, needed: tuple[Task, ...]) -> dict[str, EdgePolicy]:
    """Return the policies of the edges that differ from `done`, by the ids of the tasks they lead to."""
    common = dependencies.checked_policy(wanted.on)
    special = {
        f"T{task_number(name)}": dependencies.checked_policy(on) for name, on in wanted.policies.items()
    }
    if unknown := special.keys() - {each.id for each in needed}:
        raise InvalidArgument(f"policies names {min(unknown)}, which depends_on does not")
    policies = {str(each.id): special.get(each.id, common) for each in needed}
    return {name: on for name, on in policies.items() if on is not EdgePolicy.DONE}


def _check_may_create(scope: Scope, actor: Actor, wanted: NewTask, parent: Task | None) -> None:
    if not may(actor.role, Operation.TASK_CREATE):
        check(actor.role, Operation.TASK_CREATE_SUBTASK)
        if parent is None or parent.holder != actor.name:
            raise Forbidden("a worker may only create subtasks of a task that it holds: give it as `parent`")
        if wanted.priority != "normal":
            raise Forbidden("a worker may not set priorities; leave `priority` out")
        if wanted.checks:
            raise Forbidden("a worker may not set checks; leave `checks` out")
    if scope.tx.scalar("task.made_too_many", run=scope.run, creator=actor.name, most=OPEN_TASKS_MAX):
        raise TooMany(
            f"{actor.name} has made {OPEN_TASKS_MAX} tasks that are still open; let some end first",
            retry_after_s=60,
        )


def _check_parent(parent: Task | None) -> None:
    if parent is not None and parent.is_terminal:
        raise WrongState(f"task {parent.id} is {parent.state.value}; it can have no new subtasks")


def checked_title(title: str) -> str:
    """Return a title that says something and is not too long."""
    if not title.strip():
        raise InvalidArgument("a task needs a title")
    return sized(title, TITLE_MAX, "title")


def checked_priority(word: str) -> Priority:
    """Return the priority that a word names."""
    priority = PRIORITY_WORDS.get(word)
    if priority is None:
        raise InvalidArgument(f"priority `{word[:40]}` is none of {', '.join(PRIORITY_WORDS)}")
    return priority


def checked_complexity(score: int | None) -> int | None:
    """Return a score from 1 to 10, or None for unknown."""
    return None if score is None else _between(score, 1, COMPLEXITY_MAX, "complexity")


def checked_criteria(criteria: tuple[str, ...]) -> tuple[str, ...]:
    """Return acceptance criteria within their bounds."""
    if len(criteria) > CRITERIA_MAX:
        raise InvalidArgument(f"a task can have at most {CRITERIA_MAX} criteria, not {len(criteria)}")
    return tuple(sized(each, TITLE_MAX * 5, "criterion") for each in criteria)


def claiming_role(word: str) -> str:
    """Return a role whose agents can claim; raise InvalidArgument for any other."""
    if word not in set(Role):
        raise InvalidArgument(f"role `{word[:40]}` is none of {', '.join(Role)}")
    if not may(Role(word), Operation.TASK_CLAIM):
        able = ", ".join(role for role in Role if may(role, Operation.TASK_CLAIM))
        raise InvalidArgument(f"a {word} cannot claim tasks; a required role is one of: {able}")
    return word


def checked_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return well-formed tags, each once."""
    if len(tags) > TAGS_MAX:
        raise InvalidArgument(f"a task can have at most {TAGS_MAX} tags, not {len(tags)}")
    return tuple(dict.fromkeys(checked_name(tag, "tag") for tag in tags))


def _track(wanted: NewTask) -> str | None:
    if wanted.track is None:
        if wanted.order:
            raise InvalidArgument("`order` counts within a track: give `track` too")
        return None
    if wanted.milestone is None:
        raise InvalidArgument("a track is part of a milestone: give `milestone` too")
    return checked_name(wanted.track, "track")


def _wave(wanted: NewTask) -> int:
    if wanted.wave and wanted.milestone is None:
        raise InvalidArgument("a wave is part of a milestone: give `milestone` too")
    return _between(wanted.wave, 0, 10_000, "wave")


def _between(number: int, low: int, high: int, what: str) -> int:
    if not low <= number <= high:
        raise InvalidArgument(f"{what} {number} is not between {low} and {high}")
    return number


def _word(kind: type[W], word: str, what: str) -> W:
    if word not in {each.value for each in kind}:
        raise InvalidArgument(f"{what} `{word[:40]}` is none of {', '.join(each.value for each in kind)}")
    return kind(word)
