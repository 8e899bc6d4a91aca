"""Verbs about tasks: list, show, add; those that change one are in `steering_verbs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from supervisor.cli.border import Verb
from supervisor.cli.check_options import checks_options, wired_checks
from supervisor.cli.key_verbs import Time
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import now, print_json, print_table, say
from supervisor.cli.steering_verbs import (
    POLICIES,
    PRIORITIES,
    ROLES,
    STEERING,
    spelled_task,
    spelled_tasks,
    tell_task,
)
from supervisor.cli.task_page import facts_from, task_page, why_blocked

if TYPE_CHECKING:
    from supervisor.model.task import Task

STATES: Final = ("blocked", "pending", "in_progress", "in_review", "done", "failed", "cancelled", "skipped")
SUMS: Final = {"all": frozenset(STATES), "open": frozenset(STATES[:4]), "ended": frozenset(STATES[4:])}
"""Words for several states at once."""


@click.group()
def task() -> None:
    """List, explain, add, change and end tasks."""


@task.command(
    name="list",
    cls=Verb,
    examples=(
        "supervisor task list",
        "supervisor task list --state open --milestone P1",
        "supervisor task list --mine-for worker-1 --json",
    ),
)
@project_option
@click.option(
    "--state",
    type=click.Choice((*SUMS, *STATES)),
    multiple=True,
    help="Only in this state: one of the eight, open, ended or all; may be repeated.",
)
@click.option("--tag", multiple=True, help="Only with this tag.")
@click.option("--milestone", metavar="ID", help="Only of this milestone.")
@click.option("--parent", metavar="ID", help="Only the children of this task.")
@click.option("--mine-for", metavar="AGENT", help="Only what this agent holds, reviews, or has reserved.")
@json_option
def list_tasks(
    *,
    project: Path,
    state: tuple[str, ...],
    tag: tuple[str, ...],
    milestone: str | None,
    parent: str | None,
    mine_for: str | None,
    as_json: bool,
) -> None:
    """List the run's tasks and why they wait."""
    from supervisor.cli.engine_door import view
    from supervisor.model.ids import milestone_id, number_of
    from supervisor.model.wire import to_wire

    states = frozenset[str]().union(*(SUMS.get(each, {each}) for each in state)) or SUMS["all"]
    within = None if milestone is None else milestone_id(number_of(milestone, "P"))
    above = None if parent is None else spelled_task(parent)
    seen = view(project)
    chosen = [
        each
        for each in seen.world.run_tasks()
        if each.state.value in states
        and set(tag) <= set(each.tags)
        and within in {None, each.milestone}
        and above in {None, each.parent}
        and (mine_for is None or _concerns(each, mine_for))
    ]
    if as_json:
        print_json("task_list", live=seen.live, tasks=[to_wire(each) for each in chosen])
    else:
        heads = ("ID", "STATE", "PRIORITY", "WHO", "DONE", "TITLE")
        print_table(heads, [_row(each) for each in chosen])


def _concerns(task: Task, agent: str) -> bool:
    """Tell whether a task is an agent's own: held, reviewed, reserved, or its work under review."""
    in_review = task.author if task.state.value == "in_review" else None
    return agent in {task.holder, task.reviewer, in_review, None if task.is_terminal else task.assignee}


def _row(task: Task) -> tuple[str, ...]:
    who = task.holder or task.reviewer or task.author or task.assignee or "-"
    why = f"  ({why_blocked(task)})" if task.blocked_by else ""
    return (
        task.id,
        f"{task.state.value} (checks run)" if task.is_verifying else task.state.value,
        task.priority.name.lower(),
        who,
        f"{100 if task.state.value == 'done' else task.percent}%",
        f"{task.title}{why}",
    )


