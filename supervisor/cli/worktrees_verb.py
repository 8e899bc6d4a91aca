"""The verb that lists the agents' git worktrees: worktrees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from supervisor.workspace.worktrees import Worktree


@click.command(cls=Verb, examples=("supervisor worktrees", "supervisor worktrees --json"))
@project_option
@json_option
def worktrees(*, project: Path, as_json: bool) -> None:
    """List the agents' git worktrees.

    Branch, commits ahead of and behind the project's HEAD, and whether there is more than was committed.
    Supervisor never removes or resets one.
    """
    from supervisor.engine.workspaces import listed_worktrees

    listed = listed_worktrees(project)
    if as_json:
        print_json("worktrees", worktrees=[_facts(each) for each in listed])
    elif not listed:
        note('no agent has a worktree here; a pool asks for them with workspace = "worktree"')
    else:
        heads = ("AGENT", "BRANCH", "AHEAD", "BEHIND", "CHANGES", "PATH")
        print_table(heads, [_row(each) for each in listed])


def _facts(each: Worktree) -> dict[str, Any]:
    return {
        "agent": each.agent,
        "path": str(each.path),
        "branch": each.branch,
        "ahead": each.ahead,
        "behind": each.behind,
        "dirty": each.dirty,
        "problem": each.problem,
    }


def _row(each: Worktree) -> tuple[str, ...]:
    changes = {True: "uncommitted", False: "none", None: "unknown"}[each.dirty]
    counts = ("-" if count is None else str(count) for count in (each.ahead, each.behind))
    return (each.agent, each.branch or "-", *counts, each.problem or changes, str(each.path))
