"""Verbs about one agent's right to claim: quarantine, release."""

from __future__ import annotations

from pathlib import Path

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import print_json, say


@click.group()
def agent() -> None:
    """Set an agent aside, and let it claim again."""


@agent.command(cls=Verb, examples=('supervisor agent quarantine worker-2 --reason "breaks the build"',))
@click.argument("name")
@project_option
@click.option("--reason", default="", help="Why; it is shown wherever the agent or its work waits.")
@json_option
def quarantine(*, name: str, project: Path, reason: str, as_json: bool) -> None:
    """Let an agent run on but claim nothing; what is reserved for it waits."""
    _ask(project, "quarantine", name, "is quarantined; let it claim again:", as_json=as_json, reason=reason)


@agent.command(cls=Verb, examples=("supervisor agent release worker-2",))
@click.argument("name")
@project_option
@json_option
def release(*, name: str, project: Path, as_json: bool) -> None:
    """Let a quarantined agent claim again. Its failures are forgotten."""
    _ask(project, "release", name, "may claim again", as_json=as_json)


def _ask(project: Path, verb: str, name: str, told: str, *, as_json: bool, **more: str) -> None:
    from supervisor.cli.engine_door import ask

    answer = ask(project, verb, agent=name, **more)
    if as_json:
        print_json(f"agent_{verb}", **answer)
    else:
        step = f" supervisor agent release {name}" if verb == "quarantine" else ""
        say(f"{name} {told}{step}")
