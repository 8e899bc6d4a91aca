"""Votes: opened with a frozen electorate, one ballot each, closed early, by deadline or by hand."""

from __future__ import annotations

from dataclasses import replace

from supervisor.coordinator import messages
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import Forbidden, InvalidArgument, NotFound, VoteClosed, WrongState
from supervisor.model.ids import HUMAN, SUPERVISOR, number_of, vote_id
from supervisor.model.message import MessageKind
from supervisor.model.permissions import Operation, check
from supervisor.model.vote import (
    ABSTAIN,
    VOTE_DEADLINE_S,
    Ballot,
    Vote,
    VoteOutcome,
    VoteState,
    decide,
    tally,
)

OPTIONS_MAX = 20
TEXT_MAX = 2000


def open_vote(
    scope: Scope,
    actor: Actor,
    *,
    question: str,
    options: tuple[str, ...],
    electorate: tuple[str, ...],
    quorum: int | None = None,
    deadline_s: float = VOTE_DEADLINE_S,
) -> Vote:
    """Open a vote. The electorate's addresses are resolved to names now and never change."""
    check(actor.role, Operation.VOTE_OPEN)
    voters = tuple(
        dict.fromkeys(name for to in electorate for name in messages.resolve(scope, to, sender=actor.name))
    )
    _check_options(options)
    if HUMAN in voters:
        raise InvalidArgument("people cast no ballots: leave `human` out of the electorate")
    if not voters:
        raise InvalidArgument("the electorate must name at least one agent")
    wanted = len(voters) // 2 + 1 if quorum is None else quorum
    if not 1 <= wanted <= len(voters):
        raise InvalidArgument(f"quorum {wanted} is not between 1 and the {len(voters)} voters")
    if not 1 <= deadline_s <= 24 * 3600:
        raise InvalidArgument(f"deadline_s {deadline_s} is not between 1 and 86400")
    vote = Vote(
        id=vote_id(scope.tx.scalar("vote.next_number")),
        run=scope.run,
        question=sized(question, TEXT_MAX, "question"),
        options=options,
        electorate=voters,
        quorum=wanted,
        opened_by=actor.name,
        opened_at=scope.now,
        deadline=scope.now + deadline_s,
    )
    return scope.tx.record("vote.opened", vote, actor=actor.name)


def _check_options(options: tuple[str, ...]) -> None:
    if not 2 <= len(options) <= OPTIONS_MAX or len(set(options)) < len(options):
        raise InvalidArgument(f"a vote needs 2 to {OPTIONS_MAX} different options")
    for option in options:
        if not option.strip() or option == ABSTAIN:
            raise InvalidArgument(f"`{option[:40]}` cannot be an option; abstaining is always possible")
        sized(option, 200, "option")


def the_vote(scope: Scope, spelled: str) -> Vote:
    """Return a vote; raise NotFound."""
    vote = scope.tx.value(Vote, "vote.get", n=number_of(spelled, "V"))
    if vote is None:
        raise NotFound(f"there is no vote `{spelled[:40]}`")
    return vote


def ballots_of(scope: Scope, vote: Vote) -> tuple[Ballot, ...]:
    """Return the ballots of a vote in the order of casting."""
    return scope.tx.values(Ballot, "ballot.of_vote", vote=vote.id)


def cast(scope: Scope, actor: Actor, spelled: str, choice: str, rationale: str = "") -> tuple[Ballot, Vote]:
    """Cast the actor's only ballot; the vote closes when everybody has voted."""
    check(actor.role, Operation.VOTE_CAST)
    vote = the_vote(scope, spelled)
    if vote.state is VoteState.CLOSED or scope.now > vote.deadline:
        raise VoteClosed(f"vote {vote.id} is closed; your ballot does not count")
    if actor.name not in vote.electorate:
        raise Forbidden(f"you are not in the electorate of vote {vote.id}")
    if choice not in {*vote.options, ABSTAIN}:
        raise InvalidArgument(f"choice `{choice[:40]}` is none of: {', '.join(vote.options)}, {ABSTAIN}")
    if scope.tx.one("ballot.get", vote=vote.id, voter=actor.name) is not None:
        raise WrongState(f"you have voted in {vote.id} already; a ballot cannot be changed")
    ballot = Ballot(
        vote=vote.id,
        voter=actor.name,
        choice=choice,
        rationale=sized(rationale, TEXT_MAX, "rationale"),
        at=scope.now,
    )
    scope.tx.record("ballot.cast", ballot, actor=actor.name)
    if len(ballots_of(scope, vote)) == len(vote.electorate):
        vote = close(scope, vote, because="everybody has voted")
    return ballot, vote


def close(scope: Scope, vote: Vote, *, because: str) -> Vote:
    """Count the ballots, write the outcome, and tell the opener and the voters."""
    ballots = ballots_of(scope, vote)
    outcome, winner = decide(vote, ballots)
    closed = replace(
        vote,
        state=VoteState.CLOSED,
        outcome=outcome,
        winner=winner,
        closed_at=scope.now,
        closed_because=because,
    )
    scope.tx.record("vote.closed", closed, actor=SUPERVISOR, reason=because)
    counts = ", ".join(f"{option}: {count}" for option, count in tally(closed, ballots).items())
    told = tuple(dict.fromkeys((vote.opened_by, *vote.electorate)))
    if outcome is not VoteOutcome.DECIDED:
        told = (*told, HUMAN)
    messages.post(
        scope,
        SUPERVISOR,
        to="voters",
        recipients=told,
        body=f"Vote {vote.id} ended: {outcome.value}{f' for {winner}' if winner else ''} ({counts}).",
        kind=MessageKind.VOTE,
        thread=vote.id,
    )
    return closed


def close_overdue(scope: Scope) -> None:
    """Close the votes whose deadline has passed."""
    for vote in scope.tx.values(Vote, "vote.open", run=scope.run):
        if scope.now > vote.deadline:
            close(scope, vote, because="its deadline passed")


def awaiting_ballot(scope: Scope, voter: str) -> bool:
    """Tell whether there is an open vote in which this voter has not voted."""
    return any(
        voter in vote.electorate and scope.tx.one("ballot.get", vote=vote.id, voter=voter) is None
        for vote in scope.tx.values(Vote, "vote.open", run=scope.run)
    )
