"""Verbs that change a task which exists: edit, assign, link, hold, withdraw, reopen, free, judge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from supervisor.cli.asking import confirm
from supervisor.cli.border import Verb
from supervisor.cli.check_options import checks_options, wired_checks
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import note, print_json, say
from supervisor.errors import UsageInvalid

F = TypeVar("F", bound=Callable[..., Any])

PRIORITIES: Final = ("critical", "high", "normal", "low")
POLICIES: Final = ("done", "ended", "any")
ROLES: Final = ("worker", "solo")
"""The roles whose agents claim tasks."""

task_argument = click.argument("task_id", metavar="ID")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def reason_option(*, required: bool, say_why: str) -> Callable[[F], F]:
    """Add `--reason`."""
    return click.option("--reason", required=required, default=None if required else "", help=say_why)


def spelled_task(words: str) -> str:
    """Spell a task's id as the engine does: `T4` for `4` or `t4`."""
    from supervisor.model.ids import number_of, task_id

    return task_id(number_of(words, "T"))


def spelled_tasks(given: tuple[str, ...]) -> list[str]:
    """Spell every id of lists such as `T1,T2`, each once."""
    words = [word.strip() for each in given for word in each.split(",")]
    return list(dict.fromkeys(spelled_task(word) for word in words if word))


def change(project: Path, verb: str, task_id: str, told: str, *, as_json: bool, **more: Any) -> None:
    """Have the engine change one task, and say how it stands then."""
    from supervisor.cli.engine_door import ask

    tell_task(ask(project, verb, task_id=spelled_task(task_id), **more), told, as_json=as_json)


def tell_task(answer: dict[str, Any], told: str, *, as_json: bool) -> None:
    """Print a task that was changed."""
    if as_json:
        print_json("task", **answer)
    else:
        found = answer["task"]
        why = f": {', '.join(found['blocked_by'])}" if found.get("blocked_by") else ""
        say(f"{told} {found['id']} {found['title']} ({found['state']}{why})")


@click.command(
    cls=Verb,
    examples=(
        'supervisor task edit T4 --title "measure the cold start" --priority high',
        'supervisor task edit T4 --criterion "has a figure" --criterion "says how it was measured"',
        "supervisor task edit T4 --no-tags",
    ),
)
@task_argument
@project_option
@click.option("--title", help="The new title.")
@click.option("--description", "-d", help="The new description.")
@click.option("--priority", type=click.Choice(PRIORITIES), help="How soon.")
@click.option("--tag", multiple=True, help="A tag, in place of those it has; may be repeated.")
@click.option("--no-tags", is_flag=True, help="Take all its tags away.")
@click.option("--criterion", multiple=True, help="A criterion, in place of those it has; may be repeated.")
@click.option("--complexity", type=click.IntRange(1, 10), help="1 (minutes) to 10 (unknown ground).")
@click.option("--review/--no-review", default=None, help="Whether somebody must approve the result.")
@click.option("--instructions", help="Words for whoever does it.")
@checks_options
@click.option("--no-checks", is_flag=True, help="Take all its checks away.")
@json_option
def edit(
    *,
    task_id: str,
    project: Path,
    tag: tuple[str, ...],
    no_tags: bool,
    criterion: tuple[str, ...],
    check: tuple[str, ...],
    check_timeout: float | None,
    no_checks: bool,
    as_json: bool,
    **words: Any,
) -> None:
    """Change what an open task says. Its holder sees it at its next look."""
    if tag and no_tags:
        raise UsageInvalid("--tag and --no-tags contradict each other; nothing was changed")
    if check and no_checks:
        raise UsageInvalid("--check and --no-checks contradict each other; nothing was changed")
    wanted = {name: value for name, value in words.items() if value is not None}
    if tag or no_tags:
        wanted["tags"] = list(tag)
    if criterion:
        wanted["criteria"] = list(criterion)
    if check or no_checks:
        wanted["checks"] = wired_checks(check, check_timeout)
    if not wanted:
        raise UsageInvalid("say what is to change, e.g. --title or --priority; nothing was changed")
    change(project, "task_update", task_id, "changed", as_json=as_json, edit=wanted)


