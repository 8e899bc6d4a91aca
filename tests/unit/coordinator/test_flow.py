"""What moves when a task moves: edge policies, lost dependencies, joins, fan-in."""

from __future__ import annotations

import pytest

from supervisor.coordinator import ending, planning, steering
from supervisor.coordinator.planning import NewTask
from supervisor.errors import WrongState
from supervisor.model.task import BlockReason, ErrorClass, Task, TaskState
from supervisor.testing.small_team import SmallTeam


async def end_as(team: SmallTeam, task: Task, how: str) -> None:
    if how == "done":
        await team.finish("worker-1", await team.claim("worker-1", task.id))
    elif how == "failed":
        claim = await team.claim("worker-1", task.id)
        await team.do(
            lambda scope: ending.fail(
                scope, team["worker-1"], task.id, claim.task.token, "no", kind=ErrorClass.PERMANENT
            )
        )
    elif how == "cancelled":
        await team.do(lambda scope: steering.cancel_task(scope, None, task.id, "r"))
    else:
        await team.do(lambda scope: steering.skip_task(scope, None, task.id, "r"))


@pytest.mark.parametrize("how", ["done", "failed", "cancelled", "skipped"])
@pytest.mark.parametrize("policy", ["done", "ended", "any"])
async def test_an_edge_is_met_as_its_policy_says_before_and_after_the_end(
    team: SmallTeam, policy: str, how: str
) -> None:
    base = await team.add_task()
    early = await team.add_task(depends_on=(base.id,), on=policy)
    await end_as(team, base, how)
    late = await team.add_task(depends_on=(base.id,), on=policy)
    met = how == "done" or policy == "any" or (policy == "ended" and how != "failed")
    expected = (TaskState.PENDING, ()) if met else (TaskState.BLOCKED, (BlockReason.DEPENDENCY_FAILED,))
    for each in (early, late):
        task = await team.task(each.id)
        assert (task.state, task.blocked_by) == expected


@pytest.mark.parametrize(
    ("on_lost", "state"), [("hold", "blocked"), ("cancel", "cancelled"), ("proceed", "pending")]
)
async def test_a_lost_dependency_is_dealt_with_as_the_task_says(
    team: SmallTeam, on_lost: str, state: str
) -> None:
    base = await team.add_task()
    task = await team.add_task(depends_on=(base.id,), on_lost=on_lost)
    behind = await team.add_task(depends_on=(task.id,), on_lost=on_lost)
    await end_as(team, base, "cancelled")
    late = await team.add_task(depends_on=(base.id,), on_lost=on_lost)
    assert [(await team.task(each.id)).state.value for each in (task, late)] == [state, state]
    assert (await team.task(behind.id)).state.value == ("cancelled" if on_lost == "cancel" else "blocked")


async def test_a_join_waits_for_all_it_names_however_they_end(team: SmallTeam) -> None:
    parts = [await team.add_task() for _ in range(3)]
    join = await team.add_task(depends_on=tuple(each.id for each in parts), on="any")
    for part, how in zip(parts, ("done", "failed", "skipped"), strict=True):
        assert (await team.task(join.id)).state is TaskState.BLOCKED
        await end_as(team, part, how)
    claim = await team.claim("worker-1", join.id)
    assert [each.outcome for each in claim.dependencies] == ["success", "failed", "skipped"]


async def test_a_parent_waits_for_all_its_children_and_gathers_their_results(team: SmallTeam) -> None:
    parent = await team.add_task()
    children = [await team.add_task(parent=parent.id) for _ in range(2)]
    assert (await team.task(parent.id)).blocked_by == (BlockReason.DEPENDENCY,)
    await end_as(team, children[0], "done")
    assert (await team.task(parent.id)).state is TaskState.BLOCKED
    await end_as(team, children[1], "failed")
    claim = await team.claim("worker-1", parent.id)
    assert [each.state.value for each in claim.children] == ["done", "failed"]


async def test_a_parent_that_joins_any_goes_on_with_the_first_child_done(team: SmallTeam) -> None:
    parent = await team.add_task(join="any")
    children = [await team.add_task(parent=parent.id) for _ in range(3)]
    await end_as(team, children[0], "failed")
    assert (await team.task(parent.id)).state is TaskState.BLOCKED
    await end_as(team, children[1], "done")
    assert (await team.task(parent.id)).state is TaskState.PENDING


async def test_a_held_parent_is_not_handed_in_before_its_children_but_can_be_given_back(
    team: SmallTeam,
) -> None:
    parent = await team.add_task()
    claim = await team.claim("worker-1", parent.id)
    child = await team.do(
        lambda scope: planning.create_task(scope, team["worker-1"], NewTask(title="c", parent=parent.id))
    )
    assert (await team.task(parent.id)).state is TaskState.IN_PROGRESS
    with pytest.raises(WrongState, match=f"open children: {child.id}"):
        await team.finish("worker-1", claim)
    back = await team.do(
        lambda scope: ending.release(scope, team["worker-1"], parent.id, claim.task.token, "children first")
    )
    assert (back.state, back.releases, back.blocked_by) == (
        TaskState.BLOCKED,
        0,
        (BlockReason.DEPENDENCY,),
    )
    await end_as(team, child, "done")
    assert (await team.task(parent.id)).state is TaskState.PENDING
    await team.do(lambda scope: steering.reopen_task(scope, None, child.id, "again"))
    assert (await team.task(parent.id)).state is TaskState.BLOCKED
