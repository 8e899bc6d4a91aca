"""The options that give a task its checks, and how a task's page shows what they said."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from supervisor.cli.key_verbs import Time
from supervisor.cli.output import duration
from supervisor.errors import UsageInvalid

if TYPE_CHECKING:
    from supervisor.model.evidence import Evidence
    from supervisor.model.task import Task

F = TypeVar("F", bound=Callable[..., Any])


def checks_options(command: F) -> F:
    """Add `--check` and `--check-timeout`."""
    limit = click.option(
        "--check-timeout",
        type=Time(),
        metavar="TIME",
        help="How long each check may take, e.g. 5m; else 10m.",
    )
    check = click.option(
        "--check",
        multiple=True,
        metavar="NAME=COMMAND",
        help='What must exit with 0 before it is done: "tests = pytest -q"; no shell; may be repeated.',
    )
    return check(limit(command))


def wired_checks(written: tuple[str, ...], timeout_s: float | None) -> list[Any]:
    """Spell the checks of a command line as the engine takes them; raise UsageInvalid."""
    from supervisor.config.check_text import CheckUnreadable, read_check
    from supervisor.model.evidence import CHECK_TIMEOUT_S
    from supervisor.model.wire import to_wire

    if timeout_s is not None and not written:
        raise UsageInvalid("--check-timeout is about --check; give that too")
    limit = CHECK_TIMEOUT_S if timeout_s is None else timeout_s
    try:
        return [to_wire(read_check(each, timeout_s=limit)) for each in written]
    except CheckUnreadable as error:
        raise UsageInvalid(f"--check: {error}") from error


def check_lines(task: Task, told: list[Evidence]) -> list[str]:
    """Tell each check of a task, and what it said of the newest hand-in that was checked."""
    by_name = {each.check: each for each in told}
    lines: list[str] = []
    for check in task.checks:
        said = by_name.get(check.name)
        lines.append(f"{check.name}: {_outcome(task, said)}  ({_command(check.argv)})")
        if said is not None and not said.passed and said.tail.strip():
            lines += [f"| {line}" for line in said.tail.rstrip().splitlines()[-20:]]
    return lines


def _outcome(task: Task, said: Evidence | None) -> str:
    if said is None or (task.is_verifying and said.token != task.token):
        return "runs or waits to run" if task.is_verifying else "has not run"
    commit = f" on {said.commit[:12]}{' and more' if said.dirty else ''}" if said.commit else ""
    return f"{said.outcome} after {duration(said.duration_s)}{commit}, attempt {said.token}"


def _command(argv: tuple[str, ...]) -> str:
    import shlex

    return shlex.join(argv)[:200]
