"""What waits for what: edges, cycles named, promotion when the last one is met."""

from __future__ import annotations

from dataclasses import replace

from supervisor.coordinator.scope import Scope, task_number
from supervisor.errors import DependencyCycle, UnknownDependency, WrongState
from supervisor.model.ids import SUPERVISOR, TaskId, number_of, task_id
from supervisor.model.task import TERMINAL, BlockReason, Task, TaskState, checked_move


def known_dependencies(scope: Scope, wanted: tuple[str, ...]) -> tuple[Task, ...]:
    """Return the tasks that the ids name, once each; raise UnknownDependency for a stranger."""
    found: dict[int, Task] = {}
    for spelled in wanted:
        number = number_of(spelled, "T")
        task = scope.tx.value(Task, "task.get", n=number)
        if task is None or task.run != scope.run:
            raise UnknownDependency(f"depends_on names `{spelled[:40]}`, but this run has no such task")
        found[number] = task
    return tuple(found.values())


def check_no_cycle(scope: Scope, start: Task, dependencies: tuple[Task, ...]) -> None:
    """Raise DependencyCycle, spelling it out, if `start` depending on these would close one."""
    came_from: dict[int, int] = {}
    goal = task_number(start.id)
    frontier = [task_number(each.id) for each in dependencies]
    came_from |= dict.fromkeys(frontier, goal)
    while frontier:
        number = frontier.pop()
        if number == goal:
            raise DependencyCycle(f"that would make a cycle: {_spell_cycle(came_from, goal)}")
        for below in scope.tx.values(Task, "dependency.of", task=number):
            below_number = task_number(below.id)
            if below_number not in came_from and below.state not in TERMINAL:
                came_from[below_number] = number
                frontier.append(below_number)


def _spell_cycle(came_from: dict[int, int], goal: int) -> str:
    chain = [goal]
    step = came_from[goal]
    while step != goal:
        chain.append(step)
        step = came_from[step]
    return " → ".join(str(task_id(number)) for number in [goal, *reversed(chain)])


def add_edges(scope: Scope, task: Task, dependencies: tuple[Task, ...]) -> None:
    """Store the edges of a task and how many of them are not met."""
    number = task_number(task.id)
    for each in dependencies:
        scope.tx.execute("dependency.add", task=number, dep=task_number(each.id))
    everything = scope.tx.values(Task, "dependency.of", task=number)
    unmet = sum(each.state is not TaskState.DONE for each in everything)
    scope.tx.execute("task.set_unmet", n=number, unmet=unmet)


def reasons_for(dependencies: tuple[Task, ...]) -> tuple[BlockReason, ...]:
    """Say why a task with these dependencies has to wait, if it has to."""
    reasons: list[BlockReason] = []
    if any(each.state not in TERMINAL for each in dependencies):
        reasons.append(BlockReason.DEPENDENCY)
    if any(each.state in TERMINAL and each.state is not TaskState.DONE for each in dependencies):
        reasons.append(BlockReason.DEPENDENCY_FAILED)
    return tuple(reasons)


def task_ended(scope: Scope, ended: Task) -> None:
    """Tell the dependents: promote the ones that waited only for this, flag those that cannot be met."""
    for dependent in scope.tx.values(Task, "dependency.dependents", dep=task_number(ended.id)):
        if ended.state is TaskState.DONE:
            scope.tx.scalar("task.one_met", n=task_number(dependent.id))
        if dependent.state is TaskState.BLOCKED:
            _review_block(scope, dependent, ended)


def _review_block(scope: Scope, dependent: Task, ended: Task) -> None:
    dependencies = scope.tx.values(Task, "dependency.of", task=task_number(dependent.id))
    reasons = (*reasons_for(dependencies), *_not_about_edges(dependent))
    if reasons == dependent.blocked_by:
        return
    if reasons:
        changed = replace(dependent, blocked_by=reasons, updated_at=scope.now)
        scope.save_task(
            "task.blocked", changed, actor=SUPERVISOR, reason=f"{ended.id} ended as {ended.state.value}"
        )
        return
    checked_move(dependent, TaskState.PENDING)
    ready = replace(dependent, state=TaskState.PENDING, blocked_by=(), updated_at=scope.now)
    scope.save_task("task.ready", ready, actor=SUPERVISOR, reason=f"{ended.id} is done")


def _not_about_edges(task: Task) -> tuple[BlockReason, ...]:
    """Return the reasons that no dependency can bring or clear."""
    about_edges = {BlockReason.DEPENDENCY, BlockReason.DEPENDENCY_FAILED}
    return tuple(reason for reason in task.blocked_by if reason not in about_edges)


def link(scope: Scope, task: Task, wanted: tuple[str, ...], *, actor: str) -> Task:
    """Let an unclaimed task also depend on others; refuse unknown ids, itself and cycles."""
    if task.state not in {TaskState.PENDING, TaskState.BLOCKED}:
        raise WrongState(
            f"task {task.id} is {task.state.value}; dependencies can be added only before it is claimed"
        )
    dependencies = known_dependencies(scope, wanted)
    check_no_cycle(scope, task, dependencies)
    add_edges(scope, task, dependencies)
    ids: tuple[TaskId, ...] = tuple(dict.fromkeys((*task.depends_on, *(each.id for each in dependencies))))
    waiting = reasons_for(scope.tx.values(Task, "dependency.of", task=task_number(task.id)))
    reasons = (*waiting, *_not_about_edges(task))
    linked = replace(
        task,
        depends_on=ids,
        blocked_by=reasons,
        state=TaskState.BLOCKED if reasons else TaskState.PENDING,
        updated_at=scope.now,
    )
    return scope.save_task("task.linked", linked, actor=actor)
