"""The verb that reads what agents and engine wrote: logs."""

from __future__ import annotations

from pathlib import Path

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import project_option
from supervisor.cli.output import note, say
from supervisor.errors import NotFound


@click.command(
    cls=Verb,
    examples=(
        "supervisor logs                        # the last lines of every agent",
        "supervisor logs worker-2 -f            # go on as it writes",
        "supervisor logs engine -n 200          # what the engine said",
    ),
)
@click.argument("agent", required=False)
@project_option
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is written.")
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), default=20, show_default=True, help="Lines of each log."
)
def logs(*, agent: str | None, project: Path, follow: bool, lines: int) -> None:
    """Print the last lines of logs.

    Of AGENT's, or of all; `engine` is the engine's own.
    """
    from supervisor.cli.event_loop import run_async
    from supervisor.workspace.state_dir import open_state

    directory = open_state(project, create=False).logs
    chosen = _chosen_logs(directory, agent)
    if not chosen:
        note(f"there are no logs in {directory} yet")
    width = max((len(name) for name in chosen), default=0) if agent is None else 0
    if follow:
        run_async(_follow_all(chosen, lines, width))
    else:
        _print_last(chosen, lines, width)


def _print_last(chosen: dict[str, Path], count: int, width: int) -> None:
    from supervisor.headless.log_copy import safe_line
    from supervisor.logs.tail import last_lines

    for name, path in chosen.items():
        for line in last_lines(path, count):
            say(_tagged(name, safe_line(line), width))


def _chosen_logs(directory: Path, agent: str | None) -> dict[str, Path]:
    """Find the wanted logs by name; raise NotFound that names those there are."""
    import difflib

    found = {path.stem: path for path in sorted(directory.glob("*.log")) if not path.is_symlink()}
    if agent is None:
        return found
    if agent not in found:
        near = difflib.get_close_matches(agent, found, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(found) or 'none'}"
        raise NotFound(f"there is no log of `{agent}`; {hint}")
    return {agent: found[agent]}


def _tagged(name: str, line: str, width: int) -> str:
    return f"{name:<{width}} | {line}" if width else line


async def _follow_all(chosen: dict[str, Path], count: int, width: int) -> None:
    import asyncio

    async with asyncio.TaskGroup() as group:
        for name, path in chosen.items():
            group.create_task(_follow_one(name, path, count, width))


async def _follow_one(name: str, path: Path, count: int, width: int) -> None:
    from supervisor.headless.log_copy import safe_line
    from supervisor.logs.tail import follow

    async for line in follow(path, last=count):
        say(_tagged(name, safe_line(line), width))