@click.command(
    cls=Verb,
    examples=(
        "supervisor task assign T4 worker-2",
        "supervisor task assign T4 --requires rust --requires gpu",
        "supervisor task assign T4 --anyone",
    ),
)
@task_argument
@click.argument("agent", required=False)
@project_option
@click.option("--anyone", is_flag=True, help="Let anybody who claims tasks take it.")
@click.option("--role", type=click.Choice(ROLES), help="Only agents of this role.")
@click.option("--requires", multiple=True, metavar="TAG", help="Only agents with this tag; may be repeated.")
@click.option("--group", help="Only agents of this group.")
@click.option("--work-role", default="", metavar="WORDS", help="As what to do it: a word for the agent.")
@click.option("--instructions", default="", help="Words for whoever does it.")
@json_option
def assign(
    *,
    task_id: str,
    agent: str | None,
    project: Path,
    anyone: bool,
    role: str | None,
    requires: tuple[str, ...],
    group: str | None,
    work_role: str,
    instructions: str,
    as_json: bool,
) -> None:
    """Say whom an open task is for, all of it anew. Somebody else who holds it loses it."""
    narrowed = any((agent, role, requires, group))
    if narrowed == anyone:
        raise UsageInvalid(
            "name an AGENT, or what it takes (--role, --requires, --group), or --anyone; nothing was changed"
        )
    wanted = {
        "assignee": agent,
        "required_role": role,
        "required_tags": list(requires),
        "required_group": group,
        "work_role": work_role,
        "instructions": instructions,
    }
    change(project, "task_assign", task_id, "assigned", as_json=as_json, assignment=wanted)


@click.command(
    cls=Verb, examples=("supervisor task link T4 T2 T3", "supervisor task link T4 T2,T3 --on ended")
)
@task_argument
@click.argument("needed", nargs=-1, required=True, metavar="NEEDED")
@project_option
@click.option(
    "--on",
    type=click.Choice(POLICIES),
    default=POLICIES[0],
    show_default=True,
    help="What lets it go on: done; ended (done, skipped or cancelled); any end, a failure too.",
)
@json_option
def link(*, task_id: str, needed: tuple[str, ...], project: Path, on: str, as_json: bool) -> None:
    """Let a task wait for others. A cycle is refused and named."""
    needs = spelled_tasks(needed)
    change(project, "task_link", task_id, "linked", as_json=as_json, depends_on=needs, on=on)


@click.command(cls=Verb, examples=('supervisor task hold T4 --reason "wait for the release"',))
@task_argument
@project_option
@reason_option(required=False, say_why="Why; it is shown wherever the task waits.")
@json_option
def hold(*, task_id: str, project: Path, reason: str, as_json: bool) -> None:
    """Keep a task from being claimed until the hold is lifted. Whoever holds it loses it."""
    change(project, "task_hold", task_id, "held", as_json=as_json, reason=reason)


@click.command(cls=Verb, examples=("supervisor task unhold T4",))
@task_argument
@project_option
@json_option
def unhold(*, task_id: str, project: Path, as_json: bool) -> None:
    """Lift a hold. Other reasons to wait stay."""
    change(project, "task_unhold", task_id, "let go", as_json=as_json)


@click.command(
    cls=Verb,
    examples=(
        'supervisor task cancel T4 --reason "no longer needed"',
        'supervisor task cancel T4 --reason "no longer needed" --yes  # with its open children',
    ),
)
@task_argument
@project_option
@reason_option(required=True, say_why="Why; its holder will read it.")
@yes_option
@json_option
def cancel(*, task_id: str, project: Path, reason: str, yes: bool, as_json: bool) -> None:
    """Cancel a task and its open children. Whoever holds one is told to stop."""
    _confirm_children(project, task_id, "Cancel", yes=yes)
    change(project, "task_cancel", task_id, "cancelled", as_json=as_json, reason=reason)


@click.command(cls=Verb, examples=('supervisor task skip T4 --reason "the format has no such case"',))
@task_argument
@project_option
@reason_option(required=True, say_why="Why it is not needed.")
@yes_option
@json_option
def skip(*, task_id: str, project: Path, reason: str, yes: bool, as_json: bool) -> None:
    """End a task and its open children as not needed."""
    _confirm_children(project, task_id, "Skip", yes=yes)
    change(project, "task_skip", task_id, "skipped", as_json=as_json, reason=reason)


def _confirm_children(project: Path, task_id: str, word: str, *, yes: bool) -> None:
    """Ask first if children that are still open would go too."""
    if yes:
        return
    from supervisor.cli.engine_door import view

    world, wanted = view(project).world, spelled_task(task_id)
    children: list[str] = []
    parents = {wanted}
    for each in world.run_tasks():
        if each.parent in parents and not each.is_terminal:
            parents.add(each.id)
            children.append(each.id)
    if children:
        named = ", ".join(children[:10]) + (", …" if len(children) > 10 else "")
        confirm(f"{word} {wanted} with {len(children)} open below it ({named})? [y/N] ")


