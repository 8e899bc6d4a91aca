"""Creating, linking and cancelling tasks; dependencies and cycles."""

from __future__ import annotations

from functools import partial

import pytest

from supervisor.coordinator import planning, steering
from supervisor.coordinator.planning import NewTask
from supervisor.errors import (
    DependencyCycle,
    Forbidden,
    InvalidArgument,
    NotFound,
    StaleToken,
    TooLarge,
    TooMany,
    UnknownDependency,
    WrongState,
)
from supervisor.model.task import BlockReason, TaskState
from supervisor.testing.small_team import SmallTeam


async def test_a_task_waits_until_all_its_dependencies_are_done(team: SmallTeam) -> None:
    first, second = await team.add_task(), await team.add_task()
    join = await team.add_task(depends_on=(first.id, second.id))
    assert (join.state, join.blocked_by) == (TaskState.BLOCKED, (BlockReason.DEPENDENCY,))
    await team.finish("worker-1", await team.claim("worker-1", first.id))
    assert (await team.task(join.id)).state is TaskState.BLOCKED
    await team.finish("worker-1", await team.claim("worker-1", second.id))
    assert (await team.task(join.id)).state is TaskState.PENDING


async def test_a_task_on_finished_work_is_ready_at_once(team: SmallTeam) -> None:
    first = await team.add_task()
    await team.finish("worker-1", await team.claim("worker-1", first.id))
    assert (await team.add_task(depends_on=(first.id,))).state is TaskState.PENDING


async def test_an_unknown_dependency_is_refused_and_nothing_is_created(team: SmallTeam) -> None:
    with pytest.raises(UnknownDependency, match="T99"):
        await team.add_task(depends_on=("T99",))
    with pytest.raises(InvalidArgument):
        await team.add_task(depends_on=("; DROP TABLE task",))
    assert (await team.add_task()).id == "T1"


async def test_a_cycle_is_refused_and_spelled_out(team: SmallTeam) -> None:
    a = await team.add_task("a")
    b = await team.add_task("b", depends_on=(a.id,))
    c = await team.add_task("c", depends_on=(b.id,))
    with pytest.raises(DependencyCycle, match=f"{a.id} → {c.id} → {b.id} → {a.id}"):
        await team.do(lambda scope: steering.link_task(scope, team["planner"], a.id, (c.id,)))
    with pytest.raises(DependencyCycle, match=f"{a.id} → {a.id}"):
        await team.do(lambda scope: steering.link_task(scope, team["planner"], a.id, (a.id,)))
    assert (await team.task(a.id)).depends_on == ()


async def test_what_has_ended_or_was_seen_closes_no_cycle(team: SmallTeam) -> None:
    a, ended = await team.add_task("a"), await team.add_task("ended")
    await team.finish("worker-1", await team.claim("worker-1", ended.id))
    left = await team.add_task("left", depends_on=(ended.id,))
    right = await team.add_task("right", depends_on=(ended.id, left.id))
    wanted = (left.id, right.id)
    linked = await team.do(lambda scope: steering.link_task(scope, team["planner"], a.id, wanted))
    assert linked.depends_on == wanted


async def test_linking_blocks_a_pending_task_and_keeps_its_counter_right(team: SmallTeam) -> None:
    a, b = await team.add_task("a"), await team.add_task("b")
    linked = await team.do(lambda scope: steering.link_task(scope, team["planner"], b.id, (a.id, a.id)))
    assert (linked.state, linked.depends_on) == (TaskState.BLOCKED, (a.id,))
    await team.finish("worker-1", await team.claim("worker-1", a.id))
    assert (await team.task(b.id)).state is TaskState.PENDING


async def test_a_claimed_task_takes_no_more_dependencies(team: SmallTeam) -> None:
    a, b = await team.add_task("a"), await team.add_task("b")
    await team.claim("worker-1", b.id)
    with pytest.raises(WrongState, match="in_progress"):
        await team.do(lambda scope: steering.link_task(scope, team["planner"], b.id, (a.id,)))


