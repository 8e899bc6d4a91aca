"""Verbs that look after the machine and the state: doctor and fsck."""

from __future__ import annotations

from pathlib import Path

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import print_json, say


@click.command(
    cls=Verb,
    examples=("supervisor doctor", "supervisor doctor --json | jq -r '.agents[] | .name + \" \" + .version'"),
)
@project_option
@json_option
@click.pass_context
def doctor(ctx: click.Context, *, project: Path, as_json: bool) -> None:
    """Check what a team needs here, and which known agents are installed.

    Each line says ok, warn or fail, what was seen, and the next step. Exit code 1 if one fails.
    """
    from dataclasses import asdict

    from supervisor.cli.agent_checks import all_agents
    from supervisor.cli.checks import Verdict, all_checks
    from supervisor.model.escape import visible

    checks, agents = list(all_checks(project)), all_agents()
    failed = any(check.verdict is Verdict.FAIL for check in checks)
    if as_json:
        print_json(
            "doctor",
            ok=not failed,
            checks=[asdict(check) for check in checks],
            agents=[asdict(agent) for agent in agents],
        )
    else:
        for check in (*checks, *(agent.check for agent in agents)):
            say(f"{check.verdict.value:<4}  {check.name:<12} {visible(check.detail)}")
            if check.step:
                say(f"{'':<18} -> {check.step}")
    ctx.exit(1 if failed else 0)


@click.command(cls=Verb, examples=("supervisor fsck", "supervisor fsck --json | jq .ok"))
@project_option
@json_option
@click.pass_context
def fsck(ctx: click.Context, *, project: Path, as_json: bool) -> None:
    """Check the project's database.

    Only reads: the chain of events, the invariants, and that the state equals its events.
    Exit code 6 if anything is wrong.
    """
    from supervisor.cli.event_loop import run_async
    from supervisor.engine.fsck import fsck as check_database
    from supervisor.errors import StoreError

    report = run_async(check_database(project))
    if as_json:
        checks = [{"name": name, "ok": ok, "detail": detail} for name, ok, detail in report.checks]
        print_json("fsck", ok=report.ok, checks=checks)
    else:
        for name, ok, detail in report.checks:
            say(f"{'ok' if ok else 'BAD':<4}  {name}{f': {detail}' if detail else ''}")
    ctx.exit(0 if report.ok else StoreError.exit_code)
