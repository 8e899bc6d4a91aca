"""Loops: what is added to a cycle, opened again in it or cannot be made anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from supervisor.coordinator import dependencies, planning, plans, steering, upkeep
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.plans import NewPlan
from supervisor.coordinator.scope import Scope
from supervisor.model.milestone import Milestone, MilestoneState
from supervisor.model.task import Task, TaskState
from supervisor.testing.small_team import SmallTeam


async def loop(team: SmallTeam, *tasks: NewTask, min_interval_s: float = 0.0) -> tuple[Milestone, Any]:
    wanted = NewPlan(name="p", kind="loop", max_cycles=0, min_interval_s=min_interval_s, tasks=tasks)
    made: tuple[Milestone, Any] = await team.do(
        lambda scope: plans.create_plan(scope, team["planner"], wanted)
    )
    return made


async def finish(team: SmallTeam, *names: str) -> None:
    for name in names:
        claim = await team.claim("worker-1", name)
        await team.finish("worker-1", claim)


async def tick(team: SmallTeam, seconds: float = 1.0) -> None:
    await team.clock.advance(seconds)
    await team.do(lambda scope: upkeep.tick(scope, {}))


async def tasks_of(team: SmallTeam, milestone: Milestone) -> tuple[Task, ...]:
    found: tuple[Task, ...] = await team.do(
        lambda scope: scope.tx.values(Task, "task.of_milestone", milestone=milestone.id)
    )
    return found


async def milestone(team: SmallTeam, known: Milestone) -> Milestone:
    found: Milestone = await team.do(lambda scope: scope.milestone(known.id))
    return found


async def test_tasks_added_without_a_key_or_with_a_double_one_are_made_anew_with_keys_of_their_own(
    team: SmallTeam,
) -> None:
    made, (first,) = await loop(team, NewTask(title="a", key="a"))
    one = await team.add_task("one", milestone=made.id, depends_on=(first.id,))
    two = await team.add_task("two", milestone=made.id, depends_on=(one.id,))
    double = await team.add_task("double", milestone=made.id, key="a")
    strange = await team.add_task("strange", milestone=made.id, key=f"like-{two.id}")
    await finish(team, first.id, one.id, two.id, double.id, strange.id)
    await tick(team)
    again = await tasks_of(team, made)
    assert [(each.title, each.key) for each in again] == [
        ("a", "a"),
        ("one", f"like-{one.id}"),
        ("two", f"like-{two.id}+"),
        ("double", f"like-{double.id}"),
        ("strange", f"like-{two.id}"),
    ]
    assert again[2].depends_on == (again[1].id,)
    await finish(team, *(each.id for each in again))
    await tick(team)
    assert [each.key for each in await tasks_of(team, made)] == [each.key for each in again]


async def test_a_parent_outside_the_loop_does_not_wait_for_every_cycle(team: SmallTeam) -> None:
    made, (first,) = await loop(team, NewTask(title="a", key="a"))
    parent = await team.add_task("parent")
    child = await team.add_task("child", milestone=made.id, parent=parent.id, key="child")
    await finish(team, first.id, child.id, parent.id)
    await tick(team)
    again = await tasks_of(team, made)
    assert [(each.key, each.parent) for each in again] == [("a", None), ("child", None)]


async def test_a_task_opened_before_the_next_cycle_began_belongs_to_the_present_one(team: SmallTeam) -> None:
    made, (first,) = await loop(team, NewTask(title="a", key="a"), min_interval_s=100)
    await finish(team, first.id)
    assert (await milestone(team, made)).next_cycle_at is not None
    await team.do(lambda scope: steering.reopen_task(scope, team["planner"], first.id, "again"))
    assert (await milestone(team, made)).next_cycle_at is None
    await tick(team, 200)
    assert (await team.task(first.id)).archived_at is None
    await finish(team, first.id)
    await tick(team)
    assert (await milestone(team, made)).cycle == 2
    assert (await team.task(first.id)).archived_at is not None


async def test_a_child_whose_parent_is_lost_at_once_is_made_without_it(team: SmallTeam) -> None:
    outside = await team.add_task("outside")
    made, (parent, child) = await loop(
        team,
        NewTask(title="p", key="p", depends_on=(outside.id,), on_lost="cancel"),
        NewTask(title="c", key="c", parent="p"),
    )
    await finish(team, outside.id, child.id, parent.id)
    await team.do(lambda scope: steering.reopen_task(scope, None, outside.id, "again"))
    await team.do(lambda scope: steering.cancel_task(scope, None, outside.id, "no"))
    await tick(team)
    again = await tasks_of(team, made)
    assert [(each.key, each.state, each.parent) for each in again] == [
        ("p", TaskState.CANCELLED, None),
        ("c", TaskState.PENDING, None),
    ]


async def link(team: SmallTeam, task: str, *deps: str) -> None:
    await team.do(lambda scope: dependencies.link(scope, scope.task(task), deps, actor="planner"))


async def test_a_loop_whose_tasks_would_wait_for_each_other_ends_and_says_why(team: SmallTeam) -> None:
    made, (one, two, three) = await loop(team, *(NewTask(title=each, key=each) for each in ("a", "b", "c")))
    await link(team, three.id, one.id)
    await link(team, two.id, three.id)
    await finish(team, one.id, three.id)
    await team.do(lambda scope: steering.reopen_task(scope, None, one.id, "again"))
    await link(team, one.id, two.id)
    await finish(team, two.id, one.id)
    await tick(team)
    ended = await milestone(team, made)
    assert (ended.state, ended.cycle) == (MilestoneState.DONE, 1)
    (event,) = [each for each in await team.events() if each.kind == "milestone.done"]
    assert "cycle 2 cannot be made" in event.reason
    assert "a → b → c → a" in event.reason


async def test_a_loop_whose_parent_would_wait_for_itself_over_its_child_ends(team: SmallTeam) -> None:
    made, (parent, between) = await loop(team, NewTask(title="p", key="p"), NewTask(title="b", key="b"))
    await finish(team, between.id)

    def hang(scope: Scope) -> None:
        """Bring about what only a chain of reopened tasks can: `b` waits for `p`, its child for `b`."""
        new = NewTask(title="c", key="c", parent=parent.id, milestone=made.id, depends_on=(between.id,))
        planning.create_task(scope, None, new)
        bound = scope.task(between.id)
        scope.tx.execute("dependency.add", task=2, dep=1, policy="done")
        scope.tx.execute("task.edge_changed", n=2, unmet=1, lost=0)
        waiting = replace(bound, depends_on=(parent.id,))
        scope.save_task("task.linked", waiting, actor="planner")

    await team.do(hang)
    await finish(team, "T3", parent.id)
    await tick(team)
    ended = await milestone(team, made)
    assert (ended.state, ended.cycle) == (MilestoneState.DONE, 1)