@task.command(name="show", cls=Verb, examples=("supervisor task show T4", "supervisor task show 4 --json"))
@click.argument("task_id", metavar="ID")
@project_option
@json_option
def show_task(*, task_id: str, project: Path, as_json: bool) -> None:
    """Show one task in full.

    Criteria, dependencies both ways, children, board, notes, checkpoint, result and history.
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

    wanted = spelled_task(spelled)
    try:
        async with connected(project) as client:
            facts: dict[str, Any] = await client.call("task_show", task_id=wanted)
            return facts
    except EngineNotRunning:
        seen = await read_view(project)
        return facts_from(seen.world, wanted)


@task.command(
    name="add",
    cls=Verb,
    examples=(
        'supervisor task add "measure the start-up time" --priority high --tag speed',
        'supervisor task add "write it down" --after T4,T5 --criterion "has a figure" --review',
        'supervisor task add "mend the parser" --check "tests = pytest -q tests/parser" --check-timeout 5m',
        'supervisor task add "deploy" --milestone P1 --track main --order 3 --human-gate --delay 10m',
    ),
)
@click.argument("title")
@project_option
@click.option("--description", "-d", default="", help="What is to be done, in full.")
@click.option("--instructions", default="", help="Words for whoever does it, beside the description.")
@click.option(
    "--priority",
    type=click.Choice(PRIORITIES),
    default="normal",
    show_default=True,
    help="How soon.",
)
@click.option("--complexity", type=click.IntRange(1, 10), help="1 (minutes) to 10 (unknown ground).")
@click.option("--tag", multiple=True, help="A tag to find it by; may be repeated.")
@click.option("--criterion", multiple=True, help="What must hold for it to be accepted; may be repeated.")
@click.option("--after", multiple=True, metavar="ID", help="Tasks that it waits for: T1,T2; may be repeated.")
@click.option(
    "--on",
    type=click.Choice(POLICIES),
    default=POLICIES[0],
    show_default=True,
    help="What of them lets it go on: done; ended (done, skipped or cancelled); any end, a failure too.",
)
@click.option(
    "--on-lost",
    type=click.Choice(("hold", "cancel", "proceed")),
    default="hold",
    show_default=True,
    help="What becomes of it when they can no longer let it go on.",
)
@click.option("--parent", metavar="ID", help="The task it is a part of, which waits for it.")
@click.option(
    "--join",
    type=click.Choice(("all", "any")),
    default="all",
    show_default=True,
    help="Which of its own children it waits for: all to end, or one to be done.",
)
@click.option("--milestone", metavar="ID", help="The milestone it belongs to.")
@click.option("--track", metavar="NAME", help="A track of the milestone, which goes by order.")
@click.option("--order", type=click.IntRange(min=0), default=0, help="Its place in the track.")
@click.option("--wave", type=click.IntRange(min=0), default=0, help="Its wave: it waits for all lower ones.")
@click.option("--assignee", metavar="AGENT", help="Reserve it for this agent.")
@click.option("--role", type=click.Choice(ROLES), help="Only agents of this role.")
@click.option("--requires", multiple=True, metavar="TAG", help="Only agents with this tag; may be repeated.")
@click.option("--group", help="Only agents of this group.")
@click.option("--work-role", default="", metavar="WORDS", help="As what to do it: a word for the agent.")
@click.option(
    "--review/--no-review", default=None, help="Whether a judge must approve it; else as the milestone says."
)
@click.option("--human-gate", is_flag=True, help="A person must approve it, no judge.")
@click.option("--approvals", type=click.IntRange(1, 20), default=1, help="How many must approve it.")
@checks_options
@click.option("--delay", type=Time(), metavar="TIME", help="Not before this time has passed, e.g. 5m.")
@json_option
def add_task(*, title: str, project: Path, as_json: bool, **given: Any) -> None:
    """Add a task to the run."""
    from supervisor.cli.engine_door import ask

    tell_task(ask(project, "task_add", title=title, **_wanted(given)), "added", as_json=as_json)


def _wanted(given: dict[str, Any]) -> dict[str, Any]:
    """Turn the options of `task add` into the arguments of the verb; what was not given is left out."""
    gated = given["human_gate"] or given["approvals"] > 1
    review = True if gated and given["review"] is None else given["review"]
    named = ("description", "instructions", "priority", "complexity", "on", "on_lost", "join", "milestone")
    placed = ("track", "order", "wave", "assignee", "work_role")
    wanted = {name: given[name] for name in (*named, *placed)} | {
        "tags": list(given["tag"]),
        "criteria": list(given["criterion"]),
        "depends_on": spelled_tasks(given["after"]),
        "parent": None if given["parent"] is None else spelled_task(given["parent"]),
        "required_role": given["role"],
        "required_tags": list(given["requires"]),
        "required_group": given["group"],
        "review": review,
        "gate": "human" if given["human_gate"] else None,
        "approvals_needed": given["approvals"] if given["approvals"] > 1 else None,
        "not_before": None if given["delay"] is None else now() + given["delay"],
        "checks": wired_checks(given["check"], given["check_timeout"]),
    }
    return {name: value for name, value in wanted.items() if value or value is False}


for verb in STEERING:
    task.add_command(verb)
