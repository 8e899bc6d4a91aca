"""Verbs about messages: send and inbox."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, indented, now, print_json, say
from supervisor.errors import InvalidArgument, NotFound, UsageInvalid

if TYPE_CHECKING:
    from supervisor.model.message import Message
    from supervisor.model.world import World


@click.command(
    cls=Verb,
    examples=(
        'supervisor send worker-2 "leave the tests alone"',
        'supervisor send role:judge "be strict about figures" --urgent',
        "git diff | supervisor send all -       # the text from standard input",
        "supervisor send worker-2 stop --priority critical --ttl 600",
    ),
)
@click.argument("to")
@click.argument("text")
@project_option
@click.option("--urgent", is_flag=True, help="Overtakes other messages and wakes the reader.")
@click.option("--thread", default="", help="The thread it belongs to.")
@click.option("--kind", help="What it is about: info, query, task, result, stage, …")
@click.option("--priority", help="critical, high, normal or low.")
@click.option("--ttl", "ttl_s", type=float, metavar="SECONDS", help="Expires unread after this time.")
@click.option("--correlation-id", help="Your own id of what it belongs to.")
@click.option("--payload", metavar="JSON", help="Data for programs, an object.")
@json_option
def send(
    *, to: str, text: str, project: Path, urgent: bool, thread: str, as_json: bool, **more: str | float | None
) -> None:
    """Send a message to agents.

    TO is an agent's name, `role:NAME`, `group:NAME` or `all`. TEXT `-` reads standard input.
    """
    from supervisor.cli.engine_door import ask
    from supervisor.model.message import MESSAGE_MAX

    given: dict[str, Any] = {name: value for name, value in more.items() if value is not None}
    if "payload" in given:
        given["payload"] = _object(given["payload"])

    body = sys.stdin.read(MESSAGE_MAX + 1) if text == "-" else text
    if not body.strip():
        raise UsageInvalid("the message is empty; nothing was sent")
    if len(body.encode("utf-8", "surrogatepass")) > MESSAGE_MAX:
        raise UsageInvalid(f"the message is over {MESSAGE_MAX} bytes; nothing was sent")
    answer = ask(project, "send", to=to, body=body, urgent=urgent, thread=thread, **given)
    if as_json:
        print_json("send", **answer)
        return
    say(f"{answer['message']['id']} sent to {', '.join(answer['recipients'])}")
    for mailbox in answer["mailboxes"]:
        if _is_away(mailbox["state"]):
            say(f"{mailbox['name']} is {mailbox['state']}: it waits there until the agent runs")


def _object(text: str) -> dict[str, Any]:
    from supervisor.model.message import MESSAGE_PAYLOAD_MAX
    from supervisor.transports import strict_json

    payload = strict_json.loads(text.encode("utf-8", "surrogatepass"), limit=MESSAGE_PAYLOAD_MAX)
    if not isinstance(payload, dict):
        raise UsageInvalid("--payload is a JSON object, e.g. '{\"files\": 3}'; nothing was sent")
    return payload


def _is_away(state: str | None) -> bool:
    """Tell whether a mailbox's owner is an agent that does not run."""
    from supervisor.model.agent import ALIVE

    return state is not None and state not in ALIVE


@click.command(
    cls=Verb,
    examples=(
        "supervisor inbox                       # what you have not acknowledged",
        "supervisor inbox --ack M5 --ack M7     # acknowledge two",
        "supervisor inbox --ack all             # acknowledge everything",
        "supervisor inbox --dead                # what agents could not deal with",
    ),
)
@project_option
@click.option("--all", "everything", is_flag=True, help="Also what was acknowledged.")
@click.option("--ack", multiple=True, metavar="ID", help="Acknowledge this message, or `all`.")
@click.option("--dead", is_flag=True, help="Show the dead letters instead, as `supervisor dead list`.")
@json_option
def inbox(*, project: Path, everything: bool, ack: tuple[str, ...], dead: bool, as_json: bool) -> None:
    """Show the messages to you, or acknowledge some. The newest comes last."""
    from supervisor.cli.dead_verbs import show_dead
    from supervisor.cli.engine_door import view
    from supervisor.model.task import Priority
    from supervisor.model.wire import to_wire

    if dead:
        if everything or ack:
            raise UsageInvalid("`--dead` stands alone")
        show_dead(project, as_json=as_json)
        return
    if ack:
        _acknowledge(project, ack, as_json=as_json)
        return
    messages = messages_for_human(view(project).world, everything=everything)
    if as_json:
        print_json("inbox", messages=[to_wire(message) for message in messages])
        return
    at = now()
    for message in messages:
        mark = " URGENT" if message.urgent else ""
        mark += "" if message.priority is Priority.NORMAL else f", {message.priority.name.lower()}"
        age = duration(at - message.at)
        say(f"{message.id} from {message.sender}, {age} ago, {message.kind.value}{mark}")
        for line in indented(message.body):
            say(line)
    if not messages:
        say("no messages" if everything else "no unread messages")


def messages_for_human(world: World, *, everything: bool) -> list[Message]:
    """List the messages delivered to the person, oldest first."""
    from supervisor.cli.team_verbs import unread_for_human
    from supervisor.model.ids import HUMAN

    wanted = unread_for_human(world)
    if everything:
        wanted = [copy.message for copy in world.deliveries.values() if copy.recipient == HUMAN]
    found = [world.messages[message] for message in wanted if message in world.messages]
    return sorted(found, key=lambda message: message.at)


def _acknowledge(project: Path, ids: tuple[str, ...], *, as_json: bool) -> None:
    from supervisor.cli.engine_door import ask, view
    from supervisor.cli.team_verbs import unread_for_human
    from supervisor.model.ids import message_id, number_of

    if "all" in ids:
        if len(ids) > 1:
            raise InvalidArgument("`--ack all` stands alone")
        wanted = unread_for_human(view(project).world)
    else:
        wanted = [message_id(number_of(each, "M")) for each in ids]
    answer = ask(project, "ack", ids=wanted) if wanted else {"acked": 0}
    if not answer["acked"] and "all" not in ids:
        raise NotFound("none of these is an unread message to you. See `supervisor inbox`")
    if as_json:
        print_json("ack", **answer)
    else:
        say(f"acknowledged {answer['acked']}")
