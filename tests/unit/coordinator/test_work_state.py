"""What agents know of their own work, over their incarnations."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.coordinator import work, work_state
from supervisor.errors import Forbidden, NotFound, TooLarge
from supervisor.model.work_state import ITEM_MAX, ITEMS_MAX, SUMMARY_MAX, LastTask, WorkState
from supervisor.testing.small_team import SmallTeam


async def save(team: SmallTeam, by: str = "worker-1", **more: Any) -> WorkState:
    state: WorkState = await team.do(lambda scope: work_state.save(scope, team[by], **more))
    return state


async def test_what_is_left_out_stays_as_it_was(team: SmallTeam) -> None:
    first = await save(team, summary="half way", work_items=("a", "b"))
    assert (first.summary, first.work_items, first.open_questions, first.last_task) == (
        "half way",
        ("a", "b"),
        (),
        None,
    )
    last = LastTask(task_id="T1", title="t", outcome="done", notes="n")
    second = await save(team, open_questions=("which?",), last_task=last)
    assert (second.summary, second.work_items, second.open_questions, second.last_task) == (
        "half way",
        ("a", "b"),
        ("which?",),
        last,
    )
    assert (await save(team, work_items=(), summary="")).work_items == ()


async def test_the_next_life_reads_it_and_says_which_life_wrote_it(team: SmallTeam) -> None:
    await save(team, summary="half way")
    await team.crash("worker-1")
    await team.start("worker-1")
    known = await team.do(lambda scope: work_state.read(scope, team["worker-1"]))
    assert (known.summary, known.incarnation) == ("half way", 1)
    assert (await save(team, summary="on")).incarnation == 2


async def test_anybody_may_read_it_but_only_its_owner_writes_it(team: SmallTeam) -> None:
    await save(team, summary="half way")
    read = await team.do(lambda scope: work_state.read(scope, team["watcher"], "worker-1"))
    assert read.summary == "half way"
    assert await team.do(lambda scope: work_state.read(scope, team["judge"])) is None
    with pytest.raises(NotFound):
        await team.do(lambda scope: work_state.read(scope, team["judge"], "nobody"))
    with pytest.raises(Forbidden, match=r"memory\.write"):
        await save(team, "watcher", summary="x")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"summary": "x" * (SUMMARY_MAX + 1)}, "summary"),
        ({"work_items": ("x",) * (ITEMS_MAX + 1)}, "work_items has 51 items; at most 50"),
        ({"open_questions": ("x",) * (ITEMS_MAX + 1)}, "open_questions has 51"),
        ({"work_items": ("x" * (ITEM_MAX + 1),)}, "501 characters; at most 500"),
        ({"last_task": LastTask(task_id="T1", title="x" * 201, outcome="done")}, r"last_task\.title"),
        ({"last_task": LastTask(task_id="T" * 201, title="x", outcome="done")}, r"last_task\.task_id"),
        ({"last_task": LastTask(task_id="T1", title="x", outcome="x" * 101)}, r"last_task\.outcome"),
        (
            {"last_task": LastTask(task_id="T1", title="x", outcome="x", notes="x" * 8193)},
            r"last_task\.notes",
        ),
    ],
)
async def test_each_part_has_its_bound(team: SmallTeam, more: dict[str, Any], says: str) -> None:
    with pytest.raises(TooLarge, match=says):
        await save(team, **more)


async def test_exactly_at_its_bounds_everything_fits(team: SmallTeam) -> None:
    items = ("ä" * ITEM_MAX,) * ITEMS_MAX
    saved = await save(team, work_items=items, open_questions=items, summary="x" * SUMMARY_MAX)
    assert saved.work_items == items


async def test_a_task_that_ends_becomes_the_last_one_and_leaves_the_rest(team: SmallTeam) -> None:
    await save(team, summary="half way")
    task = await team.add_task("read the logs")
    noted = await team.do(lambda scope: work_state.note_task_end(scope, "worker-1", task, "done"))
    assert noted.last_task == LastTask(task_id="T1", title="read the logs", outcome="done", notes="")
    assert (noted.summary, noted.incarnation) == ("half way", 1)
    fresh = await team.do(lambda scope: work_state.note_task_end(scope, "worker-2", task, "x" * 200))
    assert fresh.last_task is not None
    assert (fresh.summary, len(fresh.last_task.outcome)) == ("", 100)


async def test_finished_work_is_noted_by_itself(team: SmallTeam) -> None:
    await team.add_task("read the logs")
    await team.finish("worker-1", await team.claim("worker-1"), "all read")
    known = await team.do(lambda scope: work_state.state_of(scope, "worker-1"))
    assert (known.last_task.task_id, known.last_task.notes) == ("T1", "all read")


async def started(team: SmallTeam, number: str) -> work.Claim:
    await team.add_task()
    claim = await team.claim("worker-1", number)
    await team.clock.advance(1)
    left: dict[str, Any] = {"percent": 10, "completed": (), "remaining": (), "state": ""}
    await team.do(
        lambda scope: work.save_checkpoint(scope, team["worker-1"], number, claim.task.token, **left)
    )
    return claim


async def test_the_newest_checkpoint_is_of_a_task_that_has_not_ended(team: SmallTeam) -> None:
    async def newest() -> Any:
        return await team.do(lambda scope: work_state.newest_checkpoint(scope, "worker-1"))

    assert await newest() is None
    claims = [await started(team, "T1"), await started(team, "T2")]
    assert (await newest()).task == "T2"
    await team.finish("worker-1", claims[1])
    assert (await newest()).task == "T1"
    await team.finish("worker-1", claims[0])
    assert await newest() is None
