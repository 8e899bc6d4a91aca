"""Votes: counting, the rules by which one is decided, and when nothing can change it any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations_with_replacement, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.ids import VoteId
from supervisor.model.vote import (
    ABSTAIN,
    Ballot,
    Quorum,
    TieRule,
    Vote,
    VoteOutcome,
    VoteRule,
    VoteState,
    awaits_person,
    decide,
    fault,
    is_settled,
    leaders,
    quorum_of,
    tally,
)

OPTIONS = ("keep", "split", "drop")
DECIDED, TIE = VoteOutcome.DECIDED, VoteOutcome.TIE
NO_QUORUM, NOT_MET = VoteOutcome.NO_QUORUM, VoteOutcome.RULE_NOT_MET


def vote_of(*, quorum: int = 1, voters: int = 9, **more: Any) -> Vote:
    wanted: dict[str, Any] = {"options": OPTIONS, "opened_by": "planner"} | more
    return Vote(
        id=VoteId("V1"),
        run=1,
        question="What of the god file?",
        electorate=tuple(f"reviewer-{number}" for number in range(voters)),
        quorum=quorum,
        opened_at=0.0,
        deadline=300.0,
        **wanted,
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
    assert decide(vote_of(), ballots_for("split", "keep", "split")) == (DECIDED, "split")


def test_two_leaders_are_a_tie() -> None:
    assert decide(vote_of(), ballots_for("split", "keep")) == (TIE, None)


def test_abstentions_fill_the_quorum_but_never_win() -> None:
    assert decide(vote_of(quorum=3), ballots_for(ABSTAIN, ABSTAIN, "keep")) == (DECIDED, "keep")
    assert decide(vote_of(quorum=3), ballots_for(ABSTAIN, ABSTAIN, ABSTAIN)) == (TIE, None)


def test_too_few_ballots_decide_nothing() -> None:
    assert decide(vote_of(quorum=3), ballots_for("keep", "keep")) == (NO_QUORUM, None)


@pytest.mark.parametrize(
    ("wanted", "voters", "needed"),
    [
        (Quorum.MAJORITY, 1, 1),
        (Quorum.MAJORITY, 4, 3),
        (Quorum.MAJORITY, 5, 3),
        (Quorum.ALL, 4, 4),
        (Quorum.ANY, 4, 1),
    ],
)
def test_a_quorum_in_words_means_so_many_of_the_electorate(wanted: Quorum, voters: int, needed: int) -> None:
    assert quorum_of(wanted, voters) == needed


@pytest.mark.parametrize(
    ("rule", "choices", "ending"),
    [
        (VoteRule.PLURALITY, "kks", (DECIDED, "keep")),
        (VoteRule.PLURALITY, "kksd", (DECIDED, "keep")),
        (VoteRule.MAJORITY, "kks", (DECIDED, "keep")),
        (VoteRule.MAJORITY, "kksd", (NOT_MET, None)),
        (VoteRule.MAJORITY, "kksdaaaa", (NOT_MET, None)),
        (VoteRule.MAJORITY, "kkaaa", (DECIDED, "keep")),
        (VoteRule.MAJORITY, "kkss", (TIE, None)),
        (VoteRule.MAJORITY, "kkssd", (NOT_MET, None)),
        (VoteRule.TWO_THIRDS, "kks", (DECIDED, "keep")),
        (VoteRule.TWO_THIRDS, "kkkss", (NOT_MET, None)),
        (VoteRule.TWO_THIRDS, "kkss", (NOT_MET, None)),
        (VoteRule.UNANIMOUS, "kkka", (DECIDED, "keep")),
        (VoteRule.UNANIMOUS, "kkks", (NOT_MET, None)),
        (VoteRule.UNANIMOUS, "aaa", (TIE, None)),
    ],
)
def test_a_rule_says_what_the_leader_needs_of_the_ballots_that_chose(
    rule: VoteRule, choices: str, ending: Any
) -> None:
    assert decide(vote_of(rule=rule), ballots_for(*spelled(choices))) == ending


def spelled(letters: str) -> list[str]:
    return [{"k": "keep", "s": "split", "d": "drop", "a": ABSTAIN}[letter] for letter in letters]


@pytest.mark.parametrize(
    ("tie", "opener", "ending"),
    [
        (TieRule.HUMAN, "reviewer-0", (TIE, None)),
        (TieRule.NONE, "reviewer-0", (TIE, None)),
        (TieRule.FIRST, "reviewer-0", (DECIDED, "keep")),
        (TieRule.OPENER, "reviewer-0", (DECIDED, "split")),
        (TieRule.OPENER, "reviewer-4", (TIE, None)),
        (TieRule.OPENER, "planner", (TIE, None)),
    ],
)
def test_a_tie_is_broken_by_its_rule(tie: TieRule, opener: str, ending: Any) -> None:
    ballots = ballots_for("split", "split", "keep", "keep", "drop")
    assert decide(vote_of(tie=tie, opened_by=opener), ballots) == ending


@pytest.mark.parametrize("tie", TieRule)
def test_what_nobody_chose_never_wins_by_a_tie_rule(tie: TieRule) -> None:
    vote = vote_of(tie=tie, opened_by="reviewer-0")
    assert decide(vote, ballots_for(ABSTAIN, ABSTAIN)) == (TIE, None)


def test_under_majority_the_tie_rule_breaks_a_dead_heat_of_two() -> None:
    vote = vote_of(rule=VoteRule.MAJORITY, tie=TieRule.FIRST)
    assert decide(vote, ballots_for("split", "keep", ABSTAIN)) == (DECIDED, "keep")
    assert decide(vote, ballots_for("split", "keep", "drop")) == (NOT_MET, None)


@given(choices=CHOICES)
def test_the_tally_counts_every_ballot_once(choices: list[str]) -> None:
    assert sum(tally(vote_of(), ballots_for(*choices)).values()) == len(choices)


@given(choices=CHOICES, quorum=st.integers(1, 9))
def test_a_winner_has_more_ballots_than_any_other_option(choices: list[str], quorum: int) -> None:
    outcome, winner = decide(vote_of(quorum=quorum), ballots_for(*choices))

    assert (winner is not None) is (outcome is DECIDED)
    if winner is not None:
        assert len(choices) >= quorum
        assert all(choices.count(winner) > choices.count(other) for other in OPTIONS if other != winner)


@given(
    choices=CHOICES,
    seed=st.randoms(use_true_random=False),
    rule=st.sampled_from(VoteRule),
    tie=st.sampled_from(TieRule),
)
def test_the_order_of_casting_does_not_matter(
    choices: list[str], seed: Any, rule: VoteRule, tie: TieRule
) -> None:
    vote = vote_of(rule=rule, tie=tie, opened_by="reviewer-1")
    ballots = list(ballots_for(*choices))
    shuffled = ballots.copy()
    seed.shuffle(shuffled)

    assert decide(vote, tuple(shuffled)) == decide(vote, tuple(ballots))


def completions(vote: Vote, cast: tuple[Ballot, ...]) -> Iterator[tuple[Ballot, ...]]:
    """Yield every way the vote can go on, as far as it matters who votes: only the opener's name does."""
    missing = vote.electorate[len(cast) :]
    others = [voter for voter in missing if voter != vote.opened_by]
    ways: tuple[str | None, ...] = (*vote.options, ABSTAIN, None)
    for opener in ways if vote.opened_by in missing else (None,):
        for choices in combinations_with_replacement(ways, len(others)):
            told = [*zip(others, choices, strict=True), (vote.opened_by, opener)]
            yield (
                *cast,
                *(Ballot(vote=vote.id, voter=who, choice=choice) for who, choice in told if choice),
            )


