"""Verbs that read what happened: logs and events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import note, say
from supervisor.errors import EngineNotRunning, NotFound

if TYPE_CHECKING:
    from supervisor.model.event import Event

PAGE = 1000


@click.command(
    cls=Verb,
    examples=(
        "supervisor logs                        # the last lines of every agent",
        "supervisor logs worker-2 -f            # go on as it writes",
        "supervisor logs engine -n 200          # what the engine said",
    ),
)
@click.argument("agent", required=False)
@project_option
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is written.")
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), default=20, show_default=True, help="Lines of each log."
)
def logs(*, agent: str | None, project: Path, follow: bool, lines: int) -> None:
    """Print the last lines of logs.

    Of AGENT's, or of all; `engine` is the engine's own.
    """
    from supervisor.cli.event_loop import run_async
    from supervisor.workspace.state_dir import open_state

    directory = open_state(project, create=False).logs
    chosen = _chosen_logs(directory, agent)
    if not chosen:
        note(f"there are no logs in {directory} yet")
    width = max((len(name) for name in chosen), default=0) if agent is None else 0
    if follow:
        run_async(_follow_all(chosen, lines, width))
    else:
        _print_last(chosen, lines, width)


def _print_last(chosen: dict[str, Path], count: int, width: int) -> None:
    from supervisor.headless.log_copy import safe_line
    from supervisor.logs.tail import last_lines

    for name, path in chosen.items():
        for line in last_lines(path, count):
            say(_tagged(name, safe_line(line), width))


def _chosen_logs(directory: Path, agent: str | None) -> dict[str, Path]:
    """Find the wanted logs by name; raise NotFound that names those there are."""
    import difflib

    found = {path.stem: path for path in sorted(directory.glob("*.log")) if not path.is_symlink()}
    if agent is None:
        return found
    if agent not in found:
        near = difflib.get_close_matches(agent, found, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(found) or 'none'}"
        raise NotFound(f"there is no log of `{agent}`; {hint}")
    return {agent: found[agent]}


def _tagged(name: str, line: str, width: int) -> str:
    return f"{name:<{width}} | {line}" if width else line


async def _follow_all(chosen: dict[str, Path], count: int, width: int) -> None:
    import asyncio

    async with asyncio.TaskGroup() as group:
        for name, path in chosen.items():
            group.create_task(_follow_one(name, path, count, width))


async def _follow_one(name: str, path: Path, count: int, width: int) -> None:
    from supervisor.headless.log_copy import safe_line
    from supervisor.logs.tail import follow

    async for line in follow(path, last=count):
        say(_tagged(name, safe_line(line), width))


@click.command(
    cls=Verb,
    examples=(
        "supervisor events                      # the last 50",
        "supervisor events -f                   # go on as things happen",
        "supervisor events --since 0 --json     # the whole log, one JSON object per line",
    ),
)
@project_option
@click.option("-f", "--follow", is_flag=True, help="Go on as events come; needs a running engine.")
@click.option("--since", type=click.IntRange(min=0), metavar="N", help="Begin after event number N.")
@click.option(
    "-n",
    "--last",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Without --since: how many.",
)
@json_option
def events(*, project: Path, follow: bool, since: int | None, last: int, as_json: bool) -> None:
    """Print what happened, in order."""
    from supervisor.cli.event_loop import run_async

    run_async(_print_events(project, since=since, last=last, follow=follow, as_json=as_json))


async def _print_events(project: Path, *, since: int | None, last: int, follow: bool, as_json: bool) -> None:
    from supervisor.cli.engine_door import connected, events_page, read_view

    seen = await read_view(project)
    if follow and not seen.live:
        raise EngineNotRunning(f"no engine runs on {project}, so nothing will happen to follow")
    seq = since if since is not None else max(0, seen.snapshot.version - last)
    if not seen.live:
        while page := await events_page(project, None, since=seq, limit=PAGE):
            seq = _print_page(page, as_json=as_json)
        return
    async with connected(project) as client:
        while page := await events_page(project, client, since=seq, limit=PAGE):
            seq = _print_page(page, as_json=as_json)
    if follow:
        await _follow_events(project, seq, as_json=as_json)


async def _follow_events(project: Path, seq: int, *, as_json: bool) -> None:
    """Print from the feed; whatever lies between the printed events and a snapshot is fetched."""
    from contextlib import aclosing

    from supervisor.cli.engine_door import connected, events_page
    from supervisor.model.event import Event
    from supervisor.model.world import Snapshot

    async with connected(project) as client, aclosing(client.feed()) as feed:
        async for frame in feed:
            if isinstance(frame, Snapshot):
                while page := await events_page(project, client, since=seq, limit=PAGE):
                    seq = _print_page(page, as_json=as_json)
            elif isinstance(frame, Event) and frame.seq > seq:
                seq = _print_page([frame], as_json=as_json)


def _print_page(page: list[Event], *, as_json: bool) -> int:
    """Print events and return the number of the last one."""
    from supervisor.headless.json_line import json_line, versioned
    from supervisor.model.wire import to_wire

    for event in page:
        say(json_line(versioned("event", event=to_wire(event))) if as_json else event_line(event))
    return page[-1].seq


def event_line(event: Event) -> str:
    """Spell one event for people: number, local time, who, what, to what, why."""
    import time

    at = time.strftime("%H:%M:%S", time.localtime(event.at))
    because = f": {event.reason}" if event.reason else ""
    text = f"{event.seq:>6} {at} {event.actor} {event.kind} {event.subject}{because}"
    return " ".join(text.splitlines())
