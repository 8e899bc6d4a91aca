"""Verbs that keep a file of tasks and the team in step: push, pull, diff, status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import note, print_json, print_table, say
from supervisor.errors import EngineNotRunning

if TYPE_CHECKING:
    from supervisor.cli.engine_door import View
    from supervisor.config.task_file import TaskFile
    from supervisor.model.milestone import Milestone
    from supervisor.model.task import Task, TaskState

F = TypeVar("F", bound=Callable[..., Any])


def file_argument(function: F) -> F:
    """Add the file, by default `tasks.toml` of the project."""
    return click.argument("file", type=click.Path(path_type=Path), required=False)(function)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A file and what the team has of it."""

    path: Path
    file: TaskFile
    key: str
    seen: View
    milestone: Milestone | None
    tasks: dict[str, Task]

    @property
    def states(self) -> dict[str, TaskState]:
        """Return where the team's tasks stand, by the file's ids."""
        return {key: task.state for key, task in self.tasks.items()}

    def to_write(self) -> dict[str, TaskState]:
        """Return the states that the file has otherwise."""
        return self.file.differing(self.states)


def _pair(project: Path, given: Path | None) -> _Pair:
    from supervisor.cli.engine_door import view
    from supervisor.cli.plan_push import key_of_file, milestone_of, tasks_of
    from supervisor.config.planned import read_text
    from supervisor.config.task_file import read_tasks

    path = given or project / "tasks.toml"
    file = read_tasks(read_text(path), path.name)
    key, seen = key_of_file(path, project), view(project)
    milestone = milestone_of(seen, key)
    return _Pair(
        path=path, file=file, key=key, seen=seen, milestone=milestone, tasks=tasks_of(seen, milestone)
    )


@click.group()
def sync() -> None:
    """Keep a tasks.toml and the team's tasks in step."""


@sync.command(cls=Verb, examples=("supervisor sync push", "supervisor sync push work/tasks.toml --json"))
@file_argument
@project_option
@json_option
def push(*, file: Path | None, project: Path, as_json: bool) -> None:
    """Make the file's tasks the team's, or bring those pushed before up to date.

    Pushing twice changes nothing. `parent` and `depends_on` are waited for; states are the team's own:
    `supervisor sync pull` writes them into the file.
    """
    from supervisor.cli.plan_push import show_pushed

    pair = _pair(project, file)
    pushed = _pushed(pair, project, "plan_push")
    if as_json:
        print_json("sync_push", key=pair.key, **pushed)
    else:
        show_pushed(pushed, pair.file.planned, rehearsed=False)


def _pushed(pair: _Pair, project: Path, verb: str) -> dict[str, Any]:
    from supervisor.cli.engine_door import ask
    from supervisor.cli.plan_push import plan_args

    args = plan_args(pair.file.planned, pair.seen, keep=pair.tasks, key=pair.key)
    pushed: dict[str, Any] = ask(project, verb, **args)
    return pushed


@sync.command(cls=Verb, examples=("supervisor sync pull", "supervisor sync pull work/tasks.toml"))
@file_argument
@project_option
@json_option
def pull(*, file: Path | None, project: Path, as_json: bool) -> None:
    """Write the states of the team's tasks into the file. Nothing else of it changes."""
    from supervisor.config.planned import write_text
    from supervisor.config.task_file import with_states

    pair = _pair(project, file)
    wanted = pair.to_write()
    if wanted:
        write_text(pair.path, with_states(pair.file, wanted), instead_of=pair.file.text)
    if as_json:
        print_json("sync_pull", key=pair.key, written=_told(pair, wanted))
        return
    for each in _told(pair, wanted):
        say(f"{each['id']}: {each['file']} -> {each['written']}")
    note(f"{len(wanted)} of {len(pair.tasks)} states written into {pair.path.name}")


def _told(pair: _Pair, wanted: dict[str, TaskState]) -> list[dict[str, str]]:
    from supervisor.config.task_file import WRITTEN

    return [
        {"id": key, "task": pair.tasks[key].id, "file": pair.file.statuses[key], "written": WRITTEN[state]}
        for key, state in wanted.items()
    ]


@sync.command(cls=Verb, examples=("supervisor sync diff", "supervisor sync diff --json"))
@file_argument
@project_option
@json_option
def diff(*, file: Path | None, project: Path, as_json: bool) -> None:
    """Show what a push would change in the team, and what a pull would change in the file."""
    from supervisor.cli.plan_push import show_pushed

    pair = _pair(project, file)
    if not pair.seen.live:
        raise EngineNotRunning(f"no engine runs on {project}, so what a push would do cannot be told")
    pushed = _pushed(pair, project, "plan_preview")
    wanted = _told(pair, pair.to_write())
    if as_json:
        print_json("sync_diff", key=pair.key, push=pushed, pull=wanted)
        return
    note("push, from the file to the team:")
    show_pushed(pushed, pair.file.planned, rehearsed=True)
    note("pull, from the team to the file:")
    for each in wanted:
        say(f"would write {each['id']}: {each['file']} -> {each['written']}")
    note(f"{len(wanted)} states to write")


@sync.command(cls=Verb, examples=("supervisor sync status", "supervisor sync status work/tasks.toml --json"))
@file_argument
@project_option
@json_option
def status(*, file: Path | None, project: Path, as_json: bool) -> None:
    """Show each task of the file: what the file says of it, and where it stands."""
    from supervisor.model.progress import progress
    from supervisor.model.wire import to_wire

    pair = _pair(project, file)
    so_far = progress(pair.tasks.values())
    rows = [_row(pair, key, word) for key, word in pair.file.statuses.items()]
    if as_json:
        names = ("id", "file", "task", "state", "who", "title")
        print_json(
            "sync_status",
            live=pair.seen.live,
            key=pair.key,
            milestone=to_wire(pair.milestone),
            progress=to_wire(so_far),
            tasks=[dict(zip(names, row, strict=True)) for row in rows],
        )
        return
    print_table(("ID", "FILE", "TASK", "STATE", "WHO", "TITLE"), rows)
    pushed = f"{pair.milestone.id}, {so_far.percent}%" if pair.milestone else "not pushed in this run"
    note(f"{pair.path.name}: {pushed}; {so_far.ended} of {len(rows)} ended, {len(pair.to_write())} to pull")


def _row(pair: _Pair, key: str, word: str) -> tuple[str, ...]:
    planned = next(each for each in pair.file.planned.tasks if each.key == key)
    task = pair.tasks.get(key)
    if task is None:
        return (key, word, "-", "-", planned.whom or "-", planned.title)
    why = f" ({', '.join(task.blocked_by)})" if task.blocked_by else ""
    who = task.holder or task.author or task.assignee or "-"
    return (key, word, task.id, f"{task.state.value}{why}", who, task.title)
