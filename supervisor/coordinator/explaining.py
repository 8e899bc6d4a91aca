"""Why a task is where it is: each reason with what exactly stands in the way, and what would help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from supervisor.coordinator import choosing, dealing, flow, pools
from supervisor.coordinator.scope import Scope, task_number
from supervisor.model.agent import Agent
from supervisor.model.ids import SUPERVISOR
from supervisor.model.permissions import Operation, may
from supervisor.model.task import ENDED, BlockReason, Gate, OnLost, Task, TaskState

SHOWN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that stands in the way. `by` names tasks or agents; `help` says what would move it."""

    reason: str
    detail: str
    by: tuple[str, ...] = ()
    help: str = ""


def why(scope: Scope, spelled: str) -> tuple[Reason, ...]:
    """Say what keeps a task from going on, the causes first; empty if nothing does."""
    task = scope.task(spelled)
    match task.state:
        case TaskState.BLOCKED:
            return tuple(found for each in task.blocked_by for found in _blocked(scope, task, each))
        case TaskState.PENDING:
            return _waiting_for_an_agent(scope, task)
        case TaskState.IN_PROGRESS:
            return _in_progress(scope, task)
        case TaskState.IN_REVIEW:
            return _in_review(scope, task)
        case _:
            return (Reason(reason="ended", detail=f"it has ended: {task.state.value}"),)


def _blocked(scope: Scope, task: Task, reason: BlockReason) -> tuple[Reason, ...]:
    match reason:
        case BlockReason.DEPENDENCY:
            return (*_unmet(scope, task), *_children(scope, task))
        case BlockReason.DEPENDENCY_FAILED:
            return _lost(scope, task)
        case BlockReason.TRACK | BlockReason.WAVE:
            return (_ahead(scope, task, reason),)
        case BlockReason.BACKOFF:
            wait_s = max(0.0, (task.not_before or scope.now) - scope.now)
            again = f"after {task.failures} failures; " if task.failures else ""
            detail = f"{again}it can be claimed in {wait_s:.0f} s"
            return (Reason(reason=reason.value, detail=detail, help="`supervisor task unblock --force`"),)
        case BlockReason.HOLD:
            detail = f"held: {task.block_note or 'no reason given'}"
            return (Reason(reason=reason.value, detail=detail, help="`supervisor task unhold`"),)
        case BlockReason.NEEDS_HUMAN:
            detail = f"a person has to look: {task.block_note or 'see its notes'}"
            return (Reason(reason=reason.value, detail=detail, help="`supervisor task unblock`"),)
        case BlockReason.QUARANTINE:
            detail = f"it is reserved for {task.assignee}, who is quarantined"
            by = (task.assignee or "",)
            return (Reason(reason=reason.value, detail=detail, by=by, help="`supervisor agent release`"),)


def _unmet(scope: Scope, task: Task) -> tuple[Reason, ...]:
    needed = scope.tx.values(Task, "dependency.of", task=task_number(task.id))
    waiting = [each for each in needed if not each.is_terminal]
    return tuple(
        Reason(
            reason=BlockReason.DEPENDENCY.value,
            detail=f"waits until {each.id} is {task.policy_of(each.id).value}: {_standing(each)}",
            by=(each.id,),
        )
        for each in waiting[:SHOWN]
    )


def _children(scope: Scope, task: Task) -> tuple[Reason, ...]:
    if not flow.children_wait(task, flow.counters_of(scope, task)):
        return ()
    children = scope.tx.values(Task, "task.children", parent=task_number(task.id))
    waiting = [each for each in children if not each.is_terminal]
    shown = "; ".join(f"{each.id} {_standing(each)}" for each in waiting[:SHOWN])
    detail = f"waits for {task.join.value} of its children, {len(waiting)} are open: {shown}"
    by = tuple(each.id for each in waiting[:SHOWN])
    return (Reason(reason=BlockReason.DEPENDENCY.value, detail=detail, by=by),)


def _standing(task: Task) -> str:
    if task.state is TaskState.IN_PROGRESS:
        return f"in_progress by {task.holder}, {task.percent} %"
    reasons = f" ({', '.join(task.blocked_by)})" if task.blocked_by else ""
    return f"{task.state.value}{reasons}"


def _lost(scope: Scope, task: Task) -> tuple[Reason, ...]:
    needed = scope.tx.values(Task, "dependency.of", task=task_number(task.id))
    lost = [each for each in needed if task.policy_of(each.id).is_lost_by(each.state)]
    if task.milestone is not None and not lost:
        peers = scope.tx.values(Task, "task.of_milestone", milestone=task.milestone)
        lost = [each for each in peers if each.state is TaskState.FAILED and _stands_before(each, task)]
    helping = "`supervisor task reopen` it, or `supervisor task unblock --force` this one"
    if task.on_lost is OnLost.HOLD:
        helping += "; `on_lost: proceed` would have let it go on"
    return tuple(
        Reason(
            reason=BlockReason.DEPENDENCY_FAILED.value,
            detail=f"{each.id} ended as {each.state.value}" + (f": {each.feedback}" if each.feedback else ""),
            by=(each.id,),
            help=helping,
        )
        for each in lost[:SHOWN]
    )


def _stands_before(other: Task, task: Task) -> bool:
    in_track = task.track is not None and other.track == task.track and other.order < task.order
    return in_track or 0 < other.wave < task.wave


