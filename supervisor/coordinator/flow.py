"""What moves when a task moves: counters of edges and children, tracks, waves, dependents, milestones."""

from __future__ import annotations

from dataclasses import dataclass, replace

from supervisor.coordinator import dealing
from supervisor.coordinator.scope import Scope, task_number
from supervisor.model.ids import SUPERVISOR, number_of
from supervisor.model.milestone import Milestone, MilestoneKind, MilestoneState
from supervisor.model.task import DERIVED, BlockReason, Join, OnLost, Task, TaskState
from supervisor.model.transitions import checked_move

WAITING = frozenset({TaskState.BLOCKED, TaskState.PENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What a task waits for, counted: edges not met yet and lost for good, children open and done."""

    unmet: int = 0
    lost: int = 0
    open_children: int = 0
    done_children: int = 0


def counters_of(scope: Scope, task: Task) -> Counters:
    """Return the stored counters of a task."""
    row = scope.tx.one("task.counters", n=task_number(task.id))
    return Counters() if row is None else Counters(**dict(row))


def children_wait(task: Task, counted: Counters) -> bool:
    """Tell whether a task has to wait for children: for all of them, or for the first that is done."""
    if task.join is Join.ANY and counted.done_children:
        return False
    return counted.open_children > 0


def derived(scope: Scope, task: Task, counted: Counters) -> tuple[BlockReason, ...]:
    """Return the reasons to wait that follow from other tasks, in the order of BlockReason."""
    found: set[BlockReason] = set()
    if counted.unmet or children_wait(task, counted):
        found.add(BlockReason.DEPENDENCY)
    if counted.lost:
        found.add(BlockReason.DEPENDENCY_FAILED)
    found |= _ahead(scope, task)
    if task.on_lost is OnLost.PROCEED:
        found.discard(BlockReason.DEPENDENCY_FAILED)
    return in_order(found)


def _ahead(scope: Scope, task: Task) -> set[BlockReason]:
    """Say whether the track or the waves below stand in the way; a failure does once nothing is open."""
    found: set[BlockReason] = set()
    if task.milestone is not None and task.track is not None:
        row = scope.tx.one("task.track_head", milestone=task.milestone, track=task.track, order=task.order)
        found |= _reason_ahead(row, BlockReason.TRACK)
    if task.milestone is not None and task.wave > 0:
        row = scope.tx.one("task.wave_ahead", milestone=task.milestone, wave=task.wave)
        found |= _reason_ahead(row, BlockReason.WAVE)
    return found


def _reason_ahead(row: object, waiting: BlockReason) -> set[BlockReason]:
    counted = dict(row)  # type: ignore[call-overload]
    if counted["ahead"]:
        return {waiting}
    return {BlockReason.DEPENDENCY_FAILED} if counted["failed"] else set()


def postponed(scope: Scope, not_before: float | None) -> tuple[BlockReason, ...]:
    """Return the reason to wait for a time, if it lies ahead."""
    return (BlockReason.BACKOFF,) if not_before is not None and not_before > scope.now else ()


def in_order(reasons: set[BlockReason]) -> tuple[BlockReason, ...]:
    """Return reasons in the order of BlockReason."""
    return tuple(reason for reason in BlockReason if reason in reasons)


def stated(task: Task) -> set[BlockReason]:
    """Return the reasons that neither another task nor its agent can bring or clear."""
    return {reason for reason in task.blocked_by if reason not in {*DERIVED, BlockReason.QUARANTINE}}


def _set_aside(scope: Scope, task: Task) -> set[BlockReason]:
    """Say whether a task waits for an agent that may claim nothing."""
    waits = task.assignee is not None and scope.quarantine_of(task.assignee)
    return {BlockReason.QUARANTINE} if waits else set()


def settled(scope: Scope, task: Task, counted: Counters) -> Task:
    """Return a waiting task with the reasons and the state that it must have now; nothing is written."""
    reasons = in_order(set(derived(scope, task, counted)) | stated(task) | _set_aside(scope, task))
    to = TaskState.BLOCKED if reasons else TaskState.PENDING
    changed = replace(task, blocked_by=reasons, state=to, block_note=task.block_note if reasons else "")
    return changed if reasons else dealing.dealt(scope, changed)


def settle(scope: Scope, task: Task, *, reason: str, actor: str = SUPERVISOR) -> Task:
    """Bring a task that nobody holds in line with what it waits for; writes only what changed."""
    if task.state not in WAITING:
        return task
    changed = settled(scope, task, counters_of(scope, task))
    if _is_lost(changed):
        return end(
            scope, task, TaskState.CANCELLED, actor=actor, reason=f"what it waits for is lost: {reason}"
        )
    if changed == task:
        return task
    if changed.state is not task.state:
        checked_move(task, changed.state)
    kind = "task.blocked" if changed.blocked_by else "task.ready"
    return scope.save_task(kind, replace(changed, updated_at=scope.now), actor=actor, reason=reason)


def _is_lost(task: Task) -> bool:
    return BlockReason.DEPENDENCY_FAILED in task.blocked_by and task.on_lost is OnLost.CANCEL


def unless_lost(scope: Scope, task: Task) -> Task:
    """Return a task that was written as waiting; cancel it if what it waits for is lost and it says so."""
    if task.state not in WAITING or not _is_lost(task):
        return task
    return end(scope, task, TaskState.CANCELLED, actor=SUPERVISOR, reason="what it waits for is lost already")


def restate(
    scope: Scope,
    task: Task,
    reasons: set[BlockReason],
    *,
    actor: str,
    reason: str,
    note: str | None = None,
    kind: str | None = None,
) -> Task:
    """Write a waiting task with other stated reasons, in the state that then follows.

    `task` may differ from what is stored in other fields too; `kind` names the event if the
    usual `task.blocked` and `task.ready` say too little.
    """
    changed = replace(
        task,
        blocked_by=in_order(reasons),
        block_note=task.block_note if note is None else note,
        not_before=task.not_before if BlockReason.BACKOFF in reasons else None,
        updated_at=scope.now,
    )
    changed = settled(scope, changed, counters_of(scope, task))
    if changed.state is not task.state:
        checked_move(task, changed.state)
    usual = "task.blocked" if changed.blocked_by else "task.ready"
    return unless_lost(scope, scope.save_task(kind or usual, changed, actor=actor, reason=reason))


def end(scope: Scope, task: Task, to: TaskState, *, actor: str, reason: str) -> Task:
    """End a task without work: cancelled or skipped. Its holder's token is void from now on."""
    checked_move(task, to)
    ended = replace(
        task,
        state=to,
        blocked_by=(),
        block_note="",
        not_before=None,
        holder=None,
        lease_until=None,
        lease_ceiling=None,
        reviewer=None,
        review_until=None,
        updated_at=scope.now,
        finished_at=scope.now,
    )
    return record(scope, f"task.{to.value}", task, ended, actor=actor, reason=reason)


def record(
    scope: Scope, kind: str, before: Task | None, after: Task, *, actor: str, reason: str = ""
) -> Task:
    """Write a task that moved, and let everything that hangs on it follow. `before` None: it is new."""
    scope.save_task(kind, after, actor=actor, reason=reason)
    was_open = before is not None and not before.is_terminal
    if before is None or was_open == after.is_terminal:
        _children_moved(scope, before, after)
        if before is not None:
            _edges_moved(scope, before, after)
        _peers_moved(scope, after)
        _milestone_moved(scope, after)
    return after


def _edges_moved(scope: Scope, before: Task, after: Task) -> None:
    """Count the move at every dependent; wake those that wait, flag those that were let through."""
    for each in scope.tx.values(Task, "dependency.dependents", dep=task_number(after.id)):
        dependent = scope.task(each.id)  # the ones before it may have moved it
        policy = dependent.policy_of(after.id)
        scope.tx.execute(
            "task.edge_changed",
            n=task_number(dependent.id),
            unmet=int(before.is_terminal) - int(after.is_terminal),
            lost=int(policy.is_lost_by(after.state)) - int(policy.is_lost_by(before.state)),
        )
        if dependent.state in WAITING:
            settle(scope, dependent, reason=f"{after.id} is {after.state.value}")
        elif before.is_terminal and after.id not in dependent.reopened_inputs:
            _flag(scope, dependent, after)


def _flag(scope: Scope, dependent: Task, reopened: Task) -> None:
    flagged = replace(
        dependent, reopened_inputs=(*dependent.reopened_inputs, reopened.id), updated_at=scope.now
    )
    scope.save_task("task.flagged", flagged, actor=SUPERVISOR, reason=f"{reopened.id} was reopened")


def _children_moved(scope: Scope, before: Task | None, after: Task) -> None:
    if after.parent is None:
        return
    was_open = before is not None and not before.is_terminal
    was_done = before is not None and before.state is TaskState.DONE
    scope.tx.execute(
        "task.child_changed",
        n=task_number(after.parent),
        open=int(not after.is_terminal) - int(was_open),
        done=int(after.state is TaskState.DONE) - int(was_done),
    )
    settle(scope, scope.task(after.parent), reason=f"its child {after.id} is {after.state.value}")


def left_its_place(scope: Scope, task: Task) -> None:
    """Look again at those that waited for a task which is no longer in its track and wave."""
    _peers_moved(scope, task)


def _peers_moved(scope: Scope, moved: Task) -> None:
    """Look again at the next tasks of the same track and at the next wave: nothing later can change."""
    if moved.milestone is None:
        return
    peers: dict[str, Task] = {}
    if moved.track is not None:
        place = {"milestone": moved.milestone, "track": moved.track}
        upto = scope.tx.scalar("task.track_next", **place, order=moved.order)
        if upto is not None:
            found = scope.tx.values(Task, "task.track_at", **place, above=moved.order, upto=upto)
            peers |= {each.id: each for each in found}
    if moved.wave > 0:
        upto = scope.tx.scalar("task.wave_next", milestone=moved.milestone, wave=moved.wave)
        if upto is not None:
            found = scope.tx.values(
                Task, "task.wave_at", milestone=moved.milestone, above=moved.wave, upto=upto
            )
            peers |= {each.id: each for each in found}
    for number in sorted(number_of(each, "T") for each in peers):
        settle(scope, scope.task(str(number)), reason=f"{moved.id} is {moved.state.value}")


def _milestone_moved(scope: Scope, moved: Task) -> None:
    if moved.milestone is None:
        return
    milestone = scope.milestone(moved.milestone)
    if not moved.is_terminal:
        if milestone.state is MilestoneState.DONE or milestone.next_cycle_at is not None:
            again = replace(
                milestone,
                state=MilestoneState.OPEN,
                next_cycle_at=None,
                finished_at=None,
                updated_at=scope.now,
            )
            scope.tx.record("milestone.reopened", again, actor=SUPERVISOR, reason=f"{moved.id} is open")
        return
    if milestone.state is not MilestoneState.OPEN or milestone.next_cycle_at is not None:
        return
    if not scope.tx.scalar("task.open_in_milestone", milestone=milestone.id):
        all_ended(scope, milestone)


def all_ended(scope: Scope, milestone: Milestone) -> Milestone:
    """End a milestone whose tasks have all ended, or set the time of a loop's next cycle."""
    more = milestone.max_cycles == 0 or milestone.cycle < milestone.max_cycles
    if milestone.kind is MilestoneKind.LOOP and more:
        due = max(scope.now, milestone.cycle_began_at + milestone.min_interval_s)
        waiting = replace(milestone, next_cycle_at=due, updated_at=scope.now)
        return scope.tx.record(
            "milestone.cycle_ended", waiting, actor=SUPERVISOR, reason=f"cycle {milestone.cycle} has ended"
        )
    done = replace(milestone, state=MilestoneState.DONE, finished_at=scope.now, updated_at=scope.now)
    return scope.tx.record("milestone.done", done, actor=SUPERVISOR, reason="all its tasks have ended")
