from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.ids import VoteId
from supervisor.model.vote import ABSTAIN, Ballot, Vote, VoteOutcome, decide, tally

OPTIONS = ("keep", "split", "drop")


def vote_of(*, quorum: int = 1, voters: int = 9) -> Vote:
    return Vote(
        id=VoteId("V1"),
        run=1,
        question="What of the god file?",
        options=OPTIONS,
        electorate=tuple(f"reviewer-{number}" for number in range(voters)),
        quorum=quorum,
        opened_by="planner",
        opened_at=0.0,
        deadline=300.0,
    )


def ballots_for(*choices: str) -> tuple[Ballot, ...]:
    return tuple(
        Ballot(vote=VoteId("V1"), voter=f"reviewer-{number}", choice=choice)
        for number, choice in enumerate(choices)
    )


CHOICES = st.lists(st.sampled_from([*OPTIONS, ABSTAIN]), max_size=9)


def test_the_tally_stands_in_the_order_of_the_options_with_abstentions_last() -> None:
    counts = tally(vote_of(), ballots_for("drop", "keep", ABSTAIN, "drop"))

    assert list(counts.items()) == [("keep", 1), ("split", 0), ("drop", 2), (ABSTAIN, 1)]


def test_a_ballot_for_no_option_is_never_counted() -> None:
    with pytest.raises(KeyError):
        tally(vote_of(), ballots_for("burn"))


def test_the_option_with_most_ballots_wins() -> None:
    assert decide(vote_of(), ballots_for("split", "keep", "split")) == (VoteOutcome.DECIDED, "split")


def test_two_leaders_are_a_tie() -> None:
    assert decide(vote_of(), ballots_for("split", "keep")) == (VoteOutcome.TIE, None)


def test_abstentions_fill_the_quorum_but_never_win() -> None:
    assert decide(vote_of(quorum=3), ballots_for(ABSTAIN, ABSTAIN, "keep")) == (VoteOutcome.DECIDED, "keep")
    assert decide(vote_of(quorum=3), ballots_for(ABSTAIN, ABSTAIN, ABSTAIN)) == (VoteOutcome.TIE, None)


def test_too_few_ballots_decide_nothing() -> None:
    assert decide(vote_of(quorum=3), ballots_for("keep", "keep")) == (VoteOutcome.NO_QUORUM, None)


@given(choices=CHOICES)
def test_the_tally_counts_every_ballot_once(choices: list[str]) -> None:
    assert sum(tally(vote_of(), ballots_for(*choices)).values()) == len(choices)


@given(choices=CHOICES, quorum=st.integers(1, 9))
def test_a_winner_has_more_ballots_than_any_other_option(choices: list[str], quorum: int) -> None:
    outcome, winner = decide(vote_of(quorum=quorum), ballots_for(*choices))

    assert (winner is not None) is (outcome is VoteOutcome.DECIDED)
    if winner is not None:
        assert len(choices) >= quorum
        assert all(choices.count(winner) > choices.count(other) for other in OPTIONS if other != winner)


@given(choices=CHOICES, seed=st.randoms(use_true_random=False))
def test_the_order_of_casting_does_not_matter(choices: list[str], seed: object) -> None:
    ballots = list(ballots_for(*choices))
    shuffled = ballots.copy()
    seed.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis hands in a random.Random

    assert decide(vote_of(), tuple(shuffled)) == decide(vote_of(), tuple(ballots))


def test_a_ballot_is_named_after_its_vote_and_voter() -> None:
    assert ballots_for("keep")[0].key == "V1/reviewer-0"
