"""Verbs about votes: open, list, show, close and decide."""

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
RULES = ("plurality", "majority", "two_thirds", "unanimous")
TIES = ("human", "first", "none")
"""The rules that a person's vote can have; `opener` needs a ballot of the opener's own."""


@click.group()
def vote() -> None:
    """Open, list, show, close and decide votes."""


@vote.command(
    name="open",
    cls=Verb,
    examples=(
        'supervisor vote open "Ship it?" --option yes --option no --to group:council',
        'supervisor vote open "Which?" --option a --option b --to role:judge --rule two_thirds --quorum all',
    ),
)
@click.argument("question")
@click.option("--option", "options", multiple=True, metavar="WORDS", help="An option; give 2 to 20.")
@click.option(
    "--to", "electorate", multiple=True, metavar="ADDRESS", help="Who votes: NAME, role:R, group:G, all."
)
@click.option(
    "--quorum", default="majority", show_default=True, help="Ballots needed: majority, all, any or a number."
)
@click.option(
    "--rule",
    type=click.Choice(RULES),
    default=RULES[0],
    show_default=True,
    help="What the leading option needs; abstentions are not counted.",
)
@click.option("--tie", type=click.Choice(TIES), default=TIES[0], show_default=True, help="What breaks a tie.")
@click.option(
    "--deadline", type=float, default=300.0, show_default=True, metavar="SECONDS", help="How long it is open."
)
@click.option("--to-the-end", is_flag=True, help="Stay open for reasons even when its end is settled.")
@click.option("--tell", multiple=True, metavar="ADDRESS", help="Who is told the result too.")
@project_option
@json_option
def open_vote(*, project: Path, as_json: bool, to_the_end: bool, deadline: float, **asked: Any) -> None:
    """Put QUESTION to agents, each of whom has one ballot.

    Who may vote is fixed now. The result goes to the voters, to you and to whom you `--tell`.
    """
    from supervisor.cli.engine_door import ask

    words = {key: list(value) if isinstance(value, tuple) else value for key, value in asked.items()}
    answer = ask(project, "vote_open", deadline_s=deadline, early=not to_the_end, **words)
    if as_json:
        print_json("vote_open", **answer)
    else:
        opened = answer["vote"]
        say(f"{opened['id']} opened to {', '.join(opened['electorate'])}; quorum {opened['quorum']}")


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
    by = " by a person" if vote.decided_by is not None else ""
    return f"decided{by}: {vote.winner}" if vote.winner is not None else vote.outcome.value.replace("_", " ")


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
    lines.append(f"  rule {vote.rule.value.replace('_', ' ')}, tie {vote.tie.value}")
    lines += [
        f"  {option:<{widest}}  {'#' * (BAR * count // most):<{BAR}} {count}"
        for option, count in counts.items()
    ]
    missing = [voter for voter in vote.electorate if voter not in {ballot["voter"] for ballot in ballots}]
    lines += [f"  {each['voter']}: {each['choice']}. {each['rationale']}" for each in ballots]
    return lines + ([f"  not yet: {', '.join(missing)}"] if missing else [])


@vote.command(
    name="close", cls=Verb, examples=("supervisor vote close V1", 'supervisor vote close 1 --reason "enough"')
)
@click.argument("vote_id", metavar="ID")
@click.option("--reason", default="", help="Why; the voters read it.")
@project_option
@json_option
def close_vote(*, vote_id: str, reason: str, project: Path, as_json: bool) -> None:
    """Close a vote now and count its ballots."""
    from supervisor.cli.approval_verbs import refuse_agents

    refuse_agents(project, "close a vote")
    _act(project, "vote_close", as_json=as_json, vote_id=vote_id, reason=reason)


@vote.command(
    name="decide", cls=Verb, examples=("supervisor vote decide V1 yes", "supervisor vote decide V2 a --json")
)
@click.argument("vote_id", metavar="ID")
@click.argument("option")
@click.option("--reason", default="", help="Why; the voters read it.")
@project_option
@json_option
def decide_vote(*, vote_id: str, option: str, reason: str, project: Path, as_json: bool) -> None:
    """Settle a tie: choose OPTION among those that lead."""
    from supervisor.cli.approval_verbs import refuse_agents

    refuse_agents(project, "settle a tie")
    _act(project, "vote_decide", as_json=as_json, vote_id=vote_id, option=option, reason=reason)


def _act(project: Path, verb: str, *, as_json: bool, **args: Any) -> None:
    """Have the engine act on a vote and print how it stands then."""
    from supervisor.cli.engine_door import ask
    from supervisor.model.vote import Vote
    from supervisor.model.wire import from_wire

    answer = ask(project, verb, **args)
    if as_json:
        print_json(verb, **answer)
        return
    counts = ", ".join(f"{option}: {count}" for option, count in answer["tally"].items())
    say(f"{answer['vote']['id']} {outcome_text(from_wire(Vote, answer['vote']))} ({counts})")
