"""What follows from a move in places seldom thought of: found by random histories, each held here."""

from __future__ import annotations

import pytest

from supervisor.coordinator import dependencies, ending, handing, plans, reviews, steering, upkeep, work
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.plans import NewPlan
from supervisor.errors import DependencyCycle
from supervisor.model.task import BlockReason, ErrorClass, Task, TaskState
from supervisor.testing.small_team import SmallTeam


async def end(team: SmallTeam, *names: str) -> None:
    for name in names:
        await team.finish("worker-1", await team.claim("worker-1", name))


async def reopen(team: SmallTeam, name: str) -> Task:
    task: Task = await team.do(lambda scope: steering.reopen_task(scope, team["planner"], name, "again"))
    return task


async def cancel(team: SmallTeam, name: str) -> None:
    await team.do(lambda scope: steering.cancel_task(scope, team["planner"], name, "no"))


async def link(team: SmallTeam, name: str, on: str) -> Task:
    task: Task = await team.do(
        lambda scope: dependencies.link(scope, scope.task(name), (on,), actor="planner")
    )
    return task


async def lost_input(team: SmallTeam, **more: object) -> tuple[Task, Task]:
    """Make a task that goes with its input, let it be held, and lose the input meanwhile."""
    first = await team.add_task("first")
    task = await team.add_task("task", depends_on=(first.id,), on_lost="cancel", **more)
    await end(team, first.id)
    await team.claim("worker-1", task.id)
    await reopen(team, first.id)
    await cancel(team, first.id)
    return first, task


async def test_one_loss_is_told_once_to_whoever_waits_over_two_ways(team: SmallTeam) -> None:
    first = await team.add_task("first")
    second = await team.add_task("second", depends_on=(first.id,), on_lost="cancel")
    third = await team.add_task("third", depends_on=(first.id, second.id), on_lost="cancel")
    await cancel(team, first.id)
    assert (await team.task(third.id)).state is TaskState.CANCELLED
    told = [event for event in await team.events() if event.subject == third.id]
    assert [event.kind for event in told] == ["task.created", "task.cancelled"]


async def test_a_new_edge_to_what_is_lost_cancels_at_once(team: SmallTeam) -> None:
    first = await team.add_task("first")
    task = await team.add_task("task", on_lost="cancel")
    await cancel(team, first.id)
    assert (await link(team, task.id, first.id)).state is TaskState.CANCELLED


@pytest.mark.parametrize("how", ["release", "fail", "hand on", "reject"])
async def test_what_comes_back_after_its_input_was_lost_is_cancelled(team: SmallTeam, how: str) -> None:
    _, task = await lost_input(team, review=how == "reject")
    me = team["worker-1"]
    match how:
        case "release":
            await team.do(lambda scope: ending.release(scope, me, task.id, 1, "r"))
        case "fail":
            await team.do(lambda scope: ending.fail(scope, me, task.id, 1, "e", kind=ErrorClass.TRANSIENT))
        case "hand on":
            await team.do(
                lambda scope: handing.hand_off(
                    scope, me, to="role:worker", notes="n", spelled=task.id, token=1
                )
            )
        case _:
            await team.do(lambda scope: work.complete(scope, me, task.id, 1, "r"))
            await team.do(lambda scope: reviews.reject_task(scope, team["judge"], task.id, "f"))
    assert (await team.task(task.id)).state is TaskState.CANCELLED


async def test_reopening_what_has_lost_its_input_ends_it_again(team: SmallTeam) -> None:
    first, task = await lost_input(team)
    await cancel(team, task.id)
    assert (await reopen(team, task.id)).state is TaskState.CANCELLED
    await reopen(team, first.id)
    assert (await reopen(team, task.id)).state is TaskState.BLOCKED


