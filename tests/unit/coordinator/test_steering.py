"""Steering work that exists: edit, assign, link, hold, withdraw, force, reopen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from supervisor.coordinator import cycles, ending, planning, plans, steering
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.plans import NewPlan
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.steering import Assignment, Edit
from supervisor.errors import DependencyCycle, Forbidden, InvalidArgument, StaleToken, WrongState
from supervisor.model.task import BlockReason, EdgePolicy, ErrorClass, Priority, Task, TaskState
from supervisor.testing.small_team import SmallTeam

Steer = Callable[[Scope], Task]


async def steer(team: SmallTeam, act: Steer) -> Task:
    changed: Task = await team.do(act)
    return changed


async def test_a_planner_changes_what_an_open_task_says(team: SmallTeam) -> None:
    task = await team.add_task("old", description="d", criteria=("c",), tags=("x",))
    edit = Edit(
        title="new",
        description="more",
        priority="high",
        tags=("y", "y"),
        criteria=("a", "b"),
        complexity=7,
        review=True,
        instructions="look twice",
    )
    changed = await steer(team, lambda scope: steering.update_task(scope, team["planner"], task.id, edit))
    assert (changed.title, changed.priority, changed.tags, changed.complexity, changed.review) == (
        "new",
        Priority.HIGH,
        ("y",),
        7,
        True,
    )
    same = await steer(team, lambda scope: steering.update_task(scope, None, task.id, Edit()))
    assert (same.title, same.criteria, same.instructions) == ("new", ("a", "b"), "look twice")
    with pytest.raises(InvalidArgument, match="complexity 11"):
        await steer(team, lambda scope: steering.update_task(scope, None, task.id, Edit(complexity=11)))
    with pytest.raises(Forbidden, match=r"task\.update"):
        await steer(team, lambda scope: steering.update_task(scope, team["worker-1"], task.id, edit))


async def test_what_has_ended_cannot_be_steered_but_reopened(team: SmallTeam) -> None:
    task = await team.add_task()
    await team.finish("worker-1", await team.claim("worker-1", task.id))
    for act in (
        lambda scope: steering.update_task(scope, None, task.id, Edit(title="t")),
        lambda scope: steering.assign_task(scope, None, task.id, Assignment()),
        lambda scope: steering.hold_task(scope, None, task.id, "r"),
        lambda scope: steering.skip_task(scope, None, task.id, "r"),
    ):
        with pytest.raises(WrongState, match="has ended already"):
            await steer(team, act)


async def test_an_assignment_reserves_and_takes_from_another_holder(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.claim("worker-1", task.id)
    wanted = Assignment(assignee="worker-2", required_group="builders", work_role="tester", instructions="go")
    given = await steer(team, lambda scope: steering.assign_task(scope, team["planner"], task.id, wanted))
    assert (given.state, given.assignee, given.holder, given.work_role) == (
        TaskState.PENDING,
        "worker-2",
        None,
        "tester",
    )
    with pytest.raises(StaleToken):
        await team.finish("worker-1", claim)
    with pytest.raises(Forbidden, match="reserved for worker-2"):
        await team.claim("worker-1", task.id)
    mine = await team.claim("worker-2", task.id)
    same = await steer(
        team, lambda scope: steering.assign_task(scope, None, task.id, Assignment(assignee="worker-2"))
    )
    assert (same.holder, same.instructions, mine.task.instructions) == ("worker-2", "go", "go")


async def test_an_assignment_to_a_quarantined_agent_says_so_until_it_is_changed(team: SmallTeam) -> None:
    task = await team.add_task()
    await team.do(lambda scope: ending.set_aside(scope, "worker-2", reason="odd", actor="human"))
    held = await steer(
        team, lambda scope: steering.assign_task(scope, None, task.id, Assignment(assignee="worker-2"))
    )
    assert held.blocked_by == (BlockReason.QUARANTINE,)
    free = await steer(team, lambda scope: steering.assign_task(scope, None, task.id, Assignment()))
    assert (free.state, free.blocked_by) == (TaskState.PENDING, ())


async def test_a_hold_keeps_a_task_from_being_claimed_until_it_is_lifted(team: SmallTeam) -> None:
    task = await team.add_task()
    held = await steer(team, lambda scope: steering.hold_task(scope, team["planner"], task.id, "not yet"))
    assert (held.blocked_by, held.block_note) == ((BlockReason.HOLD,), "not yet")
    with pytest.raises(WrongState, match="blocked by: hold"):
        await team.claim("worker-1", task.id)
    free = await steer(team, lambda scope: steering.unhold_task(scope, None, task.id))
    assert (free.state, free.block_note) == (TaskState.PENDING, "")
    with pytest.raises(WrongState, match="is not held"):
        await steer(team, lambda scope: steering.unhold_task(scope, None, task.id))


async def test_a_hold_takes_a_task_from_its_holder_and_keeps_it_for_it(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.claim("worker-1", task.id)
    held = await steer(team, lambda scope: steering.hold_task(scope, None, task.id, "stop"))
    assert (held.state, held.holder, held.assignee) == (TaskState.BLOCKED, None, "worker-1")
    with pytest.raises(StaleToken):
        await team.finish("worker-1", claim)


async def test_a_task_in_review_cannot_be_held(team: SmallTeam) -> None:
    task = await team.add_task(review=True)
    await team.finish("worker-1", await team.claim("worker-1", task.id))
    with pytest.raises(WrongState, match="in review"):
        await steer(team, lambda scope: steering.hold_task(scope, None, task.id, "stop"))


async def test_children_go_with_their_parent_and_holders_take_back_their_own(team: SmallTeam) -> None:
    parent = await team.add_task()
    claim = await team.claim("worker-1", parent.id)
    children: list[Task] = [
        await team.do(
            lambda scope: planning.create_task(scope, team["worker-1"], NewTask(title="c", parent=parent.id))
        )
        for _ in range(3)
    ]
    taken, own, rest = (each.id for each in children)
    await team.claim("worker-2", taken)
    with pytest.raises(Forbidden, match="nobody has claimed"):
        await steer(team, lambda scope: steering.skip_task(scope, team["worker-1"], taken, "r"))
    with pytest.raises(Forbidden, match="its own subtasks"):
        await steer(team, lambda scope: steering.cancel_task(scope, team["worker-2"], rest, "r"))
    with pytest.raises(Forbidden, match="its own subtasks"):
        await steer(team, lambda scope: steering.cancel_task(scope, team["worker-1"], parent.id, "r"))
    skipped = await steer(team, lambda scope: steering.skip_task(scope, team["worker-1"], own, "not needed"))
    assert (skipped.state, skipped.outcome) == (TaskState.SKIPPED, "skipped")
    await steer(team, lambda scope: steering.cancel_task(scope, None, parent.id, "enough"))
    assert [(await team.task(each.id)).state.value for each in children] == [
        "cancelled",
        "skipped",
        "cancelled",
    ]
    with pytest.raises(StaleToken):
        await team.finish("worker-1", claim)


async def test_a_person_can_force_a_task_through_everything_but_its_children(team: SmallTeam) -> None:
    first, met = await team.add_task(), await team.add_task()
    await team.finish("worker-1", await team.claim("worker-1", met.id))
    _, (_, second) = await team.do(
        lambda scope: plans.create_plan(
            scope,
            None,
            NewPlan(
                name="p",
                tasks=(
                    NewTask(title="a", track="main", order=0, wave=1),
                    NewTask(
                        title="b",
                        track="main",
                        order=1,
                        wave=2,
                        depends_on=(first.id, met.id),
                        policies={met.id: "ended", first.id: "any"},
                    ),
                ),
            ),
        )
    )
    with pytest.raises(WrongState, match="dependency, track, wave"):
        await steer(team, lambda scope: steering.unblock(scope, second.id, actor="human"))
    forced = await steer(team, lambda scope: steering.unblock(scope, second.id, actor="human", force=True))
    assert (forced.state, forced.depends_on, forced.edge_policies) == (
        TaskState.PENDING,
        (met.id,),
        {met.id: EdgePolicy.ENDED},
    )
    await team.finish("worker-1", await team.claim("worker-1", first.id))
    assert (await team.task(second.id)).state is TaskState.PENDING

    parent = await team.add_task()
    await team.add_task(parent=parent.id)
    with pytest.raises(WrongState, match="1 open children"):
        await steer(team, lambda scope: steering.unblock(scope, parent.id, actor="human", force=True))
    with pytest.raises(WrongState, match="does not wait"):
        await steer(team, lambda scope: steering.unblock(scope, second.id, actor="human"))


async def test_reopening_makes_dependents_wait_again_and_flags_what_went_on(team: SmallTeam) -> None:
    base = await team.add_task()
    waiting = await team.add_task(depends_on=(base.id,))
    running = await team.add_task(depends_on=(base.id,))
    await team.finish("worker-1", await team.claim("worker-1", base.id))
    await team.claim("worker-2", running.id)
    again = await steer(team, lambda scope: steering.reopen_task(scope, team["planner"], base.id, "wrong"))
    assert (again.state, again.finished_at, again.percent) == (TaskState.PENDING, None, 0)
    assert (await team.task(waiting.id)).blocked_by == (BlockReason.DEPENDENCY,)
    assert (await team.task(running.id)).reopened_inputs == (base.id,)
    with pytest.raises(WrongState, match="has not ended"):
        await steer(team, lambda scope: steering.reopen_task(scope, None, base.id, "again"))
    await team.finish("worker-1", await team.claim("worker-1", base.id))
    await steer(team, lambda scope: steering.reopen_task(scope, None, base.id, "again"))
    assert (await team.task(running.id)).reopened_inputs == (base.id,)


async def test_what_was_archived_or_cancelled_with_its_milestone_stays_ended(team: SmallTeam) -> None:
    made, (task,) = await team.do(
        lambda scope: plans.create_plan(scope, None, NewPlan(name="p", tasks=(NewTask(title="a"),)))
    )
    await team.do(lambda scope: plans.close_milestone(scope, None, made.id, now=True, reason="no"))
    with pytest.raises(WrongState, match="is cancelled; create"):
        await steer(team, lambda scope: steering.reopen_task(scope, None, task.id, "again"))
    with pytest.raises(WrongState, match="is over; create"):
        await team.add_task(milestone=made.id)
    _, (looped,) = await team.do(
        lambda scope: plans.create_plan(scope, None, NewPlan(name="q", tasks=(NewTask(title="a"),)))
    )
    await team.finish("worker-1", await team.claim("worker-1", looped.id))
    await team.do(lambda scope: cycles.archive(scope, scope.task(looped.id)))
    with pytest.raises(WrongState, match="was archived"):
        await steer(team, lambda scope: steering.reopen_task(scope, None, looped.id, "again"))


async def test_a_failed_task_is_tried_again_by_hand_with_a_clean_slate(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.claim("worker-1", task.id)
    await team.do(
        lambda scope: ending.fail(
            scope, team["worker-1"], task.id, claim.task.token, "broken", kind=ErrorClass.POLICY
        )
    )
    again = await steer(team, lambda scope: steering.reopen_task(scope, None, task.id, "try"))
    assert (again.failures, again.feedback, again.error_class) == (0, "broken", None)
    with pytest.raises(Forbidden, match=r"task\.reopen"):
        await steer(team, lambda scope: steering.reopen_task(scope, team["worker-1"], task.id, "try"))


async def test_a_child_cannot_wait_for_its_parent(team: SmallTeam) -> None:
    parent = await team.add_task()
    with pytest.raises(DependencyCycle, match=f"{parent.id} → {parent.id}"):
        await team.add_task(parent=parent.id, depends_on=(parent.id,))
    child = await team.add_task(parent=parent.id)
    with pytest.raises(DependencyCycle, match="cycle"):
        await steer(team, lambda scope: steering.link_task(scope, None, child.id, (parent.id,)))


async def test_an_edge_that_is_there_stays_and_new_ones_carry_their_policy(team: SmallTeam) -> None:
    one, two, task = await team.add_task(), await team.add_task(), await team.add_task()
    await steer(team, lambda scope: steering.link_task(scope, team["planner"], task.id, (one.id,)))
    linked = await steer(
        team, lambda scope: steering.link_task(scope, None, task.id, (one.id, two.id), on="any")
    )
    assert (linked.depends_on, linked.edge_policies) == ((one.id, two.id), {two.id: EdgePolicy.ANY})
    with pytest.raises(InvalidArgument, match="`on: never`"):
        await steer(team, lambda scope: steering.link_task(scope, None, task.id, (one.id,), on="never"))


async def test_what_a_new_task_says_is_checked(team: SmallTeam) -> None:
    base = await team.add_task()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"order": 2}, "give `track` too"),
        ({"track": "main"}, "give `milestone` too"),
        ({"wave": 1}, "give `milestone` too"),
        ({"required_role": "judge"}, "cannot claim tasks"),
        ({"join": "some"}, "join `some` is none of all, any"),
        ({"on_lost": "weep"}, "on_lost `weep`"),
        ({"gate": "dog"}, "gate `dog`"),
        ({"approvals_needed": 0}, "approvals_needed 0"),
        ({"tags": tuple(f"t{n}" for n in range(51))}, "at most 50 tags"),
        ({"criteria": ("c",) * 101}, "at most 100 criteria"),
        ({"depends_on": tuple(f"T{n}" for n in range(1001))}, "at most 1000"),
        ({"policies": {"T9": "any"}}, "policies names T9"),
    ]
    for wanted, words in wrong:
        with pytest.raises(InvalidArgument, match=words):
            await team.add_task(**wanted)
    late = await team.add_task(not_before=team.clock.now() + 60, depends_on=(base.id,), on="any")
    assert late.blocked_by == (BlockReason.DEPENDENCY, BlockReason.BACKOFF)


async def test_an_ended_parent_takes_no_new_children(team: SmallTeam) -> None:
    parent = await team.add_task()
    await team.finish("worker-1", await team.claim("worker-1", parent.id))
    with pytest.raises(WrongState, match="no new subtasks"):
        await team.add_task(parent=parent.id)
