"""Options that many verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from supervisor.cli.border import note_json
from supervisor.errors import ProjectMissing

F = TypeVar("F", bound=Callable[..., Any])


def project_option(function: F) -> F:
    """Add `--project DIR`, by default the working directory."""
    return click.option(
        "--project",
        type=click.Path(path_type=Path),
        default=Path(),
        show_default="the working directory",
        metavar="DIR",
        callback=_resolved,
        help="The project the team works on.",
    )(function)


def ignored_project_option(function: F) -> F:
    """Take `--project` as every verb does, though this verb needs no project."""
    return click.option(
        "--project", metavar="DIR", expose_value=False, help="Taken as everywhere; makes no difference here."
    )(function)


def _resolved(_context: click.Context, _parameter: click.Parameter, value: Path) -> Path:
    """Spell the project's path in full, so that every message names it."""
    try:
        return value.resolve()
    except (OSError, RuntimeError) as error:  # the working directory was removed, or links run in a circle
        raise ProjectMissing(
            f"the directory {str(value)!r} cannot be found: it was removed, or its links lead nowhere. "
            "Change to one that exists, or give its full path with `--project`."
        ) from error


def json_option(function: F) -> F:
    """Add `--json`."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        expose_value=True,
        callback=note_json,
        help="Print JSON for programs; each object carries its version `v`.",
    )(function)


def run_options(function: F) -> F:
    """Add what both `up` and `run` know about the run they start."""
    for option in reversed(_RUN_OPTIONS):
        function = option(function)
    return function


_RUN_OPTIONS: Final = (
    click.option(
        "--report",
        type=click.Path(path_type=Path),
        metavar="DIR",
        show_default=".supervisor/reports/RUN",
        help="Where the run's report goes.",
    ),
    click.option(
        "--deadline",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Stop the team after this time; exit code 124.",
    ),
    click.option("--new", "new_run", is_flag=True, help="End an unfinished run and begin a new one."),
    click.option(
        "--goal",
        default="",
        metavar="TEXT",
        help="What the team is to reach: for its planner, or as a task if it has none.",
    ),
)
