"""A gap in time, and a wall clock that was set while no engine ran: whose deadlines move, and by how much."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.coordinator import (
    approvals,
    ending,
    mailboxes,
    memory,
    messages,
    questions,
    reviews,
    shifting,
    votes,
)
from supervisor.coordinator.views import whole_world
from supervisor.coordinator.votes import NewVote
from supervisor.model.agent import AgentState
from supervisor.model.task import ErrorClass
from supervisor.testing.small_team import SmallTeam, small_team

GAP_S: Final = 8 * 3600.0

DEADLINES: Final = {
    "task": ("lease_until", "lease_ceiling", "review_until", "not_before"),
    "vote": ("deadline",),
    "approval": ("expires_at",),
    "question": ("expires_at",),
    "delivery": ("visible_at",),
    "agent": ("next_start_at",),
}


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[SmallTeam]:
    """Everything that has a deadline, once; beside it a thing of each kind that has none any more."""
    async with small_team(tmp_path) as team:
        await team.add_task("held")
        await team.claim("worker-1")
        await team.add_task("reviewed", review=True)
        await team.finish("worker-2", await team.claim("worker-2"))
        await team.do(lambda scope: reviews.take_review(scope, team["judge"], None))
        failed = await team.add_task("failed")
        claim = await team.claim("worker-2", failed.id)
        fail = partial(ending.fail, kind=ErrorClass.TRANSIENT)
        await team.do(lambda scope: fail(scope, team["worker-2"], failed.id, claim.task.token, "broke"))
        await people_are_asked(team)
        await team.do(lambda scope: messages.send(scope, team["planner"], to="worker-1", body="read"))
        await team.do(lambda scope: mailboxes.fetch(scope, team["worker-1"], mailboxes.Wanted()))
        number = team["solo"].incarnation
        await team.crash("solo")
        at = team.clock.now() + 20
        await team.news("solo", AgentState.BACKOFF, incarnation=number, next_start_at=at)
        yield team


async def people_are_asked(team: SmallTeam) -> None:
    ballot = NewVote(question="which?", options=("a", "b"), electorate=("group:council",))
    await team.do(lambda scope: votes.open_vote(scope, team["planner"], ballot))
    asked: dict[str, Any] = {"kind": "command", "title": "rm", "payload": {"x": 1}, "tier": 2}
    for name in ("worker-1", "worker-2"):
        await team.do(partial(approvals.request, actor=team[name], **asked))
    await team.do(lambda scope: approvals.withdraw(scope, "worker-2", reason="not any more"))
    await team.do(lambda scope: questions.ask(scope, team["worker-1"], question="how?"))


async def deadlines(team: SmallTeam) -> dict[tuple[str, str, str], float]:
    """Return every deadline that is stored, by noun, key and name."""
    tables = (await team.store.read(whole_world)).tables
    return {
        (noun, key, name): at
        for noun, names in DEADLINES.items()
        for key, value in tables[noun].items()
        for name in names
        if (at := getattr(value, name)) is not None
    }


async def test_a_gap_moves_every_open_deadline_and_the_time_by_as_much(team: SmallTeam) -> None:
    before, seen = await deadlines(team), team.store.last_seq
    assert {(noun, name) for noun, _, name in before} == {
        (noun, name) for noun, names in DEADLINES.items() for name in names
    }
    moved = await team.do(partial(shifting.pass_over_gap, seconds=GAP_S, asleep_s=GAP_S))
    after = await deadlines(team)
    still = {key for key, at in after.items() if at == before[key]}
    assert still == {("approval", "A2", "expires_at")}  # it was withdrawn
    assert all(at == before[key] + GAP_S for key, at in after.items() if key not in still)
    told = [event for event in await team.events() if event.seq > seen]
    assert len(told) == moved + 1
    assert {event.at for event in told} == {team.clock.now() + GAP_S}
    assert (told[-1].kind, told[-1].after) == (
        shifting.TIME_GAP,
        {"seconds": GAP_S, "asleep_s": GAP_S, "moved": moved},
    )


@pytest.mark.parametrize(("asleep_s", "words"), [(GAP_S, "suspended"), (0.0, "stopped or held up")])
async def test_a_gap_is_told_by_its_cause(team: SmallTeam, asleep_s: float, words: str) -> None:
    await team.do(partial(shifting.pass_over_gap, seconds=GAP_S, asleep_s=asleep_s))
    assert words in (await team.events())[-1].reason


@pytest.mark.parametrize("set_by_s", [-86_400.0, 3600.0])
async def test_what_an_earlier_engine_left_follows_the_wall_clock(team: SmallTeam, set_by_s: float) -> None:
    before = await deadlines(team)
    await team.do(partial(shifting.follow_wall_clock, seconds=set_by_s))
    after = await deadlines(team)
    assert after == {
        key: at if key[:2] == ("approval", "A2") else at + set_by_s for key, at in before.items()
    }


async def test_what_a_calendar_means_stays(team: SmallTeam) -> None:
    remember = partial(memory.remember, key="k", value="v", where="team", ttl_s=60)
    await team.do(lambda scope: remember(scope, team["worker-1"]))
    entry = await team.do(lambda scope: memory.shown(scope.tx, key="k", where="team"))
    await team.do(partial(shifting.pass_over_gap, seconds=GAP_S, asleep_s=GAP_S))
    assert await team.do(lambda scope: memory.shown(scope.tx, key="k", where="team")) == entry


async def test_a_last_call_counts_as_that_much_later(team: SmallTeam) -> None:
    await team.coordinator.arrive(team["worker-1"])
    before = team.coordinator.last_calls["worker-1"]
    team.coordinator.pass_over(GAP_S)
    assert team.coordinator.last_calls == {"worker-1": before + GAP_S}
