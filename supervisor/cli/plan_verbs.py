"""Verbs about plans: import, create, list, show, close, and the form to write them in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from supervisor.cli.asking import confirm
from supervisor.cli.border import Verb
from supervisor.cli.key_verbs import Time
from supervisor.cli.options import ignored_project_option, json_option, project_option
from supervisor.cli.output import duration, note, now, print_json, print_table, say
from supervisor.errors import EngineNotRunning, NotFound, UsageInvalid

if TYPE_CHECKING:
    from supervisor.cli.engine_door import View
    from supervisor.config.planned import Planned
    from supervisor.model.milestone import Milestone
    from supervisor.model.task import Task

F = TypeVar("F", bound=Callable[..., Any])

KINDS: Final = ("plan", "sprint", "mission", "pipeline", "loop")
STDIN: Final = "-"


def plan_options(function: F) -> F:
    """Add what a plan's file cannot say about its milestone."""
    for option in reversed(_PLAN_OPTIONS):
        function = option(function)
    return function


_PLAN_OPTIONS: Final = (
    click.option(
        "--kind",
        type=click.Choice(KINDS),
        default=KINDS[0],
        show_default=True,
        help="A pipeline goes task by task, a loop begins again when all have ended.",
    ),
    click.option("--name", help="Its name, in place of the file's."),
    click.option("--branch", default="", help="The branch its work belongs to; shown to agents."),
    click.option("--label", default="", help="The project it belongs to; shown to agents."),
    click.option(
        "--review/--no-review", default=None, help="Whether its tasks need approval, if they do not say."
    ),
    click.option("--wip", type=click.IntRange(0, 1000), default=0, help="How many at once; 0 is no limit."),
    click.option(
        "--cycles", type=click.IntRange(0, 10_000), default=1, help="Of a loop: how often; 0 until closed."
    ),
    click.option("--interval", type=Time(), metavar="TIME", help="Of a loop: not sooner than this, e.g. 1h."),
)


@click.group()
def plan() -> None:
    """Turn files into tasks; list, show and close milestones."""


