"""Votes: a question, a frozen electorate, one ballot per principal, and the rules by which it is decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Final, TypeAlias

from supervisor.model.ids import VoteId

ABSTAIN: Final = "abstain"
VOTE_DEADLINE_S: Final = 300.0


class VoteState(StrEnum):
    """Whether ballots are still taken."""

    OPEN = "open"
    CLOSED = "closed"


VOTE_MOVES: Final[dict[VoteState, frozenset[VoteState]]] = {
    VoteState.OPEN: frozenset({VoteState.CLOSED}),
    VoteState.CLOSED: frozenset(),
}


class VoteRule(StrEnum):
    """What the leading option needs to win; abstentions are not counted in its share."""

    PLURALITY = "plurality"
    MAJORITY = "majority"
    TWO_THIRDS = "two_thirds"
    UNANIMOUS = "unanimous"


class TieRule(StrEnum):
    """What breaks a tie: a person, the opener's own ballot, the order of the options, or nothing."""

    HUMAN = "human"
    OPENER = "opener"
    FIRST = "first"
    NONE = "none"


class VoteOutcome(StrEnum):
    """How a closed vote ended."""

    DECIDED = "decided"
    TIE = "tie"
    NO_QUORUM = "no_quorum"
    RULE_NOT_MET = "rule_not_met"


class Quorum(StrEnum):
    """How many of the electorate must vote, in words; a number says it exactly."""

    MAJORITY = "majority"
    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One question to a fixed electorate. `quorum` counts ballots, abstentions included.

    `early` lets it close once no further ballot can change how it ends. `subscribers` are told the
    result though they have no ballot. `decided_by` is who settled its tie, if somebody did.
    """

    id: VoteId
    run: int
    question: str
    options: tuple[str, ...]
    electorate: tuple[str, ...]
    quorum: int
    opened_by: str
    opened_at: float
    deadline: float
    state: VoteState = VoteState.OPEN
    outcome: VoteOutcome | None = None
    winner: str | None = None
    closed_at: float | None = None
    closed_because: str = ""
    rule: VoteRule = VoteRule.PLURALITY
    tie: TieRule = TieRule.HUMAN
    early: bool = True
    subscribers: tuple[str, ...] = ()
    decided_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """One voter's choice, with the reason in the voter's own words."""

    vote: VoteId
    voter: str
    choice: str
    rationale: str = ""
    at: float = 0.0

    @property
    def key(self) -> str:
        """Name this ballot: `V3/reviewer-1`."""
        return f"{self.vote}/{self.voter}"


Ending: TypeAlias = tuple[VoteOutcome, str | None]
"""How a vote ends, and what won."""


def quorum_of(wanted: Quorum, voters: int) -> int:
    """Return how many ballots are needed of so many voters."""
    needed = {Quorum.MAJORITY: voters // 2 + 1, Quorum.ALL: voters, Quorum.ANY: 1}
    return needed[wanted]


def tally(vote: Vote, ballots: Iterable[Ballot]) -> dict[str, int]:
    """Count the ballots per option, in the order of the options, abstentions last."""
    counts = dict.fromkeys((*vote.options, ABSTAIN), 0)
    for ballot in ballots:
        counts[ballot.choice] += 1
    return counts


def decide(vote: Vote, ballots: tuple[Ballot, ...]) -> Ending:
    """Say how the vote ends if it closes now, by its quorum, its rule and its tie rule."""
    if len(ballots) < vote.quorum:
        return VoteOutcome.NO_QUORUM, None
    return _ending(vote, tally(vote, ballots), _choice_of(vote.opened_by, ballots))


def is_settled(vote: Vote, ballots: tuple[Ballot, ...]) -> bool:
    """Tell whether the vote ends the same, whoever of the others votes, or not, and how.

    The others do most against an outcome by all choosing one option, or all but one of them:
    that one may keep a dead heat from coming about. So only these ways are tried.
    """
    left = len(vote.electorate) - len(ballots)
    if len(ballots) < vote.quorum:
        return False
    counts, opener = tally(vote, ballots), _choice_of(vote.opened_by, ballots)
    now = _ending(vote, counts, opener)
    if not left:
        return True
    for most, last in product(vote.options, repeat=2):
        then = dict(counts)
        then[most] += left - 1
        then[last] += 1
        if _ending(vote, then, opener or last) != now:
            return False
    return True


def leaders(vote: Vote, counts: Mapping[str, int]) -> tuple[str, ...]:
    """List the options with most ballots; all of them if nobody chose any."""
    best = max(counts[option] for option in vote.options)
    return tuple(option for option in vote.options if counts[option] == best)


def awaits_person(vote: Vote) -> bool:
    """Tell whether a person may still settle this vote's tie."""
    return vote.outcome is VoteOutcome.TIE and vote.tie is not TieRule.NONE


def fault(vote: Vote, ballots: tuple[Ballot, ...]) -> str:
    """Say what of a stored vote does not follow from its ballots and rules; empty if all does."""
    if len(set(vote.electorate)) < len(vote.electorate):
        return "somebody is in its electorate twice"
    if strangers := sorted({ballot.voter for ballot in ballots} - set(vote.electorate)):
        return f"it has ballots of strangers: {', '.join(strangers[:3])}"
    if vote.state is VoteState.OPEN:
        return "it is open, yet has an outcome" if vote.outcome or vote.winner else ""
    counted = decide(vote, ballots)
    if vote.decided_by is None:
        return "" if (vote.outcome, vote.winner) == counted else "its outcome is not what its ballots say"
    if counted[0] is not VoteOutcome.TIE:
        return f"{vote.decided_by} decided it, yet its ballots are no tie"
    if vote.outcome is not VoteOutcome.DECIDED or vote.winner not in leaders(vote, tally(vote, ballots)):
        return f"{vote.decided_by} decided it for what did not lead"
    return ""


def _choice_of(voter: str, ballots: Iterable[Ballot]) -> str | None:
    return next((ballot.choice for ballot in ballots if ballot.voter == voter), None)


def _ending(vote: Vote, counts: Mapping[str, int], opener: str | None) -> Ending:
    """Apply the rule, then the tie rule. Nothing wins without a ballot.

    A tie is: several lead by plurality, or two share all ballots half and half under `majority`.
    """
    cast = sum(counts[option] for option in vote.options)
    leading = leaders(vote, counts)
    most = counts[leading[0]]
    if cast == 0:
        return VoteOutcome.TIE, None
    if len(leading) > 1 and (vote.rule is VoteRule.PLURALITY or _is_dead_heat(vote, most, cast)):
        return _tie_broken(vote, leading, opener)
    if _reaches(vote.rule, most, cast):
        return VoteOutcome.DECIDED, leading[0]
    return VoteOutcome.RULE_NOT_MET, None


def _is_dead_heat(vote: Vote, most: int, cast: int) -> bool:
    return vote.rule is VoteRule.MAJORITY and 2 * most == cast


def _reaches(rule: VoteRule, most: int, cast: int) -> bool:
    reached = {
        VoteRule.PLURALITY: True,
        VoteRule.MAJORITY: 2 * most > cast,
        VoteRule.TWO_THIRDS: 3 * most >= 2 * cast,
        VoteRule.UNANIMOUS: most == cast,
    }
    return reached[rule]


def _tie_broken(vote: Vote, leading: tuple[str, ...], opener: str | None) -> Ending:
    if vote.tie is TieRule.FIRST:
        return VoteOutcome.DECIDED, leading[0]
    if vote.tie is TieRule.OPENER and opener in leading:
        return VoteOutcome.DECIDED, opener
    return VoteOutcome.TIE, None
