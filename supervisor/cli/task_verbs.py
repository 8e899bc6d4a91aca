"""Verbs about tasks: list, show, add, cancel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, indented, now, print_json, print_table, say
from supervisor.model.escape import visible

if TYPE_CHECKING:
    from supervisor.model.event import Event
    from supervisor.model.task import Checkpoint, Note, Task
    from supervisor.model.world import World

STATES = ("blocked", "pending", "in_progress", "in_review", "done", "failed", "cancelled", "skipped")


@click.group()
def task() -> None:
    """List, show, add and cancel tasks."""


@task.command(
    name="list",
    cls=Verb,
    examples=("supervisor task list", "supervisor task list --state blocked", "supervisor task list --json"),
)
@project_option
@click.option("--state", type=click.Choice(STATES), multiple=True, help="Only in this state.")
@click.option("--tag", multiple=True, help="Only with this tag.")
@json_option
def list_tasks(*, project: Path, state: tuple[str, ...], tag: tuple[str, ...], as_json: bool) -> None:
    """List the run's tasks and why they wait."""
    from supervisor.cli.engine_door import view
    from supervisor.model.wire import to_wire

    seen = view(project)
    chosen = [
        each
        for each in seen.world.run_tasks()
        if (not state or each.state.value in state) and set(tag) <= set(each.tags)
    ]
    if as_json:
        print_json("task_list", live=seen.live, tasks=[to_wire(each) for each in chosen])
    else:
        heads = ("ID", "STATE", "PRIORITY", "WHO", "DONE", "TITLE")
        print_table(heads, [_row(each) for each in chosen])


def _row(task: Task) -> tuple[str, ...]:
    who = task.holder or task.reviewer or task.author or task.assignee or "-"
    why = f"  ({why_blocked(task)})" if task.blocked_by else ""
    return (
        task.id,
        task.state.value,
        task.priority.name.lower(),
        who,
        f"{100 if task.state.value == 'done' else task.percent}%",
        f"{task.title}{why}",
    )


def why_blocked(task: Task) -> str:
    """Say why a task waits: `dependency: T1, T2`."""
    reasons = ", ".join(reason.value.replace("_", " ") for reason in task.blocked_by)
    return f"{reasons}: {', '.join(task.depends_on)}" if task.depends_on else reasons


@task.command(name="show", cls=Verb, examples=("supervisor task show T4", "supervisor task show 4 --json"))
@click.argument("task_id", metavar="ID")
@project_option
@json_option
def show_task(*, task_id: str, project: Path, as_json: bool) -> None:
    """Show one task in full.

    Criteria, dependencies both ways, notes, checkpoint, result and history.
    """
    from supervisor.cli.event_loop import run_async

    facts = run_async(_task_facts(project, task_id))
    if as_json:
        print_json("task_show", **facts)
    else:
        for line in task_page(facts):
            say(line)


async def _task_facts(project: Path, spelled: str) -> dict[str, Any]:
    from supervisor.cli.engine_door import connected, read_view
    from supervisor.errors import EngineNotRunning
    from supervisor.model.ids import number_of
    from supervisor.model.ids import task_id as spell

    wanted = spell(number_of(spelled, "T"))
    try:
        async with connected(project) as client:
            facts: dict[str, Any] = await client.call("task_show", task_id=wanted)
            return facts
    except EngineNotRunning:
        seen = await read_view(project)
        return facts_from(seen.world, wanted)


def facts_from(world: World, wanted: str) -> dict[str, Any]:
    """Gather what an engine would answer, without the history, from the state on disk."""
    from supervisor.errors import NotFound
    from supervisor.model.wire import to_wire

    found = world.tasks.get(wanted)
    if found is None:
        raise NotFound(f"there is no task {wanted}. See `supervisor task list`")
    dependents = [each for each in world.tasks.values() if wanted in each.depends_on]
    return {
        "task": to_wire(found),
        "notes": to_wire(world.notes_of(wanted)),
        "checkpoint": to_wire(world.tables["checkpoint"].get(wanted)),
        "dependencies": [to_wire(world.tasks[each]) for each in found.depends_on if each in world.tasks],
        "dependents": to_wire(dependents),
        "events": [],
    }


def task_page(facts: dict[str, Any]) -> list[str]:
    """Spell one task in full, from what an engine or `facts_from` answers."""
    from supervisor.model.task import Checkpoint, Note, Task
    from supervisor.model.wire import from_wire

    shown = from_wire(Task, facts["task"])
    lines = [f"{shown.id}  {shown.title}", *_standing(shown)]
    if shown.description:
        lines += ["", *indented(shown.description)]
    lines += _listed("criteria", [f"- {each}" for each in shown.criteria])
    lines += _listed("depends on", [_short(from_wire(Task, each)) for each in facts["dependencies"]])
    lines += _listed("needed by", [_short(from_wire(Task, each)) for each in facts["dependents"]])
    lines += _listed("notes", [_note(from_wire(Note, each)) for each in facts["notes"]])
    if facts["checkpoint"] is not None:
        lines += _checkpoint(from_wire(Checkpoint, facts["checkpoint"]))
    lines += _listed("review said", [shown.feedback] if shown.feedback else [])
    lines += _listed("result", [shown.result] if shown.result else [])
    return lines + _history(facts["events"])


