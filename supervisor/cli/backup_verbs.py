"""Verbs that copy the project's database and put a copy back: backup and restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from supervisor.cli import asking
from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, note, now, print_json, say
from supervisor.errors import StoreError, UsageInvalid

if TYPE_CHECKING:
    from supervisor.engine.backups import Contents, Restored


@click.command(
    cls=Verb,
    examples=(
        "supervisor backup                      # to .supervisor/backups/, named by the time",
        "supervisor backup /mnt/stick/team.db   # to a file of your own; never replaces one",
        "supervisor backup --json | jq -r .file",
    ),
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@project_option
@click.option("--force", is_flag=True, help="Replace FILE if it is there already.")
@json_option
def backup(*, file: Path | None, project: Path, force: bool, as_json: bool) -> None:
    """Copy the database, also while the team works.

    The copy is one file with everything that was answered when it began. It is checked as by `fsck`
    before it gets its name. Archived events and logs are files of their own and not in it.
    """
    from supervisor.cli.event_loop import run_async
    from supervisor.clock import SystemClock
    from supervisor.engine.backups import back_up

    target = None if file is None else file.absolute()
    made = run_async(back_up(project, target, replace=force, clock=SystemClock()))
    if as_json:
        print_json("backup", file=str(made.path), events=made.events, until=made.until)
        return
    say(f"{made.path}")
    note(f"{_told(made)}. Put it back with: supervisor restore {made.path}")


@click.command(
    cls=Verb,
    examples=(
        "supervisor restore .supervisor/backups/coordinator-20250131T235959Z.db",
        "supervisor restore /mnt/stick/team.db --yes --json | jq -r .kept",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@project_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
def restore(*, file: Path, project: Path, yes: bool, as_json: bool) -> None:
    """Put a copy of the database back.

    Only while no engine runs. FILE is checked first and stays as it is; the present database is kept
    beside the new one. Keys of outside agents are taken no more afterwards: rotate those that you want.
    """
    from supervisor.cli.event_loop import run_async
    from supervisor.clock import SystemClock
    from supervisor.engine.backups import contents_of
    from supervisor.engine.backups import restore as put_back

    source = file.absolute()
    if not source.is_file():
        raise UsageInvalid(f"there is no file {source}. See `ls {project / '.supervisor' / 'backups'}`.")
    if not yes:
        _confirm(contents_of(source), project / ".supervisor" / "coordinator.db")
    done = run_async(put_back(project, source, clock=SystemClock()))
    if as_json:
        kept = None if done.kept is None else str(done.kept)
        keys, tasks = list(done.fenced.keys), done.fenced.tasks
        counts = {"events": done.contents.events, "until": done.contents.until}
        print_json("restore", file=str(source), kept=kept, **counts, tasks_fenced=tasks, keys_ended=keys)
        return
    _tell(done, source)


def _confirm(copy: Contents, database: Path) -> None:
    """Have the person say that this is meant; raise UsageInvalid if nobody can be asked."""
    from supervisor.engine.backups import contents_of

    try:
        present = _told(contents_of(database)) if database.exists() else "none"
    except StoreError as error:
        present = f"cannot be read: {error.message}"
    if not asking.somebody_is_here():
        raise UsageInvalid("nobody can be asked here; nothing was changed. Give --yes if it is meant")
    note(f"copy:     {_told(copy)}")
    note(f"present:  {present}")
    note("What is in the present database and not in the copy will no longer count; it is kept as a file.")
    if not click.confirm("Put the copy in its place?", err=True):
        raise UsageInvalid("not confirmed; nothing was changed")


def _tell(done: Restored, source: Path) -> None:
    say(f"{done.contents.path} is now a copy of {source}: {_told(done.contents)}")
    if done.kept is not None:
        say(f"the replaced database is kept as {done.kept}")
        say(f"to undo: supervisor restore {done.kept}")
    if done.fenced.keys:
        say("no key of an outside agent is taken any more. For each that shall go on:")
    for name in done.fenced.keys:
        say(f"  supervisor key rotate {name}")
    note("next: supervisor up")


def _told(contents: Contents) -> str:
    if contents.until is None:
        return "no events"
    return f"{contents.events} events, the last one {duration(now() - contents.until)} ago"
