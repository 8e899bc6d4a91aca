"""Verbs about the event log: events, archive, replay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from supervisor.cli.border import Verb
from supervisor.cli.moment import Moment, read_moment, read_time
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import note, say
from supervisor.errors import EngineNotRunning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.cli.event_source import EventSource, LogPage
    from supervisor.model.event import Event, EventFilter


@click.command(
    cls=Verb,
    examples=(
        "supervisor events                      # the last 50",
        "supervisor events -f --since 2h        # what happened in two hours, then as things happen",
        "supervisor events --kind task.failed --actor worker-2",
        "supervisor events --since 0 --json     # the whole log, one JSON object per line",
    ),
)
@project_option
@click.option("-f", "--follow", is_flag=True, help="Go on as events come; needs a running engine.")
@click.option(
    "--since", callback=read_moment, metavar="N|TIME", help="Begin after event number N, or after a time."
)
@click.option(
    "-n",
    "--last",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Without --since: how many.",
)
@click.option("--limit", type=click.IntRange(min=0), metavar="COUNT", help="With --since: at most so many.")
@click.option(
    "--kind", multiple=True, metavar="KIND", help="Only of this kind: `task.done`, or all of `task`."
)
@click.option("--subject", default="", metavar="ID", help="Only about this: `T4`, `worker-1`, `M7/planner`.")
@click.option("--actor", default="", metavar="NAME", help="Only by this agent, `human` or `supervisor`.")
@click.option("--run", type=click.IntRange(min=0), metavar="NUMBER", help="Only of this run.")
@json_option
def events(
    *,
    project: Path,
    follow: bool,
    since: Moment | None,
    last: int,
    limit: int | None,
    kind: tuple[str, ...],
    subject: str,
    actor: str,
    run: int | None,
    as_json: bool,
) -> None:
    """Print what happened, in order.

    Events that were archived are read from their files.
    """
    from supervisor.cli.event_loop import run_async
    from supervisor.model.event import EventFilter

    wanted = EventFilter(kinds=kind, subject=subject, actor=actor, run=run)
    printer = EventPrinter(as_json=as_json, limit=limit if since is not None else None)
    run_async(_print_events(project, printer, wanted, since=since, last=last, follow=follow))


class EventPrinter:
    """Prints events as they are read, up to a limit, and once for each file that is missing."""

    def __init__(self, *, as_json: bool, limit: int | None = None) -> None:
        self._as_json = as_json
        self._left = limit
        self._gone: set[str] = set()

    @property
    def full(self) -> bool:
        """Tell whether nothing more is to be printed."""
        return self._left is not None and self._left <= 0

    def events(self, some: Iterable[Event]) -> None:
        """Print events."""
        from supervisor.headless.json_line import json_line, versioned
        from supervisor.model.wire import to_wire

        for event in some:
            if self.full:
                return
            line = json_line(versioned("event", event=to_wire(event))) if self._as_json else event_line(event)
            say(line)
            self._left = None if self._left is None else self._left - 1

    def gone(self, names: Iterable[str]) -> None:
        """Say which files of the archive were removed, so that their events are missing here."""
        for name in names:
            if name not in self._gone:
                self._gone.add(name)
                note(f"{name} was removed from the archive; its events are left out")


async def _print_events(
    project: Path,
    printer: EventPrinter,
    wanted: EventFilter,
    *,
    since: Moment | None,
    last: int,
    follow: bool,
) -> None:
    from supervisor.cli.event_source import event_source

    try:
        async with event_source(project, live=follow) as source:
            if since is None:
                seen = await _print_last(source, printer, wanted, last)
            else:
                seen = await _print_after(source, printer, wanted, since.seq or 0, since_time=since.at)
    except EngineNotRunning as error:
        if follow:
            raise EngineNotRunning(
                f"no engine runs on {project}, so nothing will happen to follow"
            ) from error
        raise
    if follow:
        await _follow_events(project, printer, wanted, seen)


async def _print_after(
    source: EventSource,
    printer: EventPrinter,
    wanted: EventFilter,
    since: int,
    *,
    since_time: float | None = None,
) -> int:
    """Print page by page until there is no more; return the number of the last event looked at."""
    while not printer.full:
        page = await source.page(since, wanted, since_time=since_time)
        printer.gone(page.gone)
        printer.events(page.events)
        if page.until >= page.last:
            return page.until
        since, since_time = page.until, None
    return since


async def _print_last(source: EventSource, printer: EventPrinter, wanted: EventFilter, count: int) -> int:
    """Print the newest `count` wanted events, looking back page by page; return the newest number."""
    from supervisor.cli.event_source import PAGE

    newest = (await source.page(0, wanted, limit=1)).last
    found: list[Event] = []
    upto = newest
    while len(found) < count and upto > 0:
        since = max(0, upto - PAGE)
        page: LogPage = await source.page(since, wanted, upto=upto)
        printer.gone(page.gone)
        found[:0] = page.events
        upto = since
    printer.events(found[-count:] if count else ())
    return newest


async def _follow_events(project: Path, printer: EventPrinter, wanted: EventFilter, seen: int) -> None:
    """Print from the feed; whatever lies between the printed events and a snapshot is fetched."""
    from contextlib import aclosing

    from supervisor.cli.engine_door import connected
    from supervisor.cli.event_source import EngineSource
    from supervisor.model.event import Event
    from supervisor.model.world import Snapshot

    async with connected(project) as client, aclosing(client.feed()) as feed:
        async for frame in feed:
            if printer.full:
                return
            if isinstance(frame, Snapshot):
                seen = await _print_after(EngineSource(client), printer, wanted, seen)
            elif isinstance(frame, Event) and frame.seq > seen:
                seen = frame.seq
                printer.events(filter(wanted.takes, [frame]))


def event_line(event: Event) -> str:
    """Spell one event for people: number, local time, who, what, to what, why."""
    import time

    at = time.strftime("%H:%M:%S", time.localtime(event.at))
    because = f": {event.reason}" if event.reason else ""
    text = f"{event.seq:>6} {at} {event.actor} {event.kind} {event.subject}{because}"
    return " ".join(text.splitlines())


@click.command(
    cls=Verb,
    examples=(
        "supervisor archive                     # what the profile says: older than 30 days, say",
        "supervisor archive --dry-run           # say what would go",
        "supervisor archive --keep 7            # all ended runs told before the last seven days",
    ),
)
@project_option
@click.option("--before", callback=read_time, metavar="TIME", help="Move what ended runs told before this.")
@click.option(
    "--keep", type=click.FloatRange(min=0), metavar="DAYS", help="Move what is older than so many days."
)
@click.option("--dry-run", is_flag=True, help="Say what would be moved; change nothing.")
@json_option
def archive(*, project: Path, before: float | None, keep: float | None, dry_run: bool, as_json: bool) -> None:
    """Move old events out of the database.

    They go to files in `.supervisor/archive/`, where every verb still reads them. Events of an
    unfinished run always stay.
    """
    from supervisor.cli.archiving import archive_all
    from supervisor.cli.event_loop import run_async
    from supervisor.cli.output import now

    if before is not None and keep is not None:
        raise click.UsageError("give `--before` or `--keep`, not both")
    limit = before if keep is None else now() - keep * 86_400.0
    run_async(archive_all(project, before=limit, dry_run=dry_run, as_json=as_json))


@click.command(
    cls=Verb,
    examples=(
        "supervisor replay --at 120             # the team after event 120",
        "supervisor replay --at 14:30 --task T4",
        "supervisor replay --check              # fold the whole log and compare it with the state",
    ),
)
@project_option
@click.option("--at", callback=read_moment, metavar="N|TIME", help="After event number N, or at a time.")
@click.option("--task", "task_id", metavar="ID", help="Show one task as it was.")
@click.option("--check", is_flag=True, help="Compare the fold of all events with the state; exit code 6.")
@json_option
@click.pass_context
def replay(
    ctx: click.Context,
    *,
    project: Path,
    at: Moment | None,
    task_id: str | None,
    check: bool,
    as_json: bool,
) -> None:
    """Show the state as it was, rebuilt from the events.

    Needs no engine and changes nothing; without `--at` the newest state.
    """
    from supervisor.cli.event_loop import run_async
    from supervisor.cli.replaying import check_fold, show_state, show_task

    if check:
        if at is not None or task_id is not None:
            raise click.UsageError("`--check` folds the whole log: it takes neither `--at` nor `--task`")
        ctx.exit(run_async(check_fold(project, as_json=as_json)))
    if task_id is not None:
        run_async(show_task(project, at, task_id, as_json=as_json))
    else:
        run_async(show_state(project, at, as_json=as_json))