def _ahead(scope: Scope, task: Task, reason: BlockReason) -> Reason:
    peers = scope.tx.values(Task, "task.of_milestone", milestone=task.milestone)
    ahead = [
        each
        for each in peers
        if each.state not in ENDED
        and (
            each.track == task.track and each.order < task.order
            if reason is BlockReason.TRACK
            else 0 < each.wave < task.wave
        )
    ]
    shown = "; ".join(f"{each.id} {_standing(each)}" for each in ahead[:SHOWN])
    place = f"track {task.track}, order {task.order}" if reason is BlockReason.TRACK else f"wave {task.wave}"
    detail = f"{place} opens when {len(ahead)} before it have ended: {shown}"
    return Reason(reason=reason.value, detail=detail, by=tuple(each.id for each in ahead[:SHOWN]))


def _waiting_for_an_agent(scope: Scope, task: Task) -> tuple[Reason, ...]:
    """Say who could claim a pending task, or that nobody can and what is missing."""
    agents = scope.agents()
    able = dealing.candidates(task, agents)
    asked = dealing.lane_of(task)
    if all(dealing.is_asleep(scope, agent) for agent in able) and (name := _joining(scope, task)):
        detail = f"{name} is started for it as soon as its pool may grow; how it stands: `supervisor status`"
        return (Reason(reason="ready", detail=detail, by=(name,)),)
    if not able:
        return (Reason(reason="nobody", detail=_nobody(task, agents), help=_help_for_nobody(task)),)
    free = [agent.name for agent in able if not _is_full(scope, agent)]
    detail = f"can be claimed by: {', '.join(agent.name for agent in able[:SHOWN])}"
    if not free:
        detail = f"all who could claim it hold as many tasks as they may ({asked.strip('|[]')})"
    return (Reason(reason="ready", detail=detail, by=tuple(agent.name for agent in able[:SHOWN])),)


def _joining(scope: Scope, task: Task) -> str | None:
    """Name an agent that a scaled pool could start for a task."""
    able = (each for each in pools.could_join(scope) if may(each.role, Operation.TASK_CLAIM))
    return next((each.name for each in able if dealing.suits(task, each)), None)


def _is_full(scope: Scope, agent: Agent) -> bool:
    pool = scope.pool_of(agent.name)
    limit = choosing.WIP_OF_STRANGERS if pool is None else pool.wip
    held: int = scope.tx.scalar("task.held_count", agent=agent.name)
    return held >= limit


def _nobody(task: Task, agents: tuple[Agent, ...]) -> str:
    wanted = [
        *([f"the name {task.assignee}"] if task.assignee else []),
        *([f"the role {task.required_role}"] if task.required_role else []),
        *([f"the group {task.required_group}"] if task.required_group else []),
        *([f"the tags {', '.join(task.required_tags)}"] if task.required_tags else []),
    ]
    suiting = [
        agent for agent in agents if may(agent.role, Operation.TASK_CLAIM) and dealing.suits(task, agent)
    ]
    if suiting:
        shown = ", ".join(
            f"{agent.name} ({'quarantined' if agent.quarantined else agent.state.value})"
            for agent in suiting[:SHOWN]
        )
        return f"only these could claim it, and none of them can now: {shown}"
    return f"no agent of this team has {' and '.join(wanted) or 'a role that claims tasks'}"


def _help_for_nobody(task: Task) -> str:
    if task.assignee:
        return f"`supervisor restart {task.assignee}`, or `supervisor task assign` it to somebody else"
    return "`supervisor task assign` it anew, or add a pool that suits"


def _in_progress(scope: Scope, task: Task) -> tuple[Reason, ...]:
    left = (task.lease_until or scope.now) - scope.now
    doing = f", {task.action}" if task.action else ""
    reopened = (
        f"; it was begun before {', '.join(task.reopened_inputs)} was reopened"
        if task.reopened_inputs
        else ""
    )
    detail = f"{task.holder} works on it, {task.percent} %{doing}; its lease ends in {left:.0f} s{reopened}"
    return (Reason(reason="in_progress", detail=detail, by=(task.holder or "",)),)


def _in_review(scope: Scope, task: Task) -> tuple[Reason, ...]:
    by: tuple[str, ...]
    if task.is_verifying:
        names = ", ".join(check.name for check in task.checks)
        return (Reason(reason="in_review", detail=f"its checks run: {names}", by=(SUPERVISOR,)),)
    if task.reviewer is not None:
        detail, by = f"{task.reviewer} reviews it", (task.reviewer,)
    elif task.gate is Gate.HUMAN:
        detail, by = "a person has to approve it", ("human",)
    else:
        judges = [
            agent.name
            for agent in scope.agents()
            if may(agent.role, Operation.TASK_REVIEW) and agent.name != task.author
        ]
        detail = f"waits for a judge: {', '.join(judges[:SHOWN]) or 'this team has none'}"
        by = tuple(judges[:SHOWN]) or (SUPERVISOR,)
    counted = (
        f"; {len(task.approved_by)} of {task.approvals_needed} approvals" if task.approvals_needed > 1 else ""
    )
    return (
        Reason(
            reason="in_review", detail=detail + counted, by=by, help="`supervisor task approve` or `reject`"
        ),
    )
