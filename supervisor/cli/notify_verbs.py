"""Verbs about notices: which sinks there are and how they fare, and a test of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, note, now, print_json, print_table, say
from supervisor.errors import EngineNotRunning


@click.group()
def notify() -> None:
    """See and test how people elsewhere are told what happens."""


@notify.command(
    "list",
    cls=Verb,
    examples=("supervisor notify list", "supervisor notify list --json | jq '.sinks[].name'"),
)
@project_option
@json_option
def list_sinks(*, project: Path, as_json: bool) -> None:
    """List the sinks of the team's profile: what waits, what left, the last success and the last error."""
    sinks, live = _sinks(project)
    if as_json:
        print_json("notify_list", sinks=sinks, live=live)
        return
    if not live:
        note("no engine runs here; this is the state on disk")
    if not sinks:
        say("this team's profile has no sink: add `[[notify]]`, see docs/notifications.md")
        return
    heads = ("NAME", "KIND", "WAITING", "SENT", "GIVEN UP", "LAST SENT", "LAST ERROR")
    at = now()
    print_table(heads, [_row(sink, at) for sink in sinks])


@notify.command(
    "test",
    cls=Verb,
    examples=(
        "supervisor notify test                 # a test notice by every sink",
        "supervisor notify test team-chat       # by one",
    ),
)
@click.argument("sink", required=False)
@project_option
@json_option
@click.pass_context
def send_test(ctx: click.Context, *, sink: str | None, project: Path, as_json: bool) -> None:
    """Send a test notice and say what happened. Exit code 1 if one did not arrive."""
    from supervisor.cli.engine_door import ask

    results: list[dict[str, Any]] = ask(project, "notify_test", sink=sink)["results"]
    if as_json:
        print_json("notify_test", results=results)
    else:
        for each in results:
            verdict = "sent" if each["ok"] else "FAILED"
            say(f"{verdict:<6}  {each['sink']}: {each['words']} ({each['took_s']:.2f} s)")
    ctx.exit(0 if all(each["ok"] for each in results) else 1)


def _sinks(project: Path) -> tuple[list[dict[str, Any]], bool]:
    """Ask the engine, or read the disk; tell whether an engine answered."""
    from supervisor.cli.engine_door import ask
    from supervisor.cli.event_loop import run_async

    try:
        return ask(project, "notify_list")["sinks"], True
    except EngineNotRunning:
        from supervisor.engine.sinks_on_disk import sinks_on_disk

        return run_async(sinks_on_disk(project)), False


def _row(sink: dict[str, Any], at: float) -> tuple[str, ...]:
    error = f"{_age(sink['last_error_at'], at)}: {sink['last_error']}" if sink["last_error"] else "-"
    return (
        sink["name"],
        sink["kind"],
        "-" if sink["queued"] is None else str(sink["queued"] + sink["sending"]),
        str(sink["sent"]),
        str(sink["failed"]),
        _age(sink["last_sent_at"], at),
        error,
    )


def _age(moment: float | None, at: float) -> str:
    return "-" if moment is None else f"{duration(at - moment)} ago"
