"""Votes: opened with a frozen electorate, one ballot each, closed early, by deadline or by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from supervisor.coordinator import messages
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import Forbidden, InvalidArgument, NotFound, VoteClosed, WrongState
from supervisor.model.agent import Agent
from supervisor.model.ids import HUMAN, SUPERVISOR, number_of, vote_id
from supervisor.model.message import MessageKind
from supervisor.model.permissions import Operation, check
from supervisor.model.vote import (
    ABSTAIN,
    VOTE_DEADLINE_S,
    Ballot,
    Quorum,
    TieRule,
    Vote,
    VoteOutcome,
    VoteRule,
    VoteState,
    awaits_person,
    decide,
    is_settled,
    leaders,
    quorum_of,
    tally,
)

OPTIONS_MAX = 20
TEXT_MAX = 2000
DEADLINE_MAX_S = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVote:
    """What is asked for when a vote is opened; `electorate` and `tell` are addresses.

    Words are parsed here: `quorum` is `majority`, `all`, `any` or a number of ballots.
    """

    question: str
    options: tuple[str, ...]
    electorate: tuple[str, ...]
    quorum: str = Quorum.MAJORITY.value
    rule: str = VoteRule.PLURALITY.value
    tie: str = TieRule.HUMAN.value
    deadline_s: float = VOTE_DEADLINE_S
    early: bool = True
    tell: tuple[str, ...] = ()


def open_vote(scope: Scope, actor: Actor | None, wanted: NewVote) -> Vote:
    """Open a vote; `actor` None is the person. The electorate is resolved now and never changes.

    Of a spawn lineage only one has a seat: whoever is nearest to its root.
    """
    if actor is not None:
        check(actor.role, Operation.VOTE_OPEN)
    opener = HUMAN if actor is None else actor.name
    _check_options(wanted.options)
    if not 1 <= wanted.deadline_s <= DEADLINE_MAX_S:
        raise InvalidArgument(f"deadline_s {wanted.deadline_s} is not between 1 and {DEADLINE_MAX_S}")
    named = _resolved(scope, wanted.electorate, opener)
    voters = _seats(scope, named)
    rule, tie = _rule(wanted.rule), _tie(wanted.tie)
    _check_electorate(voters, opener, tie)
    vote = Vote(
        id=vote_id(scope.tx.scalar("vote.next_number")),
        run=scope.run,
        question=sized(wanted.question, TEXT_MAX, "question"),
        options=wanted.options,
        electorate=voters,
        quorum=_quorum(wanted.quorum, len(voters)),
        opened_by=opener,
        opened_at=scope.now,
        deadline=scope.now + wanted.deadline_s,
        rule=rule,
        tie=tie,
        early=wanted.early,
        subscribers=_resolved(scope, wanted.tell, opener),
    )
    return scope.tx.record("vote.opened", vote, actor=opener, reason=_left_out(named, voters))


def _resolved(scope: Scope, addresses: tuple[str, ...], opener: str) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(name for to in addresses for name in messages.resolve(scope, to, sender=opener))
    )


def _seats(scope: Scope, names: tuple[str, ...]) -> tuple[str, ...]:
    """Give each principal one seat: who was spawned, directly or not, by the same agent shares one."""
    seats: dict[str, tuple[int, str]] = {}
    for name in names:
        line = _lineage(scope, name)
        seat = (len(line), name)
        root = line[-1]
        if root not in seats or seat[0] < seats[root][0]:
            seats[root] = seat
    kept = {name for _, name in seats.values()}
    return tuple(name for name in names if name in kept)


def _lineage(scope: Scope, name: str) -> tuple[str, ...]:
    """List an agent and those it descends from, the root last."""
    line = [name]
    while True:
        agent = scope.tx.value(Agent, "agent.get", name=line[-1])
        if agent is None or agent.spawned_by is None or agent.spawned_by in line:
            return tuple(line)
        line.append(agent.spawned_by)


def _left_out(named: Iterable[str], voters: tuple[str, ...]) -> str:
    without = [name for name in named if name not in voters]
    return f"no seat beside one of their spawn lineage: {', '.join(without)}"[:500] if without else ""


def _check_electorate(voters: tuple[str, ...], opener: str, tie: TieRule) -> None:
    if HUMAN in voters:
        raise InvalidArgument("people cast no ballots: leave `human` out of the electorate")
    if not voters:
        raise InvalidArgument("the electorate must name at least one agent")
    if tie is TieRule.OPENER and opener not in voters:
        raise InvalidArgument(
            "tie rule `opener` needs the opener's own ballot: name yourself in the electorate too (`self`)"
        )


def _quorum(wanted: str, voters: int) -> int:
    if wanted in set(Quorum):
        return quorum_of(Quorum(wanted), voters)
    if not wanted.isdecimal() or not 1 <= int(wanted[:9]) <= voters:
        words = ", ".join(Quorum)
        raise InvalidArgument(
            f"quorum `{wanted[:40]}` is neither {words} nor between 1 and the {voters} voters"
        )
    return int(wanted)


def _rule(word: str) -> VoteRule:
    if word not in set(VoteRule):
        raise InvalidArgument(f"rule `{word[:40]}` is none of {', '.join(VoteRule)}")
    return VoteRule(word)


def _tie(word: str) -> TieRule:
    if word not in set(TieRule):
        raise InvalidArgument(f"tie `{word[:40]}` is none of {', '.join(TieRule)}")
    return TieRule(word)


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
    """Cast the actor's only ballot; the vote closes when no further one can come or matter."""
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
    return ballot, _closed_if_over(scope, vote)


