"""The verb that sits a person down at an agent's terminal: terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import note, print_json, say
from supervisor.errors import UsageInvalid


@click.command(
    cls=Verb,
    examples=(
        "supervisor terminal worker-1            # ctrl+] leaves; the agent goes on",
        "supervisor terminal worker-1 --watch    # look only",
        "supervisor terminal worker-1 --once     # print what stands there, for scripts",
    ),
)
@click.argument("agent")
@project_option
@click.option("--watch", is_flag=True, help="Look only: nothing is typed, and the size stays as it is.")
@click.option("--once", is_flag=True, help="Print what stands there now, and end.")
@click.option(
    "--detach", default="ctrl+]", show_default=True, metavar="KEY", help="The key that leaves the terminal."
)
@json_option
def terminal(*, agent: str, project: Path, watch: bool, once: bool, detach: str, as_json: bool) -> None:
    """Sit down at the terminal of an agent of the adapter `pty`.

    What you type goes to the agent as it is. It is not disturbed when you come, go or are slow.
    """
    key = _detach_key(detach)
    if once or as_json:
        _print_once(project, agent, as_json=as_json)
        return
    from supervisor.cli.event_loop import run_async
    from supervisor.cli.terminal_seat import has_terminal, sit_down

    if not has_terminal():
        raise UsageInvalid("this needs a terminal; print what stands there with `--once`")
    why = run_async(sit_down(project, agent, detach=key, watches=watch))
    note(why)


def _detach_key(spelled: str) -> bytes:
    from supervisor.model.screen import typed

    key = typed((spelled,))
    if len(key) != 1:
        raise UsageInvalid(f"`--detach {spelled[:20]}` is not one key; write it as `ctrl+]` or `ctrl+q`")
    return key


def _print_once(project: Path, agent: str, *, as_json: bool) -> None:
    from supervisor.cli.engine_door import ask
    from supervisor.model.escape import visible

    frame: dict[str, Any] = ask(project, "terminal_show", agent=agent)
    if as_json:
        print_json("terminal", agent=agent, **frame)
        return
    for line in frame["lines"]:
        say(visible(line))
