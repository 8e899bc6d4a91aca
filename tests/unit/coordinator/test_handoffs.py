"""Handoffs: recorded by will or because the holder ended, and listed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from supervisor.coordinator import handoffs, work
from supervisor.errors import InvalidArgument, NotFound, SupervisorError, TooLarge
from supervisor.model.agent import Role
from supervisor.model.handoff import HANDOFF_NOTES_MAX, Handoff, HandoffKind
from supervisor.testing.small_team import SmallTeam


async def record(team: SmallTeam, **more: Any) -> Handoff:
    wanted: dict[str, Any] = {"sender": "planner", "to": "worker-1", "notes": "begin with the tests"} | more
    handoff: Handoff = await team.do(lambda scope: handoffs.record(scope, **wanted))
    return handoff


async def listed(team: SmallTeam, **more: Any) -> list[int]:
    page = await team.do(lambda scope: handoffs.listed(scope, team["watcher"], **more))
    return [each.id for each in page]


async def test_a_handoff_is_numbered_and_names_its_task(team: SmallTeam) -> None:
    await team.add_task()
    first = await record(team, task="1")
    second = await record(team, to="role:judge")
    assert (first.id, first.task, first.kind, first.run) == (1, "T1", HandoffKind.ASKED, 1)
    assert (second.id, second.task, second.to) == (2, None, "role:judge")


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"notes": "\n"}, InvalidArgument),
        ({"notes": "x" * (HANDOFF_NOTES_MAX + 1)}, TooLarge),
        ({"to": "nobody"}, NotFound),
        ({"to": "role:king"}, InvalidArgument),
        ({"task": "T9"}, NotFound),
    ],
)
async def test_what_is_no_handoff_is_refused(
    team: SmallTeam, more: dict[str, str], error: type[SupervisorError]
) -> None:
    with pytest.raises(error):
        await record(team, **more)


async def test_handoffs_are_listed_newest_first_by_task_by_address_and_in_pages(team: SmallTeam) -> None:
    await team.add_task()
    await record(team)
    await record(team, task="T1")
    await record(team, task="T1", to="role:judge")
    await record(team, to="role:judge")
    assert await listed(team) == [4, 3, 2, 1]
    assert await listed(team, limit=2) == [4, 3]
    assert await listed(team, before=3) == [2, 1]
    assert await listed(team, task="T1") == [3, 2]
    assert await listed(team, task="T1", to="worker-1") == [2]
    assert await listed(team, to="role:judge") == [4, 3]


async def test_the_newest_for_an_agent_is_one_to_it_or_to_its_role(team: SmallTeam) -> None:
    def newest(name: str, role: Role) -> Any:
        return team.do(lambda scope: handoffs.newest_for(scope, name, role))

    assert await newest("worker-1", Role.WORKER) is None
    await record(team, to="role:worker")
    await record(team, to="worker-1")
    await record(team, to="role:judge")
    assert (await newest("worker-1", Role.WORKER)).id == 2
    assert (await newest("worker-2", Role.WORKER)).id == 1
    await record(team, to="role:worker")
    assert (await newest("worker-1", Role.WORKER)).id == 4


async def test_an_ended_holder_leaves_what_is_known_of_its_task(team: SmallTeam) -> None:
    await team.add_task()
    claim = await team.claim("worker-1")
    await team.do(
        lambda scope: work.progress(
            scope, team["worker-1"], "T1", claim.task.token, percent=40, action="reading"
        )
    )
    task = await team.task("T1")
    left = await team.do(lambda scope: handoffs.automatic(scope, "worker-1", task, "killed by signal 9"))
    assert (left.kind, left.sender, left.to, left.task) == (
        HandoffKind.AUTOMATIC,
        "worker-1",
        "worker-1",
        "T1",
    )
    assert left.notes.splitlines() == [
        "worker-1 ended while it held T1: killed by signal 9",
        "it was at 40 %, reading",
        "it left no checkpoint",
    ]
    quiet = await team.do(
        lambda scope: handoffs.automatic(scope, "worker-1", replace(task, action=""), "stopped")
    )
    assert "it was at 40 %\n" in quiet.notes


async def test_the_last_checkpoint_is_part_of_what_is_known_and_the_notes_have_a_bound(
    team: SmallTeam,
) -> None:
    await team.add_task()
    claim = await team.claim("worker-1")
    await team.do(
        lambda scope: work.save_checkpoint(
            scope,
            team["worker-1"],
            "T1",
            claim.task.token,
            percent=50,
            completed=("parsed",),
            remaining=tuple("ö" * 150 for _ in range(30)),
            state="{}",
        )
    )
    task = await team.task("T1")
    left = await team.do(lambda scope: handoffs.automatic(scope, "worker-1", task, "x" * 9999))
    lines = left.notes.splitlines()
    assert lines[2:4] == ["its last checkpoint is by worker-1, at 50 %", "done: parsed"]
    assert lines[4] == "left: " + "ö" * 100
    assert len(lines) == 24
    huge = replace(task, action="𝔸" * 500)
    cut = await team.do(lambda scope: handoffs.automatic(scope, "worker-1", huge, "𝔸" * 9999))
    assert len(cut.notes.encode()) <= HANDOFF_NOTES_MAX


async def test_a_crash_with_work_in_hand_leaves_a_handoff_by_itself(team: SmallTeam) -> None:
    await team.add_task()
    await team.claim("worker-1")
    await team.crash("worker-1")
    (left,) = await team.do(lambda scope: handoffs.listed(scope, team["judge"], task="T1"))
    assert (left.kind, left.to) == (HandoffKind.AUTOMATIC, "worker-1")
