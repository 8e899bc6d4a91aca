"""Verbs about shared memory: list, show, delete and purge what the team remembers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from supervisor.cli import asking
from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import note, print_json, print_table, say
from supervisor.errors import UsageInvalid

if TYPE_CHECKING:
    from supervisor.store.transaction import Transaction


SCOPE_HELP = "team, project, task:ID, milestone:ID or agent:NAME."


@click.group()
def memory() -> None:
    """List, show, delete and purge what the team remembers."""


@memory.command(
    name="list",
    cls=Verb,
    examples=(
        "supervisor memory list",
        "supervisor memory list task:T3",
        "supervisor memory list team --prefix plan/",
    ),
)
@click.argument("scope", required=False)
@click.option("--prefix", default="", help="Only keys that begin with this.")
@project_option
@json_option
def list_memory(*, scope: str | None, prefix: str, project: Path, as_json: bool) -> None:
    """List what is remembered, of one SCOPE (team, project, task:ID, milestone:ID, agent:NAME) or of all.

    With --json each entry has its `size` in bytes and the first 200 characters of its value.
    """
    entries, live = _all_pages(project, scope, prefix)
    if as_json:
        print_json("memory_list", live=live, entries=entries)
        return
    print_table(("SCOPE", "KEY", "BY", "VERSION", "BYTES"), [_row(each) for each in entries])


def _all_pages(project: Path, scope: str | None, prefix: str) -> tuple[list[dict[str, Any]], bool]:
    from supervisor.cli.engine_door import look

    entries: list[dict[str, Any]] = []
    after: str | None = ""
    live = True
    while after is not None:
        page, live = _page(look, project, scope=scope, prefix=prefix, after=after)
        entries += page["entries"]
        after = page["next"]
    return entries, live


def _page(look: Any, project: Path, *, scope: str | None, prefix: str, after: str) -> tuple[Any, bool]:
    def offline(tx: Transaction) -> dict[str, Any]:
        from supervisor.coordinator.memory import listed

        return listed(tx, where=scope, prefix=prefix, after=after)

    answer: tuple[Any, bool] = look(project, "memory_list", offline, scope=scope, prefix=prefix, after=after)
    return answer


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    return (entry["scope"], entry["key"], entry["author"], str(entry["version"]), str(entry["size"]))


@memory.command(
    name="show",
    cls=Verb,
    examples=("supervisor memory show report", "supervisor memory show size --scope task:T1"),
)
@click.argument("key")
@click.option("--scope", default="team", show_default=True, help=SCOPE_HELP)
@project_option
@json_option
def show_memory(*, key: str, scope: str, project: Path, as_json: bool) -> None:
    """Print what is remembered under KEY."""
    from supervisor.cli.engine_door import look
    from supervisor.model.wire import to_wire

    def offline(tx: Transaction) -> dict[str, Any]:
        from supervisor.coordinator.memory import shown

        return {"entry": to_wire(shown(tx, key=key, where=scope))}

    answer, live = look(project, "memory_show", offline, key=key, scope=scope)
    if as_json:
        print_json("memory", live=live, **answer)
    else:
        for line in answer["entry"]["value"].splitlines():
            say(line)


@memory.command(
    name="delete",
    cls=Verb,
    examples=("supervisor memory delete report", "supervisor memory delete size --scope task:T1"),
)
@click.argument("key")
@click.option("--scope", default="team", show_default=True, help=SCOPE_HELP)
@project_option
@json_option
def delete_memory(*, key: str, scope: str, project: Path, as_json: bool) -> None:
    """Delete what is remembered under KEY. The event log keeps what it was."""
    from supervisor.cli.approval_verbs import refuse_agents
    from supervisor.cli.engine_door import ask

    refuse_agents(project, "delete memory")
    answer = ask(project, "memory_delete", key=key, scope=scope)
    if as_json:
        print_json("memory_delete", **answer)
    else:
        say(f"deleted {answer['deleted']}")


@memory.command(
    name="purge", cls=Verb, examples=("supervisor memory purge --author worker-2            # asks first",)
)
@click.option("--author", required=True, metavar="NAME", help="Whose entries: those that NAME wrote last.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@project_option
@json_option
def purge_memory(*, author: str, yes: bool, project: Path, as_json: bool) -> None:
    """Delete everything that one author wrote, in all scopes.

    For when an agent was misled: nobody reads its words again. The event log keeps them.
    """
    from supervisor.cli.approval_verbs import refuse_agents
    from supervisor.cli.engine_door import ask

    refuse_agents(project, "purge memory")
    if not yes:
        _confirm(author)
    answer = ask(project, "memory_purge", author=author)
    if as_json:
        print_json("memory_purge", **answer)
    else:
        say(f"purged {answer['purged']} entries by {author}")


def _confirm(author: str) -> None:
    """Have the person type the author's name; raise UsageInvalid if nobody can be asked."""
    if not asking.somebody_is_here():
        raise UsageInvalid("nobody can be asked here, nothing was purged. Give --yes if you mean it")
    note(f"This deletes everything in memory that {author} wrote last.")
    if asking.answer_to("Type the name to do it: ") != author:
        raise UsageInvalid("not confirmed; nothing was purged")