def wrong_verdicts(voters: int) -> list[tuple[Vote, tuple[Ballot, ...]]]:
    """Compare `is_settled` with every completion, over all rules and ballots of a small electorate."""
    wrong = []
    for rule, tie, opener in product(VoteRule, TieRule, range(voters + 1)):
        vote = vote_of(quorum=1, voters=voters, rule=rule, tie=tie, opened_by=f"reviewer-{opener}")
        for count in range(voters + 1):
            for choices in combinations_with_replacement((*OPTIONS, ABSTAIN), count):
                ballots = ballots_for(*choices)
                endings = {decide(vote, each) for each in completions(vote, ballots)}
                if is_settled(vote, ballots) != (len(endings) == 1):
                    wrong.append((vote, ballots))
    return wrong


@pytest.mark.parametrize("voters", [1, 2, 3, 4])
def test_a_vote_is_settled_exactly_when_every_way_to_go_on_ends_the_same(voters: int) -> None:
    assert wrong_verdicts(voters) == []


@given(
    choices=st.lists(st.sampled_from([*OPTIONS, ABSTAIN]), min_size=2, max_size=5),
    rule=st.sampled_from(VoteRule),
    tie=st.sampled_from(TieRule),
    quorum=st.integers(1, 6),
    opener=st.integers(0, 6),
)
def test_a_larger_vote_is_settled_exactly_when_every_way_to_go_on_ends_the_same(
    choices: list[str], rule: VoteRule, tie: TieRule, quorum: int, opener: int
) -> None:
    vote = vote_of(quorum=quorum, voters=6, rule=rule, tie=tie, opened_by=f"reviewer-{opener}")
    ballots = ballots_for(*choices)
    endings = {decide(vote, each) for each in completions(vote, ballots)}

    assert is_settled(vote, ballots) is (len(endings) == 1)


