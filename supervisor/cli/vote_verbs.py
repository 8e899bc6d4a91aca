"""Verbs about votes: list and show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, now, print_json, print_table, say

if TYPE_CHECKING:
    from supervisor.model.vote import Vote
    from supervisor.model.world import World

BAR = 30


@click.group()
def vote() -> None:
    """List and show votes."""


@vote.command(name="list", cls=Verb, examples=("supervisor vote list", "supervisor vote list --json"))
@project_option
@json_option
def list_votes(*, project: Path, as_json: bool) -> None:
    """List the run's votes."""
    from supervisor.cli.engine_door import view
    from supervisor.model.wire import to_wire

    seen = view(project)
    votes = [each for each in seen.world.votes.values() if each.run == seen.world.run]
    if as_json:
        print_json("vote_list", live=seen.live, votes=[to_wire(each) for each in votes])
        return
    rows = [_row(each, seen.world) for each in votes]
    print_table(("ID", "STATE", "BALLOTS", "OUTCOME", "QUESTION"), rows)


def _row(vote: Vote, world: World) -> tuple[str, ...]:
    cast = len(world.ballots_of(vote.id))
    return (vote.id, vote.state.value, f"{cast}/{len(vote.electorate)}", outcome_text(vote), vote.question)


def outcome_text(vote: Vote) -> str:
    """Say how a vote ended, or how long it is open yet."""
    if vote.outcome is None:
        return f"open for {duration(vote.deadline - now())}"
    return f"decided: {vote.winner}" if vote.winner is not None else vote.outcome.value.replace("_", " ")


@vote.command(name="show", cls=Verb, examples=("supervisor vote show V1", "supervisor vote show 1 --json"))
@click.argument("vote_id", metavar="ID")
@project_option
@json_option
def show_vote(*, vote_id: str, project: Path, as_json: bool) -> None:
    """Show one vote with its ballots and their reasons."""
    from supervisor.cli.engine_door import view
    from supervisor.errors import NotFound
    from supervisor.model.ids import number_of
    from supervisor.model.ids import vote_id as spell
    from supervisor.model.vote import tally
    from supervisor.model.wire import to_wire

    seen = view(project)
    wanted = spell(number_of(vote_id, "V"))
    found = seen.world.votes.get(wanted)
    if found is None:
        raise NotFound(f"there is no vote {wanted}. See `supervisor vote list`")
    ballots = seen.world.ballots_of(wanted)
    facts: dict[str, Any] = {
        "vote": to_wire(found),
        "tally": tally(found, ballots),
        "ballots": [to_wire(ballot) for ballot in ballots],
    }
    if as_json:
        print_json("vote_show", live=seen.live, **facts)
    else:
        for line in _page(found, facts):
            say(line)


def _page(vote: Vote, facts: dict[str, Any]) -> list[str]:
    counts: dict[str, int] = facts["tally"]
    ballots = facts["ballots"]
    widest = max(len(option) for option in counts)
    most = max(1, *counts.values())
    lines = [f"{vote.id}  {vote.question}", f"  {outcome_text(vote)}; opened by {vote.opened_by}"]
    lines.append(f"  ballots {len(ballots)} of {len(vote.electorate)}, quorum {vote.quorum}")
    lines += [
        f"  {option:<{widest}}  {'#' * (BAR * count // most):<{BAR}} {count}"
        for option, count in counts.items()
    ]
    missing = [voter for voter in vote.electorate if voter not in {ballot["voter"] for ballot in ballots}]
    lines += [f"  {each['voter']}: {each['choice']}. {each['rationale']}" for each in ballots]
    return lines + ([f"  not yet: {', '.join(missing)}"] if missing else [])
