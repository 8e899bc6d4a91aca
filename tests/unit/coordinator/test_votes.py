"""Votes: electorate, ballots, closing, outcome, ties."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from supervisor.coordinator import upkeep, votes
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.views import whole_world
from supervisor.coordinator.votes import NewVote
from supervisor.errors import Forbidden, InvalidArgument, NotFound, TooLarge, VoteClosed, WrongState
from supervisor.model.vote import TieRule, Vote, VoteOutcome, VoteRule, VoteState
from supervisor.testing.small_team import SmallTeam

COUNCIL = ("group:council",)


async def open_vote(team: SmallTeam, opener: str | None = "planner", **more: Any) -> Vote:
    asked: dict[str, Any] = {"question": "which?", "options": ("a", "b"), "electorate": COUNCIL} | more
    actor = None if opener is None else team[opener]
    vote: Vote = await team.do(lambda scope: votes.open_vote(scope, actor, NewVote(**asked)))
    return vote


async def cast(team: SmallTeam, voter: str, choice: str, vote: str = "V1") -> Vote:
    _, after = await team.do(lambda scope: votes.cast(scope, team[voter], vote, choice, "because"))
    return after  # type: ignore[no-any-return]


async def mail(team: SmallTeam, name: str) -> list[str]:
    world = await team.store.read(whole_world)
    return [world.messages[each.message].body for each in world.deliveries.values() if each.recipient == name]


async def test_a_vote_closes_when_everybody_has_voted_and_tells_its_voters(team: SmallTeam) -> None:
    await open_vote(team)
    await cast(team, "voter-1", "a")
    await cast(team, "voter-2", "b")
    closed = await cast(team, "voter-3", "a")
    assert (closed.state, closed.outcome, closed.winner) == (VoteState.CLOSED, VoteOutcome.DECIDED, "a")
    for name in ("voter-1", "planner"):
        assert (await mail(team, name)) == [
            "Vote V1 ended: decided for a (a: 2, b: 1, abstain: 0); everybody has voted."
        ]
    assert not await mail(team, "human")


async def test_a_vote_closes_early_once_no_ballot_could_change_it(team: SmallTeam) -> None:
    await open_vote(team)
    assert (await cast(team, "voter-1", "a")).state is VoteState.OPEN
    closed = await cast(team, "voter-2", "a")
    assert (closed.winner, closed.closed_because) == ("a", "no further ballot could change how it ends")
    with pytest.raises(VoteClosed):
        await cast(team, "voter-3", "b")


async def test_a_vote_that_wants_every_reason_stays_open_to_the_last_ballot(team: SmallTeam) -> None:
    await open_vote(team, early=False)
    await cast(team, "voter-1", "a")
    assert (await cast(team, "voter-2", "a")).state is VoteState.OPEN
    assert (await cast(team, "voter-3", "b")).closed_because == "everybody has voted"


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


async def test_the_rules_asked_for_are_stored_and_applied(team: SmallTeam) -> None:
    vote = await open_vote(team, rule="unanimous", tie="none", quorum="all", early=False)
    assert (vote.rule, vote.tie, vote.quorum) == (VoteRule.UNANIMOUS, TieRule.NONE, 3)
    await cast(team, "voter-1", "a")
    await cast(team, "voter-2", "b")
    closed = await cast(team, "voter-3", "a")
    assert (closed.outcome, closed.winner) == (VoteOutcome.RULE_NOT_MET, None)
    assert "rule not met" in (await mail(team, "voter-1"))[0]


@pytest.mark.parametrize(("quorum", "needed"), [("any", 1), ("majority", 2), ("all", 3), ("2", 2)])
async def test_a_quorum_is_a_word_or_a_number(team: SmallTeam, quorum: str, needed: int) -> None:
    assert (await open_vote(team, quorum=quorum)).quorum == needed


async def a_tie(team: SmallTeam, **more: Any) -> Vote:
    await open_vote(team, **more)
    await cast(team, "voter-1", "a")
    await cast(team, "voter-2", "b")
    return await cast(team, "voter-3", "abstain")


async def test_a_tie_goes_to_a_person_who_settles_it(team: SmallTeam) -> None:
    closed = await a_tie(team, options=("a", "b", "c"), tell=("role:worker",))
    assert (closed.outcome, closed.winner) == (VoteOutcome.TIE, None)
    (told,) = await mail(team, "human")
    assert "supervisor vote decide V1 OPTION" in told
    with pytest.raises(InvalidArgument, match="these do: a, b"):
        await team.do(lambda scope: votes.settle_tie(scope, "V1", "c"))
    settled = await team.do(lambda scope: votes.settle_tie(scope, "V1", "b", "it is cheaper"))
    assert (settled.outcome, settled.winner, settled.decided_by) == (VoteOutcome.DECIDED, "b", "human")
    for name in ("planner", "voter-3", "worker-2"):
        assert "A person settled the tie of vote V1 for b: it is cheaper." in await mail(team, name)
    with pytest.raises(WrongState, match="decided"):
        await team.do(lambda scope: votes.settle_tie(scope, "V1", "a"))


async def test_a_person_need_not_say_why(team: SmallTeam) -> None:
    await a_tie(team)
    await team.do(lambda scope: votes.settle_tie(scope, "V1", "a"))
    assert "A person settled the tie of vote V1 for a." in await mail(team, "planner")


async def test_a_tie_that_stays_bothers_nobody_and_cannot_be_settled(team: SmallTeam) -> None:
    closed = await a_tie(team, tie="none")
    assert closed.outcome is VoteOutcome.TIE
    assert not await mail(team, "human")
    with pytest.raises(WrongState, match="tie rule none"):
        await team.do(lambda scope: votes.settle_tie(scope, "V1", "a"))


async def test_an_open_vote_is_no_tie_yet(team: SmallTeam) -> None:
    await open_vote(team)
    with pytest.raises(WrongState, match="open"):
        await team.do(lambda scope: votes.settle_tie(scope, "V1", "a"))


async def test_the_first_option_or_the_opener_breaks_a_tie(team: SmallTeam) -> None:
    assert (await a_tie(team, tie="first")).winner == "a"
    await open_vote(team, tie="opener", electorate=("self", "voter-1"), early=False)
    await cast(team, "voter-1", "a", "V2")
    assert (await cast(team, "planner", "b", "V2")).winner == "b"


async def test_the_opener_breaks_no_tie_without_a_ballot(team: SmallTeam) -> None:
    with pytest.raises(InvalidArgument, match="opener's own ballot"):
        await open_vote(team, tie="opener")


async def test_only_its_opener_or_a_person_closes_a_vote_by_hand(team: SmallTeam) -> None:
    await open_vote(team)
    await cast(team, "voter-1", "a")
    with pytest.raises(Forbidden, match="only planner"):
        await team.do(lambda scope: votes.close_by_hand(scope, team["chief"], "V1"))
    with pytest.raises(Forbidden, match=r"vote\.open"):
        await team.do(lambda scope: votes.close_by_hand(scope, team["voter-1"], "V1"))
    closed = await team.do(lambda scope: votes.close_by_hand(scope, team["planner"], "V1", "enough"))
    assert (closed.outcome, closed.closed_because) == (VoteOutcome.NO_QUORUM, "planner closed it: enough")
    with pytest.raises(WrongState, match="planner closed it"):
        await team.do(lambda scope: votes.close_by_hand(scope, None, "V1"))
    await open_vote(team, quorum="any")
    by_person = await team.do(lambda scope: votes.close_by_hand(scope, None, "V2"))
    assert by_person.closed_because == "human closed it"


async def test_the_next_life_of_the_opener_may_close_its_vote(team: SmallTeam) -> None:
    await open_vote(team)
    await team.crash("planner")
    await team.start("planner")
    closed = await team.do(lambda scope: votes.close_by_hand(scope, team["planner"], "V1"))
    assert closed.state is VoteState.CLOSED


async def test_a_person_opens_a_vote_and_is_told_how_it_ends(team: SmallTeam) -> None:
    vote = await open_vote(team, opener=None)
    assert (vote.opened_by, vote.electorate) == ("human", ("voter-1", "voter-2", "voter-3"))
    await cast(team, "voter-1", "a")
    await cast(team, "voter-2", "a")
    assert "decided for a" in (await mail(team, "human"))[0]


async def test_subscribers_are_told_the_result_and_have_no_ballot(team: SmallTeam) -> None:
    vote = await open_vote(team, tell=("role:worker", "human", "voter-1"))
    assert vote.subscribers == ("worker-1", "worker-2", "human", "voter-1")
    with pytest.raises(Forbidden):
        await cast(team, "worker-1", "a")
    await cast(team, "voter-1", "a")
    await cast(team, "voter-2", "a")
    for name in ("worker-1", "human", "voter-1"):
        assert len(await mail(team, name)) == 1


async def test_the_electorate_is_frozen_at_opening_and_without_the_opener(team: SmallTeam) -> None:
    vote = await open_vote(team, opener="worker-1", question="?", electorate=("role:worker", "worker-2"))
    assert vote.electorate == ("worker-2",)


async def spawned(team: SmallTeam, **parents: str) -> None:
    def record(scope: Scope) -> None:
        for name, parent in parents.items():
            child = replace(scope.agent(name.replace("_", "-")), spawned_by=parent)
            scope.tx.record("agent.enrolled", child, actor="supervisor")

    await team.do(record)


async def test_a_spawn_lineage_has_one_seat_which_the_one_nearest_to_its_root_takes(team: SmallTeam) -> None:
    await spawned(team, voter_1="voter-2", voter_3="voter-1", worker_1="gone", worker_2="gone")
    vote = await open_vote(team, electorate=("group:council", "role:worker", "judge"))
    assert vote.electorate == ("voter-2", "worker-1", "judge")
    (opened,) = [each for each in await team.events() if each.kind == "vote.opened"]
    assert opened.reason == "no seat beside one of their spawn lineage: voter-1, voter-3, worker-2"
    with pytest.raises(Forbidden):
        await cast(team, "voter-3", "a")


async def test_a_lineage_that_runs_in_a_circle_is_followed_once(team: SmallTeam) -> None:
    await spawned(team, voter_1="voter-2", voter_2="voter-1")
    assert (await open_vote(team)).electorate == ("voter-1", "voter-2", "voter-3")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"options": ("a",)}, "2 to 20"),
        ({"options": ("a", "a")}, "different"),
        ({"options": ("a", "abstain")}, "abstain"),
        ({"options": ("a", " ")}, "cannot be an option"),
        ({"quorum": "0"}, "quorum `0`"),
        ({"quorum": "4"}, "quorum `4`"),
        ({"quorum": "most"}, "neither majority, all, any"),
        ({"rule": "loudest"}, "none of plurality, majority"),
        ({"tie": "coin"}, "none of human, opener"),
        ({"deadline_s": 0.5}, "deadline_s"),
        ({"electorate": ("voter-1", "human")}, "people cast no ballots"),
        ({"electorate": ()}, "at least one agent"),
    ],
)
async def test_what_makes_no_vote_is_refused(team: SmallTeam, more: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        await open_vote(team, **more)


async def test_a_question_has_bounds(team: SmallTeam) -> None:
    with pytest.raises(TooLarge, match="question"):
        await open_vote(team, question="?" * 2001)


async def test_judges_cannot_open_votes(team: SmallTeam) -> None:
    with pytest.raises(Forbidden, match=r"vote\.open"):
        await open_vote(team, opener="judge")


async def test_a_voter_who_has_voted_awaits_nothing(team: SmallTeam) -> None:
    await open_vote(team)
    assert await team.do(lambda scope: votes.awaiting_ballot(scope, "voter-1"))
    assert not await team.do(lambda scope: votes.awaiting_ballot(scope, "worker-1"))
    await cast(team, "voter-1", "a")
    assert not await team.do(lambda scope: votes.awaiting_ballot(scope, "voter-1"))
