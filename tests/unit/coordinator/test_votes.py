"""Votes: electorate, ballots, closing, outcome."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from supervisor.coordinator import messages, upkeep, votes
from supervisor.errors import Forbidden, InvalidArgument, NotFound, VoteClosed, WrongState
from supervisor.model.vote import Vote, VoteOutcome, VoteState
from supervisor.testing.small_team import SmallTeam

COUNCIL = ("group:council",)


async def open_vote(team: SmallTeam, **more: Any) -> Vote:
    asked: dict[str, Any] = {"question": "which?", "options": ("a", "b"), "electorate": COUNCIL} | more
    vote: Vote = await team.do(lambda scope: votes.open_vote(scope, team["planner"], **asked))
    return vote


async def cast(team: SmallTeam, voter: str, choice: str, vote: str = "V1") -> Vote:
    _, after = await team.do(lambda scope: votes.cast(scope, team[voter], vote, choice, "because"))
    return after  # type: ignore[no-any-return]


async def test_a_vote_closes_when_everybody_has_voted_and_tells_its_voters(team: SmallTeam) -> None:
    await open_vote(team)
    await cast(team, "voter-1", "a")
    await cast(team, "voter-2", "b")
    closed = await cast(team, "voter-3", "a")
    assert (closed.state, closed.outcome, closed.winner) == (VoteState.CLOSED, VoteOutcome.DECIDED, "a")
    for name in ("voter-1", "planner"):
        listed = await team.do(
            partial(messages.inbox, recipient=name, unread_only=True, limit=9, fetch=False)
        )
        assert "decided for a (a: 2, b: 1, abstain: 0)" in listed[0][0].body


async def test_one_ballot_per_voter_even_when_cast_at_once(team: SmallTeam) -> None:
    await open_vote(team)
    tries = await asyncio.gather(*(cast(team, "voter-1", "a") for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(each, Vote) for each in tries) == 1
    assert all(isinstance(each, Vote | WrongState) for each in tries)


async def test_strangers_late_voters_and_unknown_choices_do_not_count(team: SmallTeam) -> None:
    vote = await open_vote(team, deadline_s=60)
    with pytest.raises(Forbidden, match="electorate"):
        await cast(team, "worker-1", "a")
    with pytest.raises(InvalidArgument, match="none of: a, b, abstain"):
        await cast(team, "voter-1", "c")
    with pytest.raises(NotFound):
        await cast(team, "voter-1", "a", "V9")
    await team.clock.advance(61)
    with pytest.raises(VoteClosed):
        await cast(team, "voter-1", "a")
    await team.do(lambda scope: upkeep.tick(scope, {}))
    closed = await team.do(lambda scope: votes.the_vote(scope, vote.id))
    assert (closed.outcome, closed.closed_because) == (VoteOutcome.NO_QUORUM, "its deadline passed")
    with pytest.raises(VoteClosed):
        await cast(team, "voter-1", "a")


async def test_a_vote_before_its_deadline_stays_open(team: SmallTeam) -> None:
    vote = await open_vote(team, deadline_s=60)
    await team.clock.advance(60)
    await team.do(lambda scope: upkeep.tick(scope, {}))
    assert (await team.do(lambda scope: votes.the_vote(scope, vote.id))).state is VoteState.OPEN


async def test_a_tie_goes_to_a_person(team: SmallTeam) -> None:
    await open_vote(team)
    await cast(team, "voter-1", "a")
    await cast(team, "voter-2", "b")
    closed = await cast(team, "voter-3", "abstain")
    assert (closed.outcome, closed.winner) == (VoteOutcome.TIE, None)
    listed = await team.do(
        lambda scope: messages.inbox(scope, "human", unread_only=True, limit=9, fetch=False)
    )
    assert "tie" in listed[0][0].body


async def test_the_electorate_is_frozen_at_opening_and_without_the_opener(team: SmallTeam) -> None:
    vote = await team.do(
        lambda scope: votes.open_vote(
            scope, team["worker-1"], question="?", options=("a", "b"), electorate=("role:worker", "worker-2")
        )
    )
    assert vote.electorate == ("worker-2",)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"options": ("a",)}, "2 to 20"),
        ({"options": ("a", "a")}, "different"),
        ({"options": ("a", "abstain")}, "abstain"),
        ({"options": ("a", " ")}, "cannot be an option"),
        ({"quorum": 0}, "quorum 0"),
        ({"quorum": 4}, "quorum 4"),
        ({"deadline_s": 0.5}, "deadline_s"),
        ({"electorate": ("voter-1", "human")}, "people cast no ballots"),
        ({"electorate": ()}, "at least one agent"),
    ],
)
async def test_what_makes_no_vote_is_refused(team: SmallTeam, more: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        await open_vote(team, **more)


async def test_judges_cannot_open_votes(team: SmallTeam) -> None:
    with pytest.raises(Forbidden, match=r"vote\.open"):
        await team.do(
            lambda scope: votes.open_vote(
                scope, team["judge"], question="?", options=("a", "b"), electorate=COUNCIL
            )
        )


async def test_a_voter_who_has_voted_awaits_nothing(team: SmallTeam) -> None:
    await open_vote(team)
    assert await team.do(lambda scope: votes.awaiting_ballot(scope, "voter-1"))
    assert not await team.do(lambda scope: votes.awaiting_ballot(scope, "worker-1"))
    await cast(team, "voter-1", "a")
    assert not await team.do(lambda scope: votes.awaiting_ballot(scope, "voter-1"))
