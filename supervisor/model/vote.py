"""Votes: a question, a frozen electorate, one ballot per voter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

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


class VoteOutcome(StrEnum):
    """How a closed vote ended."""

    DECIDED = "decided"
    TIE = "tie"
    NO_QUORUM = "no_quorum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One question to a fixed electorate. `quorum` counts ballots, abstentions included."""

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


def tally(vote: Vote, ballots: Iterable[Ballot]) -> dict[str, int]:
    """Count the ballots per option, in the order of the options, abstentions last."""
    counts = dict.fromkeys((*vote.options, ABSTAIN), 0)
    for ballot in ballots:
        counts[ballot.choice] += 1
    return counts


def decide(vote: Vote, ballots: tuple[Ballot, ...]) -> tuple[VoteOutcome, str | None]:
    """Say how the vote ends if it closes now: the option with most ballots, if the quorum is met."""
    if len(ballots) < vote.quorum:
        return VoteOutcome.NO_QUORUM, None
    counts = tally(vote, ballots)
    best = max(counts[option] for option in vote.options)
    leaders = [option for option in vote.options if counts[option] == best]
    if best == 0 or len(leaders) > 1:
        return VoteOutcome.TIE, None
    return VoteOutcome.DECIDED, leaders[0]