@plan.command(
    name="import",
    cls=Verb,
    examples=(
        "supervisor plan import docs/PRD.md --dry-run",
        "supervisor plan import docs/PRD.md                  # again after each change of the file",
        "supervisor plan import sprint-12.md --kind sprint --milestone-key sprint-12",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@project_option
@plan_options
@click.option(
    "--milestone-key", metavar="KEY", help="Under which it is known when pushed again; else its path."
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be created and changed.")
@json_option
def import_plan(
    *, file: Path, project: Path, milestone_key: str | None, dry_run: bool, as_json: bool, **said: Any
) -> None:
    """Make tasks of a markdown file, or bring those made before up to date.

    Lists become tasks, headings tracks and waves: see `supervisor plan template`. Tasks that somebody
    works on or that have ended are left alone and reported as conflicts.
    """
    from supervisor.cli.engine_door import ask
    from supervisor.cli.plan_push import (
        key_of_file,
        milestone_of,
        plan_args,
        show_pushed,
        tasks_of,
        unassigned,
    )

    planned = _planned(file)
    key = milestone_key or key_of_file(file, project)
    seen = _team(project, needed=not dry_run)
    if seen is None:
        pushed = _unseen(unassigned(planned))
    else:
        known = tasks_of(seen, milestone_of(seen, key))
        args = plan_args(planned, seen, keep=known, key=key, **_milestone_args(said))
        pushed = ask(project, "plan_preview" if dry_run else "plan_push", **args)
    if as_json:
        print_json("plan_import", dry_run=dry_run, live=seen is not None, key=key, **pushed)
    else:
        show_pushed(pushed, planned, rehearsed=dry_run)


@plan.command(
    cls=Verb,
    examples=(
        "supervisor plan create tasks.md --kind pipeline",
        "supervisor plan create - --name Chores",
    ),
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@project_option
@plan_options
@json_option
def create(*, file: Path, project: Path, as_json: bool, **said: Any) -> None:
    """Make a new milestone of a markdown file, or of standard input, each time anew."""
    from supervisor.cli.engine_door import ask, view
    from supervisor.cli.plan_push import plan_args

    planned = _planned(file)
    args = plan_args(planned, view(project), **_milestone_args(said))
    answer = ask(project, "plan_create", **args)
    if as_json:
        print_json("plan_create", **answer)
        return
    milestone = answer["milestone"]
    say(f"created {milestone['id']} {milestone['name']} ({milestone['kind']}), {len(answer['tasks'])} tasks")
    for task in answer["tasks"]:
        say(f"  {task['id']} {task['title']} ({task['state']})")


def _milestone_args(said: dict[str, Any]) -> dict[str, Any]:
    """Turn the options of a plan into the arguments of the verb; what was not given is left out."""
    args = {
        "kind": said["kind"],
        "name": said["name"],
        "branch": said["branch"],
        "project": said["label"],
        "review": said["review"],
        "wip": said["wip"],
        "max_cycles": said["cycles"],
        "min_interval_s": said["interval"],
    }
    if said["kind"] != "loop" and (said["cycles"] != 1 or said["interval"]):
        raise UsageInvalid("--cycles and --interval are for --kind loop; nothing was sent")
    return {name: value for name, value in args.items() if value not in (None, "")}


def _planned(file: Path) -> Planned:
    """Read a plan; raise UsageInvalid if it holds no tasks, with what turns prose into some."""
    from supervisor.config.plan_text import read_plan
    from supervisor.config.planned import FILE_MAX, decoded, read_text

    if str(file) == STDIN:
        text = decoded(sys.stdin.buffer.read(FILE_MAX + 1), "standard input")
    else:
        text = read_text(file)
    planned = read_plan(text, "standard input" if str(file) == STDIN else file.name)
    if not planned.tasks:
        raise UsageInvalid(
            f"{planned.shown_as} has no list, so it has no tasks. "
            f"Have an agent turn its prose into some: supervisor plan template --prompt {file}"
        )
    return planned


def _team(project: Path, *, needed: bool) -> View | None:
    """Return the team's present state; None if no engine runs and none is needed."""
    from supervisor.cli.engine_door import view

    try:
        seen = view(project)
    except EngineNotRunning:
        if needed:
            raise
        return None
    return seen if seen.live or needed else None


def _unseen(planned: Planned) -> dict[str, Any]:
    """Say what a file would become in a team that has nothing yet."""
    note("no engine runs here; this is what the file says, for a new run")
    todo = planned.without_met()
    return {
        "milestone": {"id": "", "name": planned.name},
        "created": {task.key: "" for task in todo},
        **{what: {} for what in ("updated", "unchanged", "conflicts")},
        "only_here": [],
    }


@plan.command(name="list", cls=Verb, examples=("supervisor plan list", "supervisor plan list --json"))
@project_option
@json_option
def list_plans(*, project: Path, as_json: bool) -> None:
    """List the run's milestones and how far they are."""
    from supervisor.cli.engine_door import view
    from supervisor.model.progress import progress
    from supervisor.model.wire import to_wire

    seen = view(project)
    found = [each for each in seen.world.milestones.values() if each.run == seen.world.run]
    standing = [(each, progress(_tasks(seen, each))) for each in found]
    if as_json:
        listed = [to_wire(each) | {"progress": to_wire(so_far)} for each, so_far in standing]
        print_json("plan_list", live=seen.live, milestones=listed)
        return
    rows = [
        (
            each.id,
            each.kind.value,
            each.state.value,
            f"{so_far.percent}%",
            f"{so_far.ended}/{so_far.total}",
            each.name,
        )
        for each, so_far in standing
    ]
    print_table(("ID", "KIND", "STATE", "DONE", "TASKS", "NAME"), rows)
    if not rows:
        note("no milestones; make one with `supervisor plan import FILE.md`")


def _tasks(seen: View, milestone: Milestone) -> list[Task]:
    return [each for each in seen.world.run_tasks() if each.milestone == milestone.id]


@plan.command(cls=Verb, examples=("supervisor plan show P1", "supervisor plan show P1 --json"))
@click.argument("milestone_id", metavar="ID")
@project_option
@json_option
def show(*, milestone_id: str, project: Path, as_json: bool) -> None:
    """Show a milestone: its goal, how far it is, and its tasks by wave and track."""
    from supervisor.cli.engine_door import view
    from supervisor.model.ids import milestone_id as spell
    from supervisor.model.ids import number_of
    from supervisor.model.progress import progress
    from supervisor.model.wire import to_wire

    wanted = spell(number_of(milestone_id, "P"))
    seen = view(project)
    milestone = seen.world.milestones.get(wanted)
    if milestone is None:
        raise NotFound(f"there is no milestone {wanted}. See `supervisor plan list`")
    tasks = _tasks(seen, milestone)
    if as_json:
        facts = {
            "milestone": to_wire(milestone),
            "progress": to_wire(progress(tasks)),
            "tasks": to_wire(tasks),
        }
        print_json("plan_show", live=seen.live, **facts)
        return
    for line in plan_lines(milestone, tasks, now()):
        say(line)


def plan_lines(milestone: Milestone, tasks: list[Task], at: float) -> list[str]:
    """Spell a milestone with its tasks."""
    from supervisor.cli.output import indented
    from supervisor.model.progress import progress

    so_far = progress(tasks)
    standing = f"{milestone.state.value}, {so_far.percent}%, {so_far.ended} of {so_far.total} ended"
    lines = [f"{milestone.id}  {milestone.name}", f"  {milestone.kind.value}, {standing}"]
    if milestone.kind.value == "loop":
        bound = f" of {milestone.max_cycles}" if milestone.max_cycles else ""
        due = f", the next in {duration(milestone.next_cycle_at - at)}" if milestone.next_cycle_at else ""
        lines.append(f"  cycle {milestone.cycle}{bound}{due}")
    lines += [f"  key {milestone.key}"] if milestone.key else []
    lines += indented(milestone.goal)
    place: tuple[int, str | None] | None = None
    for task in sorted(
        tasks, key=lambda each: (each.wave, each.track or "", each.order, len(each.id), each.id)
    ):
        if (task.wave, task.track) != place:
            place = (task.wave, task.track)
            lines += ["", f"  {_place(task)}:"]
        why = f": {', '.join(task.blocked_by)}" if task.blocked_by else ""
        who = task.holder or task.author or task.assignee or ""
        lines.append(f"    {task.id} {task.state.value}{why}  {task.title}{f'  ({who})' if who else ''}")
    return lines


def _place(task: Task) -> str:
    parts = [f"wave {task.wave}" if task.wave else "", f"track {task.track}" if task.track else ""]
    return ", ".join(part for part in parts if part) or "tasks"


@plan.command(
    cls=Verb,
    examples=(
        "supervisor plan close P1",
        'supervisor plan close P1 --now --reason "the customer left" --yes',
    ),
)
@click.argument("milestone_id", metavar="ID")
@project_option
@click.option("--now", "at_once", is_flag=True, help="Cancel its open tasks too.")
@click.option("--reason", default="", help="Why; whoever loses a task reads it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def close(*, milestone_id: str, project: Path, at_once: bool, reason: str, yes: bool, as_json: bool) -> None:
    """End a milestone when its open tasks have ended: a loop begins no further cycle.

    With --now its open tasks are cancelled, and whoever holds one is told to stop.
    """
    from supervisor.cli.engine_door import ask
    from supervisor.model.ids import milestone_id as spell
    from supervisor.model.ids import number_of

    wanted = spell(number_of(milestone_id, "P"))
    if at_once and not yes:
        confirm(f"Cancel {wanted} and all its open tasks? [y/N] ")
    answer = ask(project, "milestone_close", milestone_id=wanted, reason=reason, now=at_once)
    if as_json:
        print_json("plan_close", **answer)
        return
    closed = answer["milestone"]
    stands = "ends with its open tasks" if closed["state"] == "open" else f"is {closed['state']}"
    say(f"{closed['id']} {closed['name']} {stands}")


@plan.command(
    cls=Verb,
    examples=("supervisor plan template", "supervisor plan template --prompt docs/PRD.md"),
)
@ignored_project_option
@click.option(
    "--prompt",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Print what to tell an agent, so that it turns this file's prose into the form.",
)
@json_option
def template(*, prompt: Path | None, as_json: bool) -> None:
    """Print the form of a plan, or the words that have an agent write one."""
    from supervisor.config.plan_template import PLAN_TEMPLATE, prompt_for
    from supervisor.config.planned import read_text

    text = PLAN_TEMPLATE if prompt is None else prompt_for(read_text(prompt))
    if as_json:
        print_json("plan_template", text=text)
    else:
        click.echo(visible_lines(text), nl=False)


def visible_lines(text: str) -> str:
    """Spell text of several lines so that no character of it acts on a terminal."""
    from supervisor.model.escape import visible

    return visible(text, newlines=True)
