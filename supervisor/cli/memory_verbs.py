"""Verbs about shared memory: list and show what the team remembers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from supervisor.model.memory import MemoryEntry


@click.group()
def memory() -> None:
    """List and show what the team remembers."""


@memory.command(name="list", cls=Verb, examples=("supervisor memory list", "supervisor memory list task:T3"))
@click.argument("scope", required=False)
@project_option
@json_option
def list_memory(*, scope: str | None, project: Path, as_json: bool) -> None:
    """List what is remembered, of one SCOPE (team, task:ID, agent:NAME) or of all."""
    from supervisor.cli.engine_door import view
    from supervisor.model.wire import to_wire

    seen = view(project)
    entries = [each for each in seen.world.memory.values() if scope in {None, each.scope}]
    if as_json:
        print_json("memory_list", live=seen.live, entries=[to_wire(each) for each in entries])
        return
    print_table(("SCOPE", "KEY", "BY", "VERSION", "BYTES"), [_row(each) for each in entries])


def _row(entry: MemoryEntry) -> tuple[str, ...]:
    return (entry.scope, entry.key, entry.author, str(entry.version), str(len(entry.value.encode())))


@memory.command(
    name="show",
    cls=Verb,
    examples=("supervisor memory show report", "supervisor memory show size --scope task:T1"),
)
@click.argument("key")
@click.option("--scope", default="team", show_default=True, help="team, task:ID or agent:NAME.")
@project_option
@json_option
def show_memory(*, key: str, scope: str, project: Path, as_json: bool) -> None:
    """Print what is remembered under KEY."""
    from supervisor.cli.engine_door import view
    from supervisor.errors import NotFound
    from supervisor.model.wire import to_wire

    seen = view(project)
    found = seen.world.memory.get(f"{scope}/{key}")
    if found is None:
        raise NotFound(f"nothing is remembered as `{key}` in `{scope}`. See `supervisor memory list`")
    if as_json:
        print_json("memory", live=seen.live, entry=to_wire(found))
    else:
        for line in found.value.splitlines():
            say(line)
