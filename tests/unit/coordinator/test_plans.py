"""Milestones: tracks, waves, pipelines, loops, and pushing the same plan again."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from supervisor.coordinator import ending, plans, steering, upkeep, work
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.plans import NewPlan, Pushed
from supervisor.errors import DependencyCycle, Forbidden, InvalidArgument, UnknownDependency, WrongState
from supervisor.model.milestone import Milestone, MilestoneState
from supervisor.model.task import BlockReason, ErrorClass, Task, TaskState
from supervisor.testing.small_team import SmallTeam


async def plan(team: SmallTeam, *tasks: NewTask, **more: Any) -> tuple[Milestone, tuple[Task, ...]]:
    wanted = NewPlan(name="p", tasks=tasks, **more)
    made: tuple[Milestone, tuple[Task, ...]] = await team.do(
        lambda scope: plans.create_plan(scope, team["planner"], wanted)
    )
    return made


async def push(team: SmallTeam, *tasks: NewTask, **more: Any) -> Pushed:
    wanted = NewPlan(name="p", key="file", tasks=tasks, **more)
    pushed: Pushed = await team.do(lambda scope: plans.push_plan(scope, team["planner"], wanted))
    return pushed


async def milestone(team: SmallTeam, spelled: str) -> Milestone:
    found: Milestone = await team.do(lambda scope: scope.milestone(spelled))
    return found


async def finish(team: SmallTeam, task_id: str, who: str = "worker-1") -> None:
    claim = await team.claim(who, task_id)
    await team.do(lambda scope: work.complete(scope, team[who], task_id, claim.task.token, f"of {task_id}"))


async def states(team: SmallTeam, *tasks: Task) -> list[str]:
    return [(await team.task(each.id)).state.value for each in tasks]


async def test_a_track_lets_the_next_order_go_on_when_the_one_before_is_done_or_cancelled(
    team: SmallTeam,
) -> None:
    _, (first, second, third, other) = await plan(
        team,
        NewTask(title="a", track="main", order=0),
        NewTask(title="b", track="main", order=1),
        NewTask(title="c", track="main", order=2),
        NewTask(title="r", track="review", order=5),
    )
    assert await states(team, first, second, third, other) == ["pending", "blocked", "blocked", "pending"]
    assert (await team.task(second.id)).blocked_by == (BlockReason.TRACK,)

    await finish(team, first.id)
    assert await states(team, second, third) == ["pending", "blocked"]
    await team.do(lambda scope: steering.cancel_task(scope, None, second.id, "not needed"))
    assert await states(team, third) == ["pending"]


async def test_a_wave_opens_when_all_lower_waves_have_ended(team: SmallTeam) -> None:
    _, (one, two, late, extra) = await plan(
        team,
        NewTask(title="1", wave=1, key="story-1"),
        NewTask(title="2", wave=1, key="story-2"),
        NewTask(title="4", wave=2, depends_on=("story-2",)),
        NewTask(title="5", wave=3),
        kind="sprint",
    )
    assert (await team.task(late.id)).blocked_by == (BlockReason.DEPENDENCY, BlockReason.WAVE)
    await finish(team, one.id)
    assert await states(team, late, extra) == ["blocked", "blocked"]
    await finish(team, two.id)
    assert await states(team, late, extra) == ["pending", "blocked"]
    await finish(team, late.id)
    assert await states(team, extra) == ["pending"]


async def test_what_failed_in_a_track_or_wave_holds_the_next(team: SmallTeam) -> None:
    made, (first, second) = await plan(
        team, NewTask(title="a", wave=1), NewTask(title="b", wave=2), kind="sprint"
    )
    claim = await team.claim("worker-1", first.id)
    await team.do(
        lambda scope: ending.fail(
            scope, team["worker-1"], first.id, claim.task.token, "no", kind=ErrorClass.PERMANENT
        )
    )
    assert (await team.task(second.id)).blocked_by == (BlockReason.DEPENDENCY_FAILED,)
    await team.do(lambda scope: steering.reopen_task(scope, None, first.id, "again"))
    assert (await team.task(second.id)).blocked_by == (BlockReason.WAVE,)
    await finish(team, first.id)
    await finish(team, second.id)
    assert (await milestone(team, made.id)).state is MilestoneState.DONE


async def test_a_pipeline_hands_each_stage_the_result_of_the_one_before(team: SmallTeam) -> None:
    _, (design, build) = await plan(
        team, NewTask(title="design"), NewTask(title="build", required_role="worker"), kind="pipeline"
    )
    await finish(team, design.id)
    claim = await team.claim("worker-1", build.id)
    assert [(each.id, each.result) for each in claim.dependencies] == [(design.id, f"of {design.id}")]


async def test_a_stage_role_of_another_system_is_a_tag(team: SmallTeam) -> None:
    _, (stage,) = await plan(team, NewTask(title="s", required_role="code-analyzer"), kind="pipeline")
    assert (stage.required_role, stage.required_tags) == (None, ("code-analyzer",))


async def test_a_loop_begins_its_next_cycle_and_archives_the_last(team: SmallTeam) -> None:
    made, (first, second) = await plan(
        team,
        NewTask(title="a", key="a"),
        NewTask(title="b", key="b", depends_on=("a",)),
        kind="loop",
        max_cycles=2,
        min_interval_s=60,
    )
    await finish(team, first.id)
    await finish(team, second.id)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    assert (await team.task(first.id)).archived_at is None
    await team.clock.advance(60)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    assert (await team.task(first.id)).archived_at is not None
    page = await team.do(lambda scope: plans.milestone_page(scope, made.id))
    again = page["tasks"]
    assert [(each["title"], each["state"], each["cycle"]) for each in again] == [
        ("a", "pending", 2),
        ("b", "blocked", 2),
    ]
    assert again[1]["depends_on"] == [again[0]["id"]]
    for each in again:
        await finish(team, each["id"])
    assert (await milestone(team, made.id)).state is MilestoneState.DONE


async def test_a_plan_with_a_cycle_an_unknown_or_a_double_key_makes_nothing(team: SmallTeam) -> None:
    with pytest.raises(DependencyCycle, match="a → b → a"):
        await plan(
            team,
            NewTask(title="a", key="a", depends_on=("b",)),
            NewTask(title="b", key="b", depends_on=("a",)),
        )
    with pytest.raises(UnknownDependency, match="`a` names `zzz`"):
        await plan(team, NewTask(title="a", key="a", depends_on=("zzz",)))
    with pytest.raises(InvalidArgument, match="have the key `a`"):
        await plan(team, NewTask(title="a", key="a"), NewTask(title="b", key="a"))
    assert await team.do(lambda scope: scope.tx.values(Milestone, "milestone.of_run", run=scope.run)) == ()


async def test_pushing_the_same_plan_twice_changes_nothing(team: SmallTeam) -> None:
    design, build = NewTask(title="d", key="design"), NewTask(title="b", key="build", depends_on=("design",))
    first = await push(team, design, build)
    before = team.coordinator.store.last_seq
    second = await push(team, design, build)
    assert (set(first.created), second.created, set(second.unchanged)) == (
        {"design", "build"},
        {},
        {"design", "build"},
    )
    assert team.coordinator.store.last_seq == before


async def test_a_pushed_change_reaches_waiting_tasks_only(team: SmallTeam) -> None:
    pushed = await push(team, NewTask(title="d", key="design"), NewTask(title="b", key="build"))
    await team.claim("worker-1", pushed.created["design"])
    again = await push(
        team,
        NewTask(title="d2", key="design"),
        NewTask(title="b2", key="build", assignee="worker-2", depends_on=("test",)),
        NewTask(title="t", key="test"),
    )
    build = await team.task(pushed.created["build"])
    assert (build.title, build.assignee, build.depends_on) == ("b2", "worker-2", (again.created["test"],))
    assert "in_progress and differs" in again.conflicts["design"]
    assert (await push(team)).only_here == ("design", "build", "test")


async def test_a_milestone_is_cancelled_with_its_open_tasks_or_ends_after_its_cycle(team: SmallTeam) -> None:
    made, (task,) = await plan(team, NewTask(title="a"), kind="loop", max_cycles=0)
    last: Milestone = await team.do(
        lambda scope: plans.close_milestone(scope, None, made.id, now=False, reason="enough")
    )
    assert (last.state, last.max_cycles) == (MilestoneState.OPEN, 1)
    await finish(team, task.id)
    assert (await milestone(team, made.id)).state is MilestoneState.DONE
    with pytest.raises(WrongState, match="done already"):
        await team.do(lambda scope: plans.close_milestone(scope, None, made.id, now=True, reason="x"))
    other, (open_task,) = await plan(team, NewTask(title="b"))
    await team.do(lambda scope: plans.close_milestone(scope, None, other.id, now=True, reason="no"))
    assert (await team.task(open_task.id)).state is TaskState.CANCELLED
    assert (await milestone(team, other.id)).state is MilestoneState.CANCELLED


async def test_what_a_plan_says_is_checked(team: SmallTeam) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": " "}, "needs a name"),
        ({"kind": "war"}, "kind `war` is none of"),
        ({"max_cycles": -1}, "max_cycles -1"),
        ({"min_interval_s": -1.0}, "min_interval_s -1"),
        ({"wip": 1001}, "wip 1001"),
        ({"tasks": tuple(NewTask(title="t") for _ in range(501))}, "at most 500 tasks"),
    ]
    for more, words in wrong:
        wanted = NewPlan(**({"name": "p"} | more))
        with pytest.raises(InvalidArgument, match=words):
            await team.do(partial(plans.create_plan, actor=None, wanted=wanted))
    with pytest.raises(InvalidArgument, match="needs a `key`"):
        await team.do(lambda scope: plans.push_plan(scope, None, NewPlan(name="p")))
    await plan(team, key="k")
    with pytest.raises(WrongState, match="push it instead"):
        await plan(team, key="k")
    with pytest.raises(Forbidden, match=r"milestone\.write"):
        await team.do(lambda scope: plans.create_plan(scope, team["worker-1"], NewPlan(name="p")))


async def test_a_pipeline_stage_may_name_more_than_the_stage_before(team: SmallTeam) -> None:
    outside = await team.add_task()
    _, (_, second, third) = await plan(
        team,
        NewTask(title="a", key="a"),
        NewTask(title="b", key="b", depends_on=("a", outside.id), policies={outside.id: "any"}),
        NewTask(title="c", key="c"),
        kind="pipeline",
    )
    assert second.depends_on[1:] == (outside.id,)
    assert third.depends_on == (second.id,)


async def test_a_loop_of_which_everything_failed_stops(team: SmallTeam) -> None:
    made, (task,) = await plan(team, NewTask(title="a"), kind="loop", max_cycles=0)
    claim = await team.claim("worker-1", task.id)
    await team.do(
        lambda scope: ending.fail(
            scope, team["worker-1"], task.id, claim.task.token, "no", kind=ErrorClass.PERMANENT
        )
    )
    await team.do(lambda scope: upkeep.tick(scope, {}))
    assert (await milestone(team, made.id)).state is MilestoneState.DONE


async def test_a_loop_whose_cycle_has_ended_can_be_closed_before_the_next(team: SmallTeam) -> None:
    made, (parent, child) = await plan(
        team,
        NewTask(title="a", key="a"),
        NewTask(title="b", key="b", parent="a"),
        kind="loop",
        max_cycles=0,
        min_interval_s=60,
    )
    await finish(team, child.id)
    await finish(team, parent.id)
    closed: Milestone = await team.do(
        lambda scope: plans.close_milestone(scope, team["planner"], made.id, now=False, reason="enough")
    )
    assert (closed.state, closed.next_cycle_at) == (MilestoneState.DONE, None)


async def test_a_cycle_keeps_parents_and_what_lies_outside_of_it(team: SmallTeam) -> None:
    outside = await team.add_task()
    made, (parent, child) = await plan(
        team,
        NewTask(title="a", key="a", depends_on=(outside.id,), on="ended"),
        NewTask(title="b", key="b", parent="a"),
        kind="loop",
        max_cycles=0,
    )
    await finish(team, outside.id)
    await finish(team, child.id)
    await finish(team, parent.id)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    again = (await team.do(lambda scope: plans.milestone_page(scope, made.id)))["tasks"]
    assert [(each["parent"], each["depends_on"]) for each in again] == [
        (None, [outside.id]),
        (again[0]["id"], []),
    ]
    assert again[0]["edge_policies"] == {outside.id: "ended"}


async def test_a_new_task_opens_a_milestone_that_was_done(team: SmallTeam) -> None:
    made, (task,) = await plan(team, NewTask(title="a"))
    await finish(team, task.id)
    assert (await milestone(team, made.id)).state is MilestoneState.DONE
    await team.add_task(milestone=made.id)
    assert (await milestone(team, made.id)).state is MilestoneState.OPEN
    progress = await team.do(lambda scope: plans.progress_of(scope, scope.milestone(made.id)))
    assert (progress["total"], progress["ended"], progress["percent"]) == (2, 1, 50)
    empty, _ = await plan(team)
    assert (await team.do(lambda scope: plans.progress_of(scope, empty)))["percent"] == 0


async def test_a_push_brings_everything_that_a_plan_says_and_leaves_what_it_does_not(team: SmallTeam) -> None:
    first = await push(team, NewTask(title="a", key="a", assignee="worker-1"))
    number = first.created["a"]
    again = await push(
        team,
        NewTask(title="a", key="a", priority="high", tags=("x",), criteria=("c",), required_group="builders"),
    )
    task = await team.task(number)
    assert (again.updated, task.priority.name, task.tags, task.criteria) == (
        {"a": number},
        "HIGH",
        ("x",),
        ("c",),
    )
    assert (task.assignee, task.required_group) == ("worker-1", "builders")
    moved = await push(
        team,
        NewTask(
            title="a",
            key="a",
            priority="high",
            tags=("x",),
            criteria=("c",),
            required_group="builders",
            wave=2,
        ),
    )
    assert "another place" in moved.conflicts["a"]
