"""The tools about votes."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from supervisor.coordinator import views, votes
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.votes import NewVote
from supervisor.model.permissions import Operation
from supervisor.model.vote import VOTE_DEADLINE_S, Quorum, TieRule, Vote, VoteRule, VoteState
from supervisor.model.wire import to_wire
from supervisor.transports.mcp.tools.mail import ADDRESS
from supervisor.transports.mcp.tools.tool import Answer, Arguments, Mutation, simple_tool


class OpenVote(Mutation):
    """Arguments of vote_open."""

    question: str
    options: list[str]
    electorate: list[str] = Field(description=f"Who may vote; each: {ADDRESS} `all` is without yourself.")
    quorum: int | str | None = Field(
        default=None,
        description=f"Ballots needed: {', '.join(Quorum)} or a number; the majority if left out.",
    )
    rule: str = Field(
        default=VoteRule.PLURALITY.value,
        description=f"What the leading option needs, abstentions aside: {', '.join(VoteRule)}.",
    )
    tie: str = Field(
        default=TieRule.HUMAN.value,
        description=f"What breaks a tie: {', '.join(TieRule)}; `opener` is your own ballot.",
    )
    deadline_s: float = VOTE_DEADLINE_S
    early: bool = Field(default=True, description="Close once no further ballot can change how it ends.")
    tell: list[str] = Field(
        default_factory=list, description="Who is told the result too, beside you and the voters."
    )


class Cast(Mutation):
    """Arguments of vote_cast."""

    vote_id: str
    choice: str = Field(description="One of the options, or `abstain`.")
    rationale: str = ""


class OneVote(Arguments):
    """Arguments of vote_get."""

    vote_id: str


class CloseVote(Mutation):
    """Arguments of vote_close."""

    vote_id: str
    reason: str = ""


class ListVotes(Arguments):
    """Arguments of vote_list."""

    open: bool | None = None


def open_vote(scope: Scope, actor: Actor, asked: OpenVote) -> Answer:
    """Open a vote."""
    wanted = NewVote(
        question=asked.question,
        options=tuple(asked.options),
        electorate=tuple(asked.electorate),
        quorum=Quorum.MAJORITY.value if asked.quorum is None else str(asked.quorum),
        rule=asked.rule,
        tie=asked.tie,
        deadline_s=asked.deadline_s,
        early=asked.early,
        tell=tuple(asked.tell),
    )
    return {"vote": to_wire(votes.open_vote(scope, actor, wanted))}


def cast_ballot(scope: Scope, actor: Actor, asked: Cast) -> Answer:
    """Cast a ballot."""
    ballot, vote = votes.cast(scope, actor, asked.vote_id, asked.choice, asked.rationale)
    return {"ballot": to_wire(ballot), "vote": to_wire(vote)}


def close_vote(scope: Scope, actor: Actor, asked: CloseVote) -> Answer:
    """Close a vote that the actor opened."""
    return {"vote": to_wire(votes.close_by_hand(scope, actor, asked.vote_id, asked.reason))}


def get_vote(scope: Scope, _actor: Actor, asked: OneVote) -> Answer:
    """Answer one vote with its count."""
    return views.vote_page(scope, asked.vote_id)


def list_votes(scope: Scope, _actor: Actor, asked: ListVotes) -> Answer:
    """Answer the run's votes."""
    listed = scope.tx.values(Vote, "vote.of_run", run=scope.run)
    wanted = [vote for vote in listed if asked.open is None or (vote.state is VoteState.OPEN) == asked.open]
    return {"votes": to_wire(wanted)}


VOTE_TOOLS: Final = (
    simple_tool(
        "vote_open", "Open a vote; its electorate is fixed now.", Operation.VOTE_OPEN, OpenVote, open_vote
    ),
    simple_tool("vote_cast", "Cast your only ballot in a vote.", Operation.VOTE_CAST, Cast, cast_ballot),
    simple_tool(
        "vote_close",
        "Close a vote that you opened, before its deadline.",
        Operation.VOTE_OPEN,
        CloseVote,
        close_vote,
    ),
    simple_tool("vote_get", "Show one vote with tally and ballots.", Operation.VOTE_READ, OneVote, get_vote),
    simple_tool("vote_list", "List the votes of this run.", Operation.VOTE_READ, ListVotes, list_votes),
)