def test_a_dead_heat_that_a_third_option_can_prevent_settles_nothing() -> None:
    vote = vote_of(voters=6, rule=VoteRule.MAJORITY, tie=TieRule.OPENER, opened_by="reviewer-0")
    assert not is_settled(vote, ballots_for("keep", "keep", "keep"))
    assert is_settled(vote, ballots_for("keep", "keep", "keep", "keep"))


def test_canary_a_vote_settled_as_soon_as_somebody_leads_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(vote: Vote, ballots: tuple[Ballot, ...]) -> bool:
        return len(ballots) >= vote.quorum and len(leaders(vote, tally(vote, ballots))) == 1

    monkeypatch.setitem(globals(), "is_settled", hasty)

    assert wrong_verdicts(2)


def closed(vote: Vote, ballots: tuple[Ballot, ...], **more: Any) -> Vote:
    outcome, winner = decide(vote, ballots)
    ending: dict[str, Any] = {"state": VoteState.CLOSED, "outcome": outcome, "winner": winner} | more
    return replace(vote, **ending)


def test_a_vote_that_follows_from_its_ballots_has_no_fault() -> None:
    ballots = ballots_for("keep", "keep", "split")
    assert fault(vote_of(), ballots) == ""
    assert fault(closed(vote_of(), ballots), ballots) == ""
    tied = ballots_for("keep", "split")
    assert fault(closed(vote_of(), tied, outcome=DECIDED, winner="split", decided_by="human"), tied) == ""


@pytest.mark.parametrize(
    ("letters", "changes", "says"),
    [
        ("kks", {"electorate": ("reviewer-0", "reviewer-0")}, "twice"),
        ("kks", {"electorate": ("reviewer-0", "reviewer-1")}, "strangers: reviewer-2"),
        ("kks", {"state": VoteState.OPEN}, "open, yet"),
        ("kks", {"winner": "drop"}, "not what its ballots say"),
        ("kks", {"rule": VoteRule.UNANIMOUS}, "not what its ballots say"),
        ("kks", {"quorum": 4}, "not what its ballots say"),
        ("kks", {"decided_by": "human"}, "no tie"),
        ("ks", {"decided_by": "human"}, "did not lead"),
        ("ks", {"decided_by": "human", "outcome": DECIDED, "winner": "drop"}, "did not lead"),
        ("ks", {"tie": TieRule.FIRST}, "not what its ballots say"),
    ],
)
def test_what_does_not_follow_from_ballots_and_rules_is_a_fault(
    letters: str, changes: dict[str, Any], says: str
) -> None:
    ballots = ballots_for(*spelled(letters))
    assert says in fault(replace(closed(vote_of(), ballots), **changes), ballots)


@pytest.mark.parametrize(
    ("tie", "outcome", "awaits"),
    [
        (TieRule.HUMAN, TIE, True),
        (TieRule.OPENER, TIE, True),
        (TieRule.NONE, TIE, False),
        (TieRule.HUMAN, DECIDED, False),
        (TieRule.HUMAN, None, False),
    ],
)
def test_only_a_tie_that_may_be_settled_awaits_a_person(
    tie: TieRule, outcome: VoteOutcome | None, *, awaits: bool
) -> None:
    assert awaits_person(vote_of(tie=tie, outcome=outcome)) is awaits


def test_a_ballot_is_named_after_its_vote_and_voter() -> None:
    assert ballots_for("keep")[0].key == "V1/reviewer-0"