def _standing(task: Task) -> list[str]:
    facts = {
        "state": f"{task.state.value}{f' ({why_blocked(task)})' if task.blocked_by else ''}",
        "priority": task.priority.name.lower(),
        "held by": task.holder,
        "worked on by": task.author,
        "reviewed by": task.reviewer,
        "reserved for": task.assignee or task.required_role,
        "progress": f"{task.percent}% {task.action}" if task.percent or task.action else None,
        "tags": ", ".join(task.tags),
        "attempts": f"{task.token} (failures {task.failures}, given back {task.releases})"
        if task.token
        else None,
        "created by": f"{task.creator}, {duration(now() - task.created_at)} ago",
    }
    return [f"  {name:<13} {fact}" for name, fact in facts.items() if fact]


def _listed(head: str, items: list[str]) -> list[str]:
    lines = [line for item in items for line in indented(item)]
    return ["", f"  {head}:", *lines] if items else []


def _short(task: Task) -> str:
    return visible(f"{task.id} {task.state.value}  {task.title}")


def _note(note: Note) -> str:
    return f"{note.author}: {note.body}"


def _checkpoint(checkpoint: Checkpoint) -> list[str]:
    done = [f"done: {each}" for each in checkpoint.completed]
    left = [f"left: {each}" for each in checkpoint.remaining]
    return _listed(f"checkpoint of {checkpoint.author}, {checkpoint.percent}%", [*done, *left])


def _history(events: list[Any]) -> list[str]:
    from supervisor.cli.event_verbs import event_line
    from supervisor.model.event import Event
    from supervisor.model.wire import from_wire

    told: list[Event] = [from_wire(Event, each) for each in events]
    return _listed("history", [event_line(event) for event in told])


@task.command(
    name="add",
    cls=Verb,
    examples=(
        'supervisor task add "measure the start-up time" --priority high --tag speed',
        'supervisor task add "write it down" --after T4 --criterion "has a figure" --review',
    ),
)
@click.argument("title")
@project_option
@click.option("--description", "-d", default="", help="What is to be done, in full.")
@click.option(
    "--priority",
    type=click.Choice(["critical", "high", "normal", "low"]),
    default="normal",
    show_default=True,
    help="How soon.",
)
@click.option("--tag", multiple=True, help="A tag; workers can be asked for by tags.")
@click.option("--criterion", multiple=True, help="What must hold for it to be accepted.")
@click.option("--after", multiple=True, metavar="ID", help="A task that must be done before.")
@click.option("--review", is_flag=True, help="A judge must approve the result.")
@click.option("--assignee", metavar="AGENT", help="Reserve it for this agent.")
@json_option
def add_task(
    *,
    title: str,
    project: Path,
    description: str,
    priority: str,
    tag: tuple[str, ...],
    criterion: tuple[str, ...],
    after: tuple[str, ...],
    review: bool,
    assignee: str | None,
    as_json: bool,
) -> None:
    """Add a task to the run."""
    from supervisor.cli.engine_door import ask
    from supervisor.model.ids import number_of
    from supervisor.model.ids import task_id as spell

    answer = ask(
        project,
        "task_add",
        title=title,
        description=description,
        priority=priority,
        tags=list(tag),
        criteria=list(criterion),
        depends_on=[spell(number_of(each, "T")) for each in after],
        review=review,
        assignee=assignee,
    )
    _tell_task(answer, "added", as_json=as_json)


@task.command(name="cancel", cls=Verb, examples=('supervisor task cancel T4 --reason "no longer needed"',))
@click.argument("task_id", metavar="ID")
@project_option
@click.option("--reason", required=True, help="Why; its holder will read it.")
@json_option
def cancel_task(*, task_id: str, project: Path, reason: str, as_json: bool) -> None:
    """Cancel a task. Whoever holds it is told to stop."""
    _change(project, "task_cancel", task_id, told="cancelled", as_json=as_json, reason=reason)


@task.command(name="unblock", cls=Verb, examples=("supervisor task unblock T4",))
@click.argument("task_id", metavar="ID")
@project_option
@json_option
def unblock_task(*, task_id: str, project: Path, as_json: bool) -> None:
    """Let a task that waits for a person be claimed again."""
    _change(project, "task_unblock", task_id, told="unblocked", as_json=as_json)


@task.command(name="approve", cls=Verb, examples=('supervisor task approve T4 --note "well done"',))
@click.argument("task_id", metavar="ID")
@project_option
@click.option("--note", default="", help="Kept with the task.")
@json_option
def approve_task(*, task_id: str, project: Path, note: str, as_json: bool) -> None:
    """Accept the work of a task in review, in place of a judge."""
    judged = {"decision": "approve", "feedback": note}
    _change(project, "task_judge", task_id, told="approved", as_json=as_json, **judged)


@task.command(name="reject", cls=Verb, examples=('supervisor task reject T4 --feedback "no tests"',))
@click.argument("task_id", metavar="ID")
@project_option
@click.option("--feedback", required=True, help="What is missing; its author will read it.")
@json_option
def reject_task(*, task_id: str, project: Path, feedback: str, as_json: bool) -> None:
    """Send the work of a task in review back to its author."""
    judged = {"decision": "reject", "feedback": feedback}
    _change(project, "task_judge", task_id, told="sent back", as_json=as_json, **judged)


def _change(project: Path, verb: str, task_id: str, *, told: str, as_json: bool, **more: str) -> None:
    from supervisor.cli.engine_door import ask
    from supervisor.model.ids import number_of
    from supervisor.model.ids import task_id as spell

    answer = ask(project, verb, task_id=spell(number_of(task_id, "T")), **more)
    _tell_task(answer, told, as_json=as_json)


def _tell_task(answer: dict[str, Any], told: str, *, as_json: bool) -> None:
    if as_json:
        print_json("task", **answer)
    else:
        say(f"{told} {answer['task']['id']} {answer['task']['title']} ({answer['task']['state']})")
