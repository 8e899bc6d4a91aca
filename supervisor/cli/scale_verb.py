"""The verb about how many agents a pool has: scale."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import print_json, say

AUTO: Final = "auto"


class _Number(click.ParamType[int | None]):
    name = "number"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Read a whole number, or None for `auto`."""
        if value == AUTO:
            return None
        if not (value.isascii() and value.isdecimal() and len(value) <= 9):
            self.fail(f"`{value[:40]}` is neither a number of agents nor `{AUTO}`", param, ctx)
        return int(value)


@click.command(
    cls=Verb, examples=("supervisor scale worker 4", "supervisor scale worker auto  # follow the work again")
)
@click.argument("pool")
@click.argument("number", type=_Number(), metavar="NUMBER|auto")
@project_option
@json_option
def scale(*, pool: str, number: int | None, project: Path, as_json: bool) -> None:
    """Set a scaled pool to a number of agents, or let it follow its work again.

    Agents that are too many finish what they hold. The number holds, over restarts too, until `auto`.
    """
    from supervisor.cli.engine_door import ask

    answer = ask(project, "scale", pool=pool, number=number)
    if as_json:
        print_json("scale", **answer)
    elif number is None:
        say(f"pool {pool} follows its work again")
    else:
        say(f"pool {pool} is set to {number}; let it follow its work again: supervisor scale {pool} {AUTO}")