def _closed_if_over(scope: Scope, vote: Vote) -> Vote:
    ballots = ballots_of(scope, vote)
    if len(ballots) == len(vote.electorate):
        return close(scope, vote, because="everybody has voted")
    if vote.early and is_settled(vote, ballots):
        return close(scope, vote, because="no further ballot could change how it ends")
    return vote


def close_by_hand(scope: Scope, actor: Actor | None, spelled: str, reason: str = "") -> Vote:
    """Close an open vote before its deadline; only its opener may, or the person (`actor` None)."""
    if actor is not None:
        check(actor.role, Operation.VOTE_OPEN)
    vote = the_vote(scope, spelled)
    name = HUMAN if actor is None else actor.name
    if actor is not None and vote.opened_by != name:
        raise Forbidden(f"only {vote.opened_by}, who opened vote {vote.id}, or a person may close it")
    if vote.state is VoteState.CLOSED:
        raise WrongState(f"vote {vote.id} is closed already: {vote.closed_because}")
    why = sized(reason, TEXT_MAX, "reason").strip()
    return close(scope, vote, because=f"{name} closed it{f': {why}' if why else ''}", by=name)


def close(scope: Scope, vote: Vote, *, because: str, by: str = SUPERVISOR) -> Vote:
    """Count the ballots, write the outcome, and tell the opener, the voters and the subscribers."""
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
    scope.tx.record("vote.closed", closed, actor=by, reason=because)
    counts = ", ".join(f"{option}: {count}" for option, count in tally(closed, ballots).items())
    words = outcome.value.replace("_", " ")
    body = f"Vote {vote.id} ended: {words}{f' for {winner}' if winner else ''} ({counts}); {because}."
    if awaits_person(closed):
        body += f" A person may settle it: supervisor vote decide {vote.id} OPTION."
    _tell(scope, closed, body, human=outcome is not VoteOutcome.DECIDED and vote.tie is not TieRule.NONE)
    return closed


def _tell(scope: Scope, vote: Vote, body: str, *, human: bool) -> None:
    told = dict.fromkeys((vote.opened_by, *vote.electorate, *vote.subscribers, *((HUMAN,) if human else ())))
    messages.post(
        scope,
        SUPERVISOR,
        to="voters",
        recipients=tuple(told),
        body=body,
        kind=MessageKind.VOTE,
        thread=vote.id,
    )


def settle_tie(scope: Scope, spelled: str, option: str, reason: str = "") -> Vote:
    """Let the person choose among the options that lead a tied vote.

    This is no agent's operation: it is reached through the operator's socket alone.
    """
    vote = the_vote(scope, spelled)
    if not awaits_person(vote):
        how = vote.state.value if vote.outcome is None else vote.outcome.value.replace("_", " ")
        raise WrongState(f"vote {vote.id} is no tie that a person settles: {how}, tie rule {vote.tie.value}")
    leading = leaders(vote, tally(vote, ballots_of(scope, vote)))
    if option not in leading:
        raise InvalidArgument(f"`{option[:40]}` does not lead vote {vote.id}; these do: {', '.join(leading)}")
    settled = replace(vote, outcome=VoteOutcome.DECIDED, winner=option, decided_by=HUMAN)
    scope.tx.record("vote.decided", settled, actor=HUMAN, reason=sized(reason, TEXT_MAX, "reason"))
    why = f": {reason.strip()}" if reason.strip() else ""
    _tell(scope, settled, f"A person settled the tie of vote {vote.id} for {option}{why}.", human=False)
    return settled


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
