"""Runs: begun once, continued by every later engine, ended when the work is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from supervisor.coordinator import agents, planning
from supervisor.coordinator.scope import Scope
from supervisor.errors import RunConflict
from supervisor.model.agent import AgentState, ExitClass, Role
from supervisor.model.approval import Mode
from supervisor.model.ids import SUPERVISOR, TaskId
from supervisor.model.outside_key import OUTSIDE
from supervisor.model.task import BlockReason, Task, TaskState
from supervisor.model.team import Run, RunState, TeamSpec
from supervisor.model.vote import Vote
from supervisor.store.transaction import Transaction

PLANNING_ROLES = frozenset({Role.PLANNER, Role.ORCHESTRATOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The run to work on, and whether an earlier engine had begun it."""

    run: Run
    continued: bool


def latest_run(tx: Transaction) -> Run | None:
    """Return the newest run, ended or not."""
    return tx.value(Run, "run.latest")


def begin_run(scope: Scope, team: TeamSpec, *, new: bool) -> Begun:
    """Continue the active run of this team, or begin one; `new` ends the active one first.

    Raises RunConflict when another team's run is unfinished and `new` is not given.
    """
    active = scope.tx.value(Run, "run.active")
    if active is not None and not new:
        if active.team != team.name:
            raise RunConflict(
                f"run {active.id} of team {active.team} is unfinished here. Continue it with "
                f"`supervisor up {active.team}`, or give `--new` to end it and begin with {team.name}."
            )
        scope.tx.run = active.id
        agents.enrol(scope, team)
        return Begun(run=active, continued=True)
    if active is not None:
        abandon(scope, active)
    return Begun(run=_fresh_run(scope, team), continued=False)


def abandon(scope: Scope, run: Run) -> None:
    """End a run that nobody will continue: its open tasks are cancelled."""
    scope.tx.run = run.id
    for task in scope.tx.values(Task, "task.open", run=run.id):
        planning.cancel_task(scope, None, task.id, "its run was ended by --new")
    ended = replace(run, state=RunState.ABANDONED, finished_at=scope.now, outcome="ended by --new")
    scope.tx.record("run.abandoned", ended, actor=SUPERVISOR)


def _fresh_run(scope: Scope, team: TeamSpec) -> Run:
    number: int = scope.tx.scalar("run.next_number")
    scope.tx.run = number
    run = Run(id=number, team=team.name, profile=team.source, digest=team.digest, started_at=scope.now)
    scope.tx.record("run.started", run, actor=SUPERVISOR)
    agents.enrol(scope, team)
    agents.reset_for_run(scope, team)
    return run


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a run's work is over, and how it stands in words."""

    over: bool
    failed: bool
    words: str


def standing(scope: Scope) -> Standing:
    """Judge whether nothing is left to do: planners ended well, tasks ended or hopeless, votes closed."""
    counts = {TaskState(row["state"]): row["n"] for row in scope.tx.all("task.counts", run=scope.run)}
    open_tasks = scope.tx.values(Task, "task.open", run=scope.run)
    hopeless = _hopeless(open_tasks, scope.mode)
    own = [agent for agent in scope.agents() if agent.pool != OUTSIDE]
    planners = [agent for agent in own if agent.role in PLANNING_ROLES]
    planned = all(_ended_well(agent.state, agent.last_exit) for agent in planners)
    lost = any(agent.state is AgentState.PARKED for agent in planners)
    votes_open = bool(scope.tx.values(Vote, "vote.open", run=scope.run))
    idle = len(open_tasks) == len(hopeless) and not votes_open
    done = counts.get(TaskState.DONE, 0)
    failed = counts.get(TaskState.FAILED, 0) + len(hopeless)
    cancelled = counts.get(TaskState.CANCELLED, 0)
    words = f"{done} of {sum(counts.values())} tasks done"
    words += (f", {failed} not" if failed else "") + (f", {cancelled} cancelled" if cancelled else "")
    if lost and idle:
        return Standing(over=True, failed=True, words=f"{words}; the planner gave up")
    return Standing(over=planned and idle and bool(planners or counts), failed=bool(failed), words=words)


def _hopeless(open_tasks: Iterable[Task], mode: Mode) -> set[TaskId]:
    """Gather the tasks that nobody here can move on, and whatever waits for one of them.

    A person who watches the team can free what waits for one; without one it stays as it is.
    """
    ends = {BlockReason.DEPENDENCY_FAILED}
    if mode is Mode.HEADLESS:
        ends.add(BlockReason.NEEDS_HUMAN)
    blocked = [task for task in open_tasks if task.state is TaskState.BLOCKED]
    lost = {task.id for task in blocked if not ends.isdisjoint(task.blocked_by)}
    behind: dict[TaskId, list[TaskId]] = {}
    for task in blocked:
        for dependency in task.depends_on:
            behind.setdefault(dependency, []).append(task.id)
    reached = list(lost)
    while reached:
        fresh = [each for each in behind.pop(reached.pop(), []) if each not in lost]
        lost.update(fresh)
        reached += fresh
    return lost


def _ended_well(state: AgentState, last_exit: object) -> bool:
    kind = getattr(last_exit, "kind", None)
    return state is AgentState.EXITED and kind is ExitClass.OK


def finish_run(scope: Scope, *, words: str) -> Run | None:
    """Mark the active run as finished; return it, or None if none is active."""
    active = scope.tx.value(Run, "run.active")
    if active is None:
        return None
    ended = replace(active, state=RunState.FINISHED, finished_at=scope.now, outcome=words)
    return scope.tx.record("run.finished", ended, actor=SUPERVISOR, reason=words)