def _reopening(name: str) -> click.Command:
    """Make the verb `reopen` under this name."""

    @click.command(name=name, cls=Verb, examples=(f'supervisor task {name} T4 --reason "it broke again"',))
    @task_argument
    @project_option
    @reason_option(required=False, say_why="Why; whoever takes it reads it.")
    @json_option
    def reopened(*, task_id: str, project: Path, reason: str, as_json: bool) -> None:
        """Put a task that has ended back to work, with a clean slate.

        What depends on it waits again; what was begun on its result is flagged.
        """
        change(project, "task_reopen", task_id, "reopened", as_json=as_json, reason=reason)

    return reopened


reopen = _reopening("reopen")
retry = _reopening("retry")


@click.command(cls=Verb, examples=("supervisor task unblock T4", "supervisor task unblock T4 --force --yes"))
@task_argument
@project_option
@click.option("--force", is_flag=True, help="Override every reason: cut unmet edges, leave track and wave.")
@yes_option
@json_option
def unblock(*, task_id: str, project: Path, force: bool, yes: bool, as_json: bool) -> None:
    """Let a task that waits for a person be claimed again, or with --force any blocked task."""
    if force and not yes:
        confirm(f"Free {spelled_task(task_id)} from everything it waits for? It stays free. [y/N] ")
    change(
        project, "task_unblock", task_id, "unblocked", as_json=as_json, **({"force": True} if force else {})
    )


@click.command(cls=Verb, examples=('supervisor task approve T4 --note "well done"',))
@task_argument
@project_option
@click.option("--note", default="", help="Kept with the task.")
@json_option
def approve(*, task_id: str, project: Path, note: str, as_json: bool) -> None:
    """Accept the work of a task in review, in place of a judge."""
    judged = {"decision": "approve", "feedback": note}
    change(project, "task_judge", task_id, "approved", as_json=as_json, **judged)


@click.command(
    cls=Verb,
    examples=(
        'supervisor task reject T4 --feedback "no tests"',
        'supervisor task reject T4 --feedback "see the issues" --issue "no tests" --issue "no page"',
    ),
)
@task_argument
@project_option
@click.option("--feedback", required=True, help="What is missing; its author will read it.")
@click.option("--issue", multiple=True, help="One thing that falls short; may be repeated.")
@json_option
def reject(*, task_id: str, project: Path, feedback: str, issue: tuple[str, ...], as_json: bool) -> None:
    """Send the work of a task in review back to its author."""
    judged = {"decision": "reject", "feedback": feedback} | ({"issues": list(issue)} if issue else {})
    change(project, "task_judge", task_id, "sent back", as_json=as_json, **judged)


@click.command(name="note", cls=Verb, examples=('supervisor task note T4 "the customer asked for this"',))
@task_argument
@click.argument("words")
@project_option
@json_option
def add_note(*, task_id: str, words: str, project: Path, as_json: bool) -> None:
    """Add a remark to a task. Whoever claims it reads it."""
    from supervisor.cli.engine_door import ask

    answer = ask(project, "task_note", task_id=spelled_task(task_id), body=words)
    if as_json:
        print_json("task_note", **answer)
    else:
        say(f"noted on {answer['note']['task']}")


@click.command(cls=Verb, examples=("supervisor task why T4", "supervisor task why T4 --json"))
@task_argument
@project_option
@json_option
def why(*, task_id: str, project: Path, as_json: bool) -> None:
    """Say what keeps a task from going on, the causes first, and what would help."""
    from supervisor.cli.engine_door import ask

    wanted = spelled_task(task_id)
    answer = ask(project, "task_why", task_id=wanted)
    if as_json:
        print_json("task_why", task=wanted, **answer)
        return
    for each in answer["reasons"]:
        say(f"{each['reason'].replace('_', ' ')}: {each['detail']}")
        if each["help"]:
            say(f"    {each['help']}")
    if not answer["reasons"]:
        note(f"nothing stands in the way of {wanted}")


STEERING: Final = (
    *(edit, assign, link, hold, unhold, cancel, skip, reopen, retry, unblock, approve, reject),
    *(add_note, why),
)
"""The verbs of the group `task` that are here."""