async def test_reopening_may_not_close_a_circle(team: SmallTeam) -> None:
    first = await team.add_task("first")
    between = await team.add_task("between", depends_on=(first.id,))
    await end(team, first.id, between.id)
    last = await team.add_task("last", depends_on=(between.id,))
    await reopen(team, first.id)
    await link(team, first.id, last.id)
    with pytest.raises(DependencyCycle, match="T2 → T1 → T3 → T2"):
        await reopen(team, between.id)
    await cancel(team, last.id)
    twice = await team.add_task("twice")
    await link(team, first.id, twice.id)
    await link(team, between_two := (await team.add_task("two")).id, twice.id)
    await link(team, first.id, between_two)
    assert (await reopen(team, between.id)).state is TaskState.BLOCKED


async def test_reopening_a_child_may_not_close_a_circle_over_its_parent(team: SmallTeam) -> None:
    parent = await team.add_task("parent")
    child = await team.add_task("child", parent=parent.id)
    needed = await team.add_task("needed")
    await link(team, child.id, needed.id)
    await end(team, needed.id, child.id)
    await reopen(team, needed.id)
    await link(team, needed.id, parent.id)
    with pytest.raises(DependencyCycle, match="T2 → T3 → T1 → T2"):
        await reopen(team, child.id)


async def test_those_behind_a_forced_task_do_not_wait_for_it_any_more(team: SmallTeam) -> None:
    wanted = NewPlan(
        name="p",
        tasks=(
            NewTask(title="first", track="main", order=1),
            NewTask(title="held", track="main", order=2),
            NewTask(title="behind", track="main", order=3),
        ),
    )
    _, (first, held, behind) = await team.do(lambda scope: plans.create_plan(scope, team["planner"], wanted))
    await team.do(lambda scope: steering.unblock(scope, held.id, actor="human", force=True))
    await end(team, first.id)
    assert (await team.task(held.id)).state is TaskState.PENDING
    assert (await team.task(behind.id)).state is TaskState.PENDING


async def test_those_behind_a_forced_task_alone_are_free_at_once(team: SmallTeam) -> None:
    wanted = NewPlan(
        name="p",
        tasks=(NewTask(title="held", track="main", order=1), NewTask(title="behind", track="main", order=2)),
    )
    _, (held, behind) = await team.do(lambda scope: plans.create_plan(scope, team["planner"], wanted))
    await team.do(lambda scope: steering.hold_task(scope, team["planner"], held.id, "wait"))
    await team.do(lambda scope: steering.unblock(scope, held.id, actor="human", force=True))
    assert (await team.task(behind.id)).state is TaskState.PENDING


async def test_a_task_waits_for_a_quarantined_agent_only_while_it_is_its_assignee(team: SmallTeam) -> None:
    await team.do(lambda scope: ending.set_aside(scope, "worker-1", reason="r", actor="human"))
    made = await team.add_task(assignee="worker-1")
    assert made.blocked_by == (BlockReason.QUARANTINE,)
    await team.do(lambda scope: ending.bring_back(scope, "worker-1"))
    await team.claim("worker-1", made.id)
    await team.do(lambda scope: ending.block_for_help(scope, team["worker-1"], made.id, 1, "which?"))
    await team.do(lambda scope: ending.set_aside(scope, "worker-1", reason="r", actor="human"))
    assert (await team.task(made.id)).blocked_by == (BlockReason.NEEDS_HUMAN, BlockReason.QUARANTINE)
    await team.do(lambda scope: steering.unblock(scope, made.id, actor="human"))
    assert (await team.task(made.id)).state is TaskState.PENDING


async def test_a_lease_whose_ceiling_has_passed_is_not_renewed_into_the_past(team: SmallTeam) -> None:
    task = await team.add_task()
    await team.claim("worker-1", task.id)
    await team.clock.advance(5 * 3600)
    await team.do(lambda scope: upkeep.tick(scope, {"worker-1": team.clock.now()}))
    assert (await team.task(task.id)).state is TaskState.PENDING
