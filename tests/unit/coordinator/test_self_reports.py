"""Agents that lose their readiness get no new work, and what they say of themselves is shown safely."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.coordinator import choosing, planning, reviews, self_reports
from supervisor.coordinator.planning import NewTask
from supervisor.errors import WrongState
from supervisor.model.agent import Agent, AgentState, ExitClass, ExitInfo
from supervisor.model.team import Distribution
from supervisor.testing.small_team import SmallTeam, small_team

UNWELL = "its readiness probe fails: it exited with code 1"


async def agent(team: SmallTeam, name: str) -> Agent:
    return await team.coordinator.read(lambda scope: scope.agent(name))


async def says(team: SmallTeam, name: str, number: int, words: str) -> bool:
    told: bool = await team.do(lambda scope: self_reports.says(scope, name, number, words))
    return told


async def held_back(team: SmallTeam, name: str, number: int, why: str) -> bool:
    told: bool = await team.do(lambda scope: self_reports.held_back(scope, name, number, why))
    return told


async def test_who_is_held_back_is_given_nothing_new_and_is_told_why(team: SmallTeam) -> None:
    await team.add_task()
    team.coordinator.hold_back("worker-1", UNWELL)
    for spelled in (None, "T1"):
        with pytest.raises(WrongState, match="its readiness probe fails"):
            await team.claim("worker-1", spelled)
    choice = await team.coordinator.read(lambda scope: choosing.next_choice(scope, team["worker-1"]))
    assert (choice.task, choice.reason) == (None, f"you get no new work now: {UNWELL}")
    assert (await team.claim("worker-2")).task.id == "T1"


async def test_who_is_held_back_keeps_and_finishes_what_it_holds(team: SmallTeam) -> None:
    await team.add_task()
    claim = await team.claim("worker-1")
    team.coordinator.hold_back("worker-1", UNWELL)
    assert (await team.claim("worker-1", "T1")).task.token == claim.task.token
    assert (await team.finish("worker-1", claim)).result == "done"


async def test_a_wait_for_work_ends_when_the_agent_may_have_some_again(team: SmallTeam) -> None:
    await team.add_task()
    team.coordinator.hold_back("worker-1", UNWELL)
    waiting = asyncio.create_task(team.coordinator.wait(team["worker-1"], ("task",), 45.0))
    while not len(team.coordinator.waiting):
        await asyncio.sleep(0)
    await team.coordinator.read(lambda scope: scope.now)
    assert not waiting.done()
    team.coordinator.hold_back("worker-1", "")
    team.coordinator.hold_back("worker-1", "")
    assert await waiting == ("task",)


async def test_a_judge_that_is_held_back_is_given_nothing_to_judge(team: SmallTeam) -> None:
    await team.add_task(review=True)
    await team.finish("worker-1", await team.claim("worker-1"))
    team.coordinator.hold_back("judge", UNWELL)
    assert await team.coordinator.read(lambda scope: reviews.next_review(scope, team["judge"])) is None
    with pytest.raises(WrongState, match="no new work"):
        await team.do(lambda scope: reviews.take_review(scope, team["judge"], "T1"))


async def test_work_is_dealt_to_who_is_well_or_only_starts(tmp_path: object) -> None:
    async with small_team(tmp_path, distribution=Distribution.ROUND_ROBIN) as team:  # type: ignore[arg-type]

        async def dealt() -> str | None:
            task = await team.do(
                lambda scope: planning.create_task(
                    scope, team["planner"], NewTask(title="a", required_group="builders")
                )
            )
            assignee: str | None = task.assignee
            return assignee

        team.coordinator.hold_back("worker-1", UNWELL)
        assert [await dealt(), await dealt()] == ["worker-2", "worker-2"]
        await team.crash("worker-1")
        await team.news("worker-1", AgentState.STARTING, incarnation=2)
        assert await dealt() == "worker-1"


async def test_holding_back_is_told_and_so_is_its_end(team: SmallTeam) -> None:
    for why in (UNWELL, UNWELL, ""):
        await held_back(team, "worker-1", 1, why)
    told = [event for event in await team.events() if event.kind in {"agent.held_back", "agent.available"}]
    assert [(event.kind, event.reason) for event in told] == [
        ("agent.held_back", UNWELL),
        ("agent.available", "it can take work again"),
    ]
    assert (await agent(team, "worker-1")).reason == ""


async def test_what_is_told_of_an_incarnation_that_is_not_stored_yet_is_told_again_later(
    team: SmallTeam,
) -> None:
    whom = (("worker-1", 2), ("nobody", 1), ("worker-1", 1))
    said = [await says(team, name, number, "loads") for name, number in whom]
    held = [await held_back(team, name, number, "x") for name, number in whom]
    assert said == held == [False, False, True]


async def test_the_last_words_of_a_former_incarnation_are_not_shown(team: SmallTeam) -> None:
    await team.crash("worker-1")
    gone = ExitInfo(kind=ExitClass.OK)
    await team.news("worker-1", AgentState.EXITED, incarnation=2, last_exit=gone)
    for number in (1, 2):
        assert await says(team, "worker-1", number, "ha")
        assert await held_back(team, "worker-1", number, "ha")
    shown = await agent(team, "worker-1")
    assert (shown.activity, shown.reason) == ("", "")


async def test_a_status_is_one_safe_short_line_and_told_once(team: SmallTeam) -> None:
    words = "loading\x1b]52;c;ZXZpbA==\x07\n [red]40 %[/red] \u202e" + "ß" * 300
    for _ in range(2):
        await says(team, "worker-1", 1, words)
    shown = (await agent(team, "worker-1")).activity
    assert shown.startswith("loading\\x1b]52;c;ZXZpbA==\\x07 [red]40 %[/red] \\u202eß")
    assert len(shown.encode()) <= 200
    assert sum(event.kind == "agent.reported" for event in await team.events()) == 1
