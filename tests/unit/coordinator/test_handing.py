"""Handing work on: what is recorded, who is told, and what becomes of the task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import advice, handing, planning
from supervisor.coordinator.handing import HandedOn
from supervisor.coordinator.planning import NewTask
from supervisor.errors import Forbidden, InvalidArgument, NotFound, StaleToken
from supervisor.model.agent import Role
from supervisor.model.task import BlockReason, TaskState
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam, small_team


async def hand(team: SmallTeam, who: str, to: str, **more: Any) -> HandedOn:
    handed: HandedOn = await team.do(
        lambda scope: handing.hand_off(scope, team[who], to=to, notes="all tests pass", **more)
    )
    return handed


async def test_a_task_handed_to_judges_goes_to_review_with_the_notes_as_its_result(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.claim("worker-1", task.id)
    handed = await hand(team, "worker-1", "role:judge", spelled=task.id, token=claim.task.token)
    assert handed.task is not None
    assert (handed.task.state, handed.task.result) == (TaskState.IN_REVIEW, "all tests pass")
    assert set(handed.recipients) == {"judge", "voter-1", "voter-2", "voter-3"}
    details = await team.do(lambda scope: scope.tx.all("note.of_task", task=task.id))
    assert [row["body"] for row in details] == ["all tests pass"]


async def test_a_task_handed_to_a_worker_goes_back_for_it_alone(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.claim("worker-1", task.id)
    handed = await hand(team, "worker-1", "worker-2", spelled=task.id, token=claim.task.token)
    assert handed.task is not None
    assert (handed.task.state, handed.task.assignee, handed.task.releases) == (
        TaskState.PENDING,
        "worker-2",
        0,
    )
    with pytest.raises(StaleToken):
        await team.finish("worker-1", claim)


async def test_a_task_handed_to_a_role_is_for_that_role(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.claim("solo", task.id)
    handed = await hand(team, "solo", "role:worker", spelled=task.id, token=claim.task.token)
    assert handed.task is not None
    assert (handed.task.required_role, handed.task.assignee) == ("worker", None)


async def test_a_task_handed_to_planners_is_held_until_they_plan_on(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.claim("worker-1", task.id)
    handed = await hand(team, "worker-1", "architect", spelled=task.id, token=claim.task.token)
    assert handed.task is not None
    assert (handed.task.blocked_by, handed.task.block_note) == (
        (BlockReason.HOLD,),
        "handed to role:planner by worker-1",
    )
    assert handed.recipients == ("planner",)


async def test_an_ended_task_and_no_task_at_all_only_leave_notes(team: SmallTeam) -> None:
    task = await team.add_task()
    await team.finish("worker-1", await team.claim("worker-1", task.id))
    handed = await hand(team, "judge", "planner", spelled=task.id)
    assert handed.task is not None
    assert handed.task.state is TaskState.DONE
    assert (await hand(team, "judge", "role:planner")).task is None


async def test_a_role_that_nobody_has_finds_the_notes_in_the_record(tmp_path: Path) -> None:
    pools = tuple(pool for pool in SMALL_TEAM.pools if pool.role is not Role.JUDGE)
    async with small_team(tmp_path, pools=pools) as team:
        handed = await hand(team, "worker-1", "reviewer")
        assert (handed.recipients, handed.handoff.to) == ((), "role:judge")


async def test_a_handoff_without_token_right_or_address_is_refused(team: SmallTeam) -> None:
    task = await team.add_task()
    claim = await team.claim("worker-1", task.id)
    with pytest.raises(InvalidArgument, match="`token` is needed"):
        await hand(team, "worker-1", "judge", spelled=task.id)
    with pytest.raises(StaleToken):
        await hand(team, "worker-1", "judge", spelled=task.id, token=claim.task.token + 1)
    with pytest.raises(Forbidden, match=r"task\.handoff"):
        await hand(team, "watcher", "judge")
    with pytest.raises((InvalidArgument, NotFound)):
        await hand(team, "worker-1", "nobody")


async def test_the_words_to_expand_a_task_quote_it_and_what_is_there(team: SmallTeam) -> None:
    task = await team.add_task("Build it", description="with care", criteria=("it runs",))
    child = await team.do(
        lambda scope: planning.create_task(
            scope, team["planner"], NewTask(title="part", parent=task.id, complexity=3)
        )
    )
    answer = await team.do(
        lambda scope: advice.expansion(scope, team["planner"], task.id, parts=4, hint="by layer")
    )
    for words in (
        "about 4 subtasks",
        "Build it",
        "with care",
        "it runs",
        f"{child.id} part",
        "Hint: by layer",
    ):
        assert words in answer["prompt"]
    assert (answer["parent"], answer["children"]) == (task.id, [child.id])
    plain = await team.do(lambda scope: advice.expansion(scope, team["planner"], child.id, parts=2))
    assert "(none)" in plain["prompt"]
    assert "Hint" not in plain["prompt"]


async def test_the_complexity_report_says_what_to_break_down_and_what_to_score(team: SmallTeam) -> None:
    small = await team.add_task(complexity=2)
    large = await team.add_task(complexity=9)
    unknown = await team.add_task()
    report = await team.do(lambda scope: advice.complexity_report(scope, team["planner"]))
    assert [(each["task"], each["expand"]) for each in report["tasks"]] == [
        (large.id, True),
        (small.id, False),
    ]
    assert report["unscored"] == [unknown.id]
