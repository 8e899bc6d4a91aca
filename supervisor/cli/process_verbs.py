"""Verbs about agents' processes: restart, stop, kill, pause, resume, drain."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import print_json, say

SHOWN: Final = 10
TARGETS: Final = "TARGET is an agent, `pool:NAME` for all of a pool, or `all`."


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a verb its target, and say in its help what that can be."""
    command.__doc__ = f"{command.__doc__}\n\n{TARGETS}"
    return click.argument("target")(project_option(json_option(command)))


def _hurting(command: Callable[..., None]) -> Callable[..., None]:
    """Add the option that a script gives in place of a person's yes."""
    yes = click.option("--yes", is_flag=True, help="Do not ask, whatever the target is.")
    return _options(yes(command))


@click.command(cls=Verb, examples=("supervisor restart worker-2", "supervisor restart pool:worker"))
@_options
def restart(*, target: str, project: Path, as_json: bool) -> None:
    """Stop agents and start them afresh. Their restart counts begin anew."""
    _tell(project, "restart", target, "is being started again", as_json=as_json)


@click.command(cls=Verb, examples=("supervisor stop worker-2", "supervisor stop pool:worker --yes"))
@_hurting
def stop(*, target: str, project: Path, as_json: bool, yes: bool) -> None:
    """Stop agents, politely at first, and leave them stopped. What they hold goes back to the others."""
    _confirm(target, "Stop", yes=yes)
    _tell(project, "stop_agent", target, "is being stopped", as_json=as_json)


@click.command(cls=Verb, examples=("supervisor kill worker-2", "supervisor kill all --yes"))
@_hurting
def kill(*, target: str, project: Path, as_json: bool, yes: bool) -> None:
    """Kill agents at once, without asking them. They stay down until they are restarted."""
    _confirm(target, "Kill", yes=yes)
    _tell(project, "kill", target, "is being killed", as_json=as_json)


@click.command(cls=Verb, examples=("supervisor pause worker-2", "supervisor pause all"))
@_options
def pause(*, target: str, project: Path, as_json: bool) -> None:
    """Freeze agents where they are. They keep their processes and what they hold."""
    _tell(project, "pause", target, "is paused; let it go on: supervisor resume {}", as_json=as_json)


@click.command(cls=Verb, examples=("supervisor resume worker-2", "supervisor resume all"))
@_options
def resume(*, target: str, project: Path, as_json: bool) -> None:
    """Let paused agents go on."""
    _tell(project, "resume", target, "goes on", as_json=as_json)


@click.command(cls=Verb, examples=("supervisor drain worker-2", "supervisor drain pool:worker"))
@_options
def drain(*, target: str, project: Path, as_json: bool) -> None:
    """Let agents finish what they hold, give them nothing more, and stop them then."""
    _tell(project, "drain", target, "finishes what it holds and is stopped then", as_json=as_json)


def _confirm(target: str, word: str, *, yes: bool) -> None:
    """Ask before more than one agent is ended; a script has to say that it means it."""
    several = target == "all" or target.startswith("pool:")
    if not several or yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{word.lower()} of {target} needs --yes where nobody can be asked")
    click.confirm(f"{word} {target}?", abort=True, err=True)


def _tell(project: Path, verb: str, target: str, told: str, *, as_json: bool) -> None:
    from supervisor.cli.engine_door import ask

    answer = ask(project, verb, agent=target)
    if as_json:
        print_json(verb, **answer)
        return
    names: list[str] = answer["agents"]
    for line in _lines(target, names, told, answer):
        say(line)


def _lines(target: str, names: list[str], told: str, answer: dict[str, Any]) -> list[str]:
    lines = [f"{name} {told.format(name)}" for name in names[:SHOWN]]
    if len(names) > SHOWN:
        lines.append(f"and {len(names) - SHOWN} more")
    if answer["left_alone"]:
        lines.append(f"left alone, for it does not fit them: {', '.join(answer['left_alone'])}")
    return lines or [f"{target} has no agents"]
