"""Edges between tasks: known ids only, no cycles, each with the policy that says when it is met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from supervisor.coordinator import flow
from supervisor.coordinator.flow import Counters
from supervisor.coordinator.scope import Scope, task_number
from supervisor.errors import DependencyCycle, InvalidArgument, UnknownDependency, WrongState
from supervisor.model.ids import TaskId, number_of, task_id
from supervisor.model.task import DEPENDENCIES_MAX, EdgePolicy, Task, TaskState


def known_dependencies(scope: Scope, wanted: tuple[str, ...]) -> tuple[Task, ...]:
    """Return the tasks that the ids name, once each; raise UnknownDependency for a stranger."""
    if len(wanted) > DEPENDENCIES_MAX:
        raise InvalidArgument(f"a task can depend on at most {DEPENDENCIES_MAX} others, not {len(wanted)}")
    found: dict[int, Task] = {}
    for spelled in wanted:
        number = number_of(spelled, "T")
        task = scope.tx.value(Task, "task.get", n=number)
        if task is None or task.run != scope.run:
            raise UnknownDependency(f"depends_on names `{spelled[:40]}`, but this run has no such task")
        found[number] = task
    return tuple(found.values())


def checked_policy(word: str) -> EdgePolicy:
    """Return the policy that a word names; raise InvalidArgument."""
    if word not in set(EdgePolicy):
        raise InvalidArgument(f"`on: {word[:40]}` is none of {', '.join(EdgePolicy)}")
    return EdgePolicy(word)


def check_open_again(scope: Scope, task: Task) -> None:
    """Raise DependencyCycle if something that this ended task needs would wait for it once it is open."""
    start = task_number(task.id)
    came_from: dict[int, int] = {}
    frontier = [start]
    while frontier:
        number = frontier.pop()
        for row in scope.tx.all("dependency.below", task=number):
            if row["n"] not in came_from:
                came_from[row["n"]] = number
                frontier.append(row["n"])
                if _names(scope, row["n"], task):
                    came_from[start] = row["n"]
                    raise DependencyCycle(f"that would make a cycle: {_spell_cycle(came_from, start)}")


def _names(scope: Scope, number: int, task: Task) -> bool:
    """Tell whether a task depends on another or is its parent, however that one has ended."""
    if task.parent == task_id(number):
        return True
    return scope.tx.one("dependency.get", task=number, dep=task_number(task.id)) is not None


def check_no_cycle(scope: Scope, start: int, below: tuple[int, ...]) -> None:
    """Raise DependencyCycle, spelling it out, if task number `start` waiting for these would close one.

    A parent waits for its open children too, so a child cannot wait for its parent.
    """
    came_from = dict.fromkeys(below, start)
    frontier = list(below)
    while frontier:
        number = frontier.pop()
        if number == start:
            raise DependencyCycle(f"that would make a cycle: {_spell_cycle(came_from, start)}")
        for row in scope.tx.all("dependency.below", task=number):
            if row["n"] not in came_from:
                came_from[row["n"]] = number
                frontier.append(row["n"])


def _spell_cycle(came_from: dict[int, int], goal: int) -> str:
    chain = [goal]
    step = came_from[goal]
    while step != goal:
        chain.append(step)
        step = came_from[step]
    return " → ".join(str(task_id(number)) for number in [goal, *reversed(chain)])


def counted(dependencies: tuple[Task, ...], policies: Mapping[str, EdgePolicy]) -> Counters:
    """Count which of these dependencies are not met yet, and which never can be."""
    lost = sum(policies.get(each.id, EdgePolicy.DONE).is_lost_by(each.state) for each in dependencies)
    return Counters(unmet=sum(not each.is_terminal for each in dependencies), lost=lost)


def store_edges(scope: Scope, task: Task, dependencies: tuple[Task, ...]) -> None:
    """Store new edges of a task and count them."""
    number = task_number(task.id)
    for each in dependencies:
        scope.tx.execute(
            "dependency.add", task=number, dep=task_number(each.id), policy=task.policy_of(each.id).value
        )
    new = counted(dependencies, task.edge_policies)
    scope.tx.execute("task.edge_changed", n=number, unmet=new.unmet, lost=new.lost)


def link(
    scope: Scope, task: Task, wanted: tuple[str, ...], *, policy: EdgePolicy = EdgePolicy.DONE, actor: str
) -> Task:
    """Let an unclaimed task also depend on others; refuse unknown ids, itself and cycles.

    An edge that is there already stays as it is.
    """
    if task.state not in {TaskState.PENDING, TaskState.BLOCKED}:
        raise WrongState(
            f"task {task.id} is {task.state.value}; dependencies can be added only before it is claimed"
        )
    dependencies = known_dependencies(scope, wanted)
    new = tuple(each for each in dependencies if each.id not in task.depends_on)
    check_no_cycle(scope, task_number(task.id), tuple(task_number(each.id) for each in new))
    ids: tuple[TaskId, ...] = (*task.depends_on, *(each.id for each in new))
    if len(ids) > DEPENDENCIES_MAX:
        raise InvalidArgument(f"a task can depend on at most {DEPENDENCIES_MAX} others, not {len(ids)}")
    special: dict[str, EdgePolicy] = {} if policy is EdgePolicy.DONE else {each.id: policy for each in new}
    linked = replace(
        task, depends_on=ids, edge_policies={**task.edge_policies, **special}, updated_at=scope.now
    )
    store_edges(scope, linked, new)
    linked = flow.settled(scope, linked, flow.counters_of(scope, linked))
    return flow.unless_lost(scope, scope.save_task("task.linked", linked, actor=actor))
