"""The operator's verbs on votes, memory and questions, on a real coordinator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from supervisor.coordinator import memory, questions, votes
from supervisor.coordinator.coordinator import Coordinator
from supervisor.engine.people_verbs import PEOPLE_VERBS
from supervisor.errors import AlreadyAnswered, InvalidArgument, NotFound, WrongState
from supervisor.model.wire import from_wire
from supervisor.testing.small_team import SmallTeam, small_team


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[SmallTeam]:
    async with small_team(tmp_path) as running:
        yield running


class Desk:
    """Carries out the verbs as the engine does, without the rest of an engine."""

    def __init__(self, coordinator: Coordinator) -> None:
        self.coordinator = coordinator

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        form, carry_out = PEOPLE_VERBS[verb]
        return await carry_out(cast("Any", self), from_wire(form, args, verb))


@pytest.fixture
def backend(team: SmallTeam) -> Desk:
    return Desk(team.coordinator)


async def cast_both_ways(team: SmallTeam, vote: str) -> None:
    for voter, choice in (("voter-1", "yes"), ("voter-2", "no"), ("voter-3", "abstain")):
        await team.do(partial(votes.cast, actor=team[voter], spelled=vote, choice=choice))


async def test_a_person_opens_a_vote_and_settles_its_tie(backend: Desk, team: SmallTeam) -> None:
    wanted = {"question": "?", "options": ["yes", "no"], "electorate": ["group:council"], "quorum": "all"}
    opened = (await backend.call("vote_open", wanted))["vote"]
    assert (opened["opened_by"], opened["quorum"]) == ("human", 3)
    with pytest.raises(WrongState):
        await backend.call("vote_decide", {"vote_id": "V1", "option": "yes"})
    await cast_both_ways(team, "V1")
    page = await backend.call("vote_decide", {"vote_id": "V1", "option": "yes", "reason": "cheaper"})
    assert (page["vote"]["winner"], page["vote"]["decided_by"], page["tally"]["yes"]) == ("yes", "human", 1)
    assert len(page["ballots"]) == 3


async def test_a_person_closes_any_vote(backend: Desk, team: SmallTeam) -> None:
    new = votes.NewVote(question="?", options=("a", "b"), electorate=("voter-1",))
    await team.do(lambda scope: votes.open_vote(scope, team["planner"], new))
    page = await backend.call("vote_close", {"vote_id": "1", "reason": "moot"})
    assert (page["vote"]["outcome"], page["vote"]["closed_because"]) == (
        "no_quorum",
        "human closed it: moot",
    )


async def remember(team: SmallTeam, key: str, by: str = "planner", **more: Any) -> None:
    await team.do(partial(memory.remember, actor=team[by], key=key, value="v", **more))


async def test_memory_is_listed_shown_and_deleted(backend: Desk, team: SmallTeam) -> None:
    for key in ("a", "b", "c"):
        await remember(team, key)
    await remember(team, "own", where="agent:planner")
    first = await backend.call("memory_list", {"limit": 2})
    assert ([each["key"] for each in first["entries"]], first["next"]) == (["own", "a"], "team/a")
    rest = await backend.call("memory_list", {"after": first["next"], "limit": 10_000})
    assert ([each["key"] for each in rest["entries"]], rest["next"]) == (["b", "c"], None)
    assert len((await backend.call("memory_list", {"limit": -5, "scope": "team"}))["entries"]) == 1
    shown = await backend.call("memory_show", {"key": "own", "scope": "agent:planner"})
    assert shown["entry"]["author"] == "planner"
    assert await backend.call("memory_delete", {"key": "own", "scope": "agent:planner"}) == {
        "deleted": "agent:planner/own",
        "version": 2,
    }
    with pytest.raises(NotFound):
        await backend.call("memory_show", {"key": "own", "scope": "agent:planner"})


async def test_a_purge_ends_when_nothing_by_the_author_is_left(
    backend: Desk, team: SmallTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "BATCH", 2)
    for key in ("a", "b", "c"):
        await remember(team, key, by="worker-1")
    await remember(team, "d")
    purged = await backend.call("memory_purge", {"author": "worker-1"})
    assert purged == {"author": "worker-1", "purged": 3}
    assert (await backend.call("memory_purge", {"author": "worker-1"}))["purged"] == 0
    assert [each["key"] for each in (await backend.call("memory_list", {}))["entries"]] == ["d"]
    with pytest.raises(InvalidArgument, match="author"):
        await backend.call("memory_purge", {"author": " "})


async def test_questions_are_listed_and_answered_once(backend: Desk, team: SmallTeam) -> None:
    for name in ("worker-1", "worker-2"):
        await team.do(partial(questions.ask, actor=team[name], question="which?", options=("a",)))
    answered = await backend.call("question_answer", {"question_id": "Q1", "choice": "a"})
    assert (answered["question"]["state"], answered["question"]["choice"]) == ("answered", "a")
    with pytest.raises(AlreadyAnswered):
        await backend.call("question_answer", {"question_id": "Q1", "answer": "b"})
    open_ones = await backend.call("question_list", {})
    assert [each["id"] for each in open_ones["questions"]] == ["Q2"]
    everything = await backend.call("question_list", {"everything": True})
    assert [each["id"] for each in everything["questions"]] == ["Q1", "Q2"]
