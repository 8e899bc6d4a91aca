"""Verbs about dead letters: list them, put them back, or drop them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from supervisor.cli import asking
from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, now, print_json, print_table, say
from supervisor.errors import InvalidArgument, UsageInvalid

if TYPE_CHECKING:
    from supervisor.model.message import Delivery, Message
    from supervisor.model.world import World

ALL = "all"


@click.group()
def dead() -> None:
    """See mail that nobody could deal with, and decide about it.

    A copy that was fetched three times and never acknowledged is a dead letter.
    """


@dead.command(name="list", cls=Verb, examples=("supervisor dead list", "supervisor dead list --json"))
@project_option
@json_option
def list_dead(*, project: Path, as_json: bool) -> None:
    """List the dead letters, the oldest message first."""
    show_dead(project, as_json=as_json)


def show_dead(project: Path, *, as_json: bool) -> None:
    """Print the dead letters."""
    from supervisor.cli.engine_door import view
    from supervisor.model.wire import to_wire

    seen = view(project)
    letters = dead_letters(seen.world)
    if as_json:
        listed = [{"message": to_wire(message), "delivery": to_wire(copy)} for message, copy in letters]
        print_json("dead_list", live=seen.live, dead=listed)
    elif letters:
        at = now()
        print_table(
            ("COPY", "FROM", "KIND", "AGE", "FETCHED", "MESSAGE"),
            [_row(message, copy, at) for message, copy in letters],
        )
    else:
        say("no dead letters")


def dead_letters(world: World) -> list[tuple[Message, Delivery]]:
    """List the dead copies with their messages, the oldest message first."""
    from supervisor.model.ids import number_of
    from supervisor.model.message import DeliveryState

    found = [
        (world.messages[copy.message], copy)
        for copy in world.deliveries.values()
        if copy.state is DeliveryState.DEAD and copy.message in world.messages
    ]
    return sorted(found, key=lambda each: (number_of(each[0].id, "M"), each[1].recipient))


def _row(message: Message, copy: Delivery, at: float) -> tuple[str, ...]:
    age, text = duration(at - message.at), " ".join(message.body.split())
    return (copy.key, message.sender, message.kind.value, age, str(copy.attempts), text)


@dead.command(
    cls=Verb,
    examples=(
        "supervisor dead requeue M5/worker-1",
        'supervisor dead requeue M5 M7 --reason "the parser is mended"',
        "supervisor dead requeue all",
    ),
)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@project_option
@click.option("--reason", default="", help="Why; it goes into the log.")
@json_option
def requeue(*, ids: tuple[str, ...], project: Path, reason: str, as_json: bool) -> None:
    """Put dead letters back into their mailboxes, as if nobody had fetched them.

    ID is a copy (`M5/worker-1`), a message (`M5`: all its dead copies), or `all`.
    """
    from supervisor.cli.approval_verbs import refuse_agents
    from supervisor.cli.engine_door import ask

    refuse_agents(project, "put back dead letters")
    wanted = _wanted(project, ids)
    answer = ask(project, "dead_requeue", ids=wanted, reason=reason) if wanted else {"requeued": []}
    if as_json:
        print_json("dead_requeue", **answer)
    else:
        say(f"put back {', '.join(answer['requeued'])}" if answer["requeued"] else "no dead letters")


@dead.command(
    cls=Verb,
    examples=(
        'supervisor dead drop M5/worker-1 --reason "no longer wanted"',
        "supervisor dead drop all --yes",
    ),
)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@project_option
@click.option("--reason", default="", help="Why; it goes into the log.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def drop(*, ids: tuple[str, ...], project: Path, reason: str, yes: bool, as_json: bool) -> None:
    """Take dead letters as dealt with: nobody will read them.

    ID is a copy (`M5/worker-1`), a message (`M5`: all its dead copies), or `all`.
    """
    from supervisor.cli.approval_verbs import refuse_agents
    from supervisor.cli.engine_door import ask

    refuse_agents(project, "drop dead letters")
    wanted = _wanted(project, ids)
    if wanted and not yes:
        _confirm(wanted)
    answer = ask(project, "dead_drop", ids=wanted, reason=reason) if wanted else {"dropped": []}
    if as_json:
        print_json("dead_drop", **answer)
    else:
        say(f"dropped {', '.join(answer['dropped'])}" if answer["dropped"] else "no dead letters")


def _wanted(project: Path, ids: tuple[str, ...]) -> list[str]:
    from supervisor.cli.engine_door import view

    if ALL not in ids:
        return list(ids)
    if len(ids) > 1:
        raise InvalidArgument("`all` stands alone")
    return [copy.key for _, copy in dead_letters(view(project).world)]


def _confirm(wanted: list[str]) -> None:
    """Have the person say that this is meant; raise UsageInvalid if nobody can be asked."""
    if not asking.somebody_is_here():
        raise UsageInvalid("nobody can be asked here; nothing was dropped. Give --yes")
    if not click.confirm(f"Nobody will read {', '.join(wanted)}. Drop?", err=True):
        raise UsageInvalid("not confirmed; nothing was dropped")
