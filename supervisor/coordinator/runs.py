"""Runs: begun once, continued by every later engine, ended when the work is done."""

from __future__ import annotations

from dataclasses import dataclass, replace

from supervisor.coordinator import agents, dealing, evidence, mailboxes, plans, pools, steering
from supervisor.coordinator.scope import Scope
from supervisor.errors import RunConflict
from supervisor.model.agent import Agent, AgentState, ExitClass, Role
from supervisor.model.approval import Mode
from supervisor.model.ids import SUPERVISOR
from supervisor.model.milestone import Milestone, MilestoneState
from supervisor.model.outside_key import OUTSIDE
from supervisor.model.permissions import Operation, may
from supervisor.model.task import OPEN, BlockReason, Gate, Task, TaskState
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
        pools.lay_out(scope, team, fresh=False)
        return Begun(run=active, continued=True)
    if active is not None:
        abandon(scope, active)
    return Begun(run=_fresh_run(scope, team), continued=False)


def abandon(scope: Scope, run: Run) -> None:
    """End a run that nobody will continue: its open tasks are cancelled."""
    scope.tx.run = run.id
    for milestone in scope.tx.values(Milestone, "milestone.of_run", run=run.id):
        if milestone.state is MilestoneState.OPEN:
            plans.close_milestone(scope, None, milestone.id, now=True, reason="its run was ended by --new")
    for task in scope.tx.values(Task, "task.open", run=run.id):
        if not scope.task(task.id).is_terminal:
            steering.cancel_task(scope, None, task.id, "its run was ended by --new")
    ended = replace(run, state=RunState.ABANDONED, finished_at=scope.now, outcome="ended by --new")
    scope.tx.record("run.abandoned", ended, actor=SUPERVISOR)


def _fresh_run(scope: Scope, team: TeamSpec) -> Run:
    number: int = scope.tx.scalar("run.next_number")
    scope.tx.run = number
    run = Run(id=number, team=team.name, profile=team.source, digest=team.digest, started_at=scope.now)
    scope.tx.record("run.started", run, actor=SUPERVISOR)
    agents.enrol(scope, team)
    agents.reset_for_run(scope, team)
    pools.lay_out(scope, team, fresh=True)
    return run


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a run's work is over, and how it stands in words; `checking`: checks may still end tasks."""

    over: bool
    failed: bool
    words: str
    checking: bool = False


def standing(scope: Scope) -> Standing:
    """Judge whether nothing is left to do: planners ended well, tasks ended or hopeless, votes closed."""
    counts = {TaskState(row["state"]): row["n"] for row in scope.tx.all("task.counts", run=scope.run)}
    moves = _something_moves(scope, counts)
    hopeless = 0 if moves else sum(counts.get(state, 0) for state in OPEN)
    own = [agent for agent in scope.agents() if agent.pool != OUTSIDE]
    planners = [agent for agent in own if agent.role in PLANNING_ROLES]
    planned = all(
        _ended_well(agent.state, agent.last_exit) or dealing.is_asleep(scope, agent) or _rests(scope, agent)
        for agent in planners
    )
    lost = any(agent.state is AgentState.PARKED for agent in planners)
    votes_open = bool(scope.tx.values(Vote, "vote.open", run=scope.run))
    idle = not moves and not votes_open
    done = counts.get(TaskState.DONE, 0)
    failed = counts.get(TaskState.FAILED, 0) + hopeless
    withdrawn = counts.get(TaskState.CANCELLED, 0) + counts.get(TaskState.SKIPPED, 0)
    words = f"{done} of {sum(counts.values())} tasks done"
    words += (f", {failed} not" if failed else "") + (f", {withdrawn} cancelled" if withdrawn else "")
    if lost and idle:
        return Standing(over=True, failed=True, words=f"{words}; the planner gave up")
    return Standing(
        over=planned and idle and bool(planners or counts),
        failed=bool(failed),
        words=words,
        checking=bool(counts.get(TaskState.IN_REVIEW)) and evidence.is_awaited(scope),
    )


def _something_moves(scope: Scope, counts: dict[TaskState, int]) -> bool:
    """Tell whether an agent, time or a person who is there can move an open task on.

    What only waits for tasks that cannot move is as hopeless as they are. Rows are read only
    when nobody works, so that a busy run costs the same however long its list is.
    """
    if counts.get(TaskState.IN_PROGRESS):
        return True
    if scope.tx.scalar("milestone.cycles_ahead", run=scope.run):
        return True
    if counts.get(TaskState.PENDING) and _somebody_can_claim(scope):
        return True
    if counts.get(TaskState.IN_REVIEW) and (evidence.is_awaited(scope) or _somebody_can_judge(scope)):
        return True
    return any(
        _moves_by_itself(task, scope.mode) for task in scope.tx.values(Task, "task.open", run=scope.run)
    )


def _somebody_can_claim(scope: Scope) -> bool:
    if scope.mode is Mode.INTERACTIVE:
        return True
    there = (each for each in scope.agents() if _in_reach(scope, each) and not each.quarantined)
    able: list[dealing.Claimer] = [*there, *pools.could_join(scope)]
    able = [each for each in able if may(each.role, Operation.TASK_CLAIM)]
    lanes = [row["lane"] for row in scope.tx.all("task.lanes", run=scope.run)]
    return any(dealing.lane_suits(lane, each) for lane in lanes for each in able)


def _in_reach(scope: Scope, agent: Agent) -> bool:
    return dealing.in_reach(agent) and agent.name not in scope.spent


def _somebody_can_judge(scope: Scope) -> bool:
    if scope.mode is Mode.INTERACTIVE:
        return True
    roles = {agent.role for agent in scope.agents() if _in_reach(scope, agent)}
    roles |= {place.role for place in pools.could_join(scope)}
    judges = any(may(role, Operation.TASK_REVIEW) for role in roles)
    handed_in = scope.tx.values(Task, "task.reviewable", run=scope.run, agent=None)
    return judges and any(task.gate is Gate.JUDGE for task in handed_in)


def _moves_by_itself(task: Task, mode: Mode) -> bool:
    reasons = set(task.blocked_by)
    said = reasons & {BlockReason.NEEDS_HUMAN, BlockReason.HOLD, BlockReason.QUARANTINE}
    return BlockReason.BACKOFF in reasons or (mode is Mode.INTERACTIVE and bool(said))


def _rests(scope: Scope, agent: Agent) -> bool:
    """Tell whether an agent that works in turns has nothing to begin one for."""
    if agent.name not in scope.in_turns or agent.state is not AgentState.IDLE:
        return False
    if agent.name in scope.spent:
        return True
    in_turn = scope.tx.scalar("turn.running_count", agent=agent.name)
    return not in_turn and not mailboxes.open_count(scope, agent.name)


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