async def test_cancelling_takes_the_task_from_its_holder(team: SmallTeam) -> None:
    task = await team.add_task()
    waiting = await team.add_task(depends_on=(task.id,))
    claim = await team.claim("worker-1", task.id)
    cancelled = await team.do(
        lambda scope: steering.cancel_task(scope, team["planner"], task.id, "not needed")
    )
    assert (cancelled.state, cancelled.holder) == (TaskState.CANCELLED, None)
    assert (await team.task(waiting.id)).blocked_by == (BlockReason.DEPENDENCY_FAILED,)
    with pytest.raises(StaleToken):
        await team.finish("worker-1", claim)
    with pytest.raises(WrongState, match="has ended already"):
        await team.do(lambda scope: steering.cancel_task(scope, None, task.id, "again"))


async def test_a_worker_may_only_create_subtasks_of_what_it_holds(team: SmallTeam) -> None:
    task = await team.add_task()
    worker = team["worker-1"]
    with pytest.raises(Forbidden, match="subtasks"):
        await team.do(lambda scope: planning.create_task(scope, worker, NewTask(title="mine")))
    with pytest.raises(Forbidden, match="subtasks"):
        await team.do(
            lambda scope: planning.create_task(scope, worker, NewTask(title="mine", parent=task.id))
        )
    await team.claim("worker-1", task.id)
    child = await team.do(
        lambda scope: planning.create_task(scope, worker, NewTask(title="mine", parent=task.id))
    )
    assert child.parent == task.id
    with pytest.raises(Forbidden, match="priorities"):
        await team.do(
            lambda scope: planning.create_task(
                scope, worker, NewTask(title="x", parent=task.id, priority="high")
            )
        )


@pytest.mark.parametrize(
    ("wanted", "error", "says"),
    [
        ({"title": " "}, InvalidArgument, "title"),
        ({"title": "x" * 201}, TooLarge, "201 bytes"),
        ({"title": "x", "description": "x" * 65_537}, TooLarge, "65537"),
        ({"title": "x", "priority": "soonish"}, InvalidArgument, "soonish"),
        ({"title": "x", "tags": ("Not A Tag",)}, InvalidArgument, "tag"),
        ({"title": "x", "assignee": "nobody"}, NotFound, "nobody"),
        ({"title": "x", "required_role": "king"}, InvalidArgument, "king"),
        ({"title": "x", "parent": "T42"}, NotFound, "T42"),
    ],
)
async def test_what_makes_no_task_is_refused_with_its_reason(
    team: SmallTeam, wanted: dict[str, str], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        await team.do(lambda scope: planning.create_task(scope, team["planner"], NewTask(**wanted)))  # type: ignore[arg-type]


async def test_a_person_may_create_and_cancel_any_task(team: SmallTeam) -> None:
    task = await team.do(lambda scope: planning.create_task(scope, None, NewTask(title="by hand")))
    assert task.creator == "human"
    cancelled = await team.do(lambda scope: steering.cancel_task(scope, None, task.id, "by hand"))
    assert cancelled.state is TaskState.CANCELLED


async def test_judges_and_monitors_cannot_cancel_or_link(team: SmallTeam) -> None:
    task = await team.add_task()
    for name in ("judge", "watcher", "worker-1"):
        with pytest.raises(Forbidden):
            await team.do(partial(steering.cancel_task, actor=team[name], spelled=task.id, reason=""))
        with pytest.raises(Forbidden):
            await team.do(partial(steering.link_task, actor=team[name], spelled=task.id, wanted=()))


async def test_an_agent_that_makes_ever_more_tasks_is_stopped_until_some_end(
    team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "OPEN_TASKS_MAX", 2)
    first, _ = await team.add_task(), await team.add_task()
    with pytest.raises(TooMany, match="planner has made 2 tasks that are still open"):
        await team.add_task()
    await team.do(lambda scope: steering.cancel_task(scope, None, first.id, "no"))
    await team.add_task()
