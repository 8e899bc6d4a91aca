"""The verb `wait`: a script goes on when something is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from supervisor.cli.border import Verb
from supervisor.cli.key_verbs import Time
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import duration, print_json, say
from supervisor.errors import DeadlineExceeded, EngineNotRunning

if TYPE_CHECKING:
    from supervisor.model.world import World

HELD_S: Final = 20.0
"""How long one call to the engine is held before it is made again."""

_ID: Final = re.compile(r"([TtPpVv])[0-9]{1,18}\Z")
_KINDS: Final = {"t": "task", "p": "milestone", "v": "vote"}


@click.command(
    cls=Verb,
    examples=(
        "supervisor wait T4 --timeout 10m && supervisor task show T4",
        "supervisor wait T1 T2 T3 --all",
        "supervisor wait P1 idle --all --timeout 2h",
        "supervisor wait idle:role:worker",
    ),
)
@click.argument("conditions", nargs=-1, required=True, metavar="CONDITION")
@project_option
@click.option("--all", "everything", is_flag=True, help="Wait for all of them, not for the first.")
@click.option(
    "--timeout", type=Time(), metavar="TIME", help="Give up after this time, e.g. 10m; exit code 124."
)
@json_option
def wait(
    *, conditions: tuple[str, ...], project: Path, everything: bool, timeout: float | None, as_json: bool
) -> None:
    """Wait until a task, a milestone or a vote has ended, or agents are idle; then exit with 0.

    CONDITION is T4, P1 or V1 (an end of any kind counts), `idle` for the whole team, or `idle:NAME`,
    `idle:role:R`, `idle:group:G`. Exit code 124 after the timeout, 5 if the engine has gone before.
    """
    from supervisor.cli.event_loop import run_async

    wanted = tuple(dict.fromkeys(map(spelled, conditions)))
    holding, held = run_async(_waited(project, wanted, everything=everything, timeout_s=timeout))
    if as_json:
        print_json("wait", held=held, holding=list(holding), conditions=list(wanted))
    elif held:
        say(f"{', '.join(holding)}: so it is")
    if not held:
        missing = ", ".join(each for each in wanted if each not in holding)
        raise DeadlineExceeded(
            f"after {duration(timeout or 0)} not yet: {missing}. `supervisor task why ID` tells why"
        )


def spelled(condition: str) -> str:
    """Spell a condition as the engine does: `task:T4` for `t4`."""
    found = _ID.match(condition)
    return condition if found is None else f"{_KINDS[found[1].lower()]}:{condition.upper()}"


async def _waited(
    project: Path, conditions: tuple[str, ...], *, everything: bool, timeout_s: float | None
) -> tuple[tuple[str, ...], bool]:
    """Return what holds, and whether that is enough, once it is or the time has passed."""
    from supervisor.cli.engine_door import connected
    from supervisor.clock import SystemClock

    clock = SystemClock()
    end = None if timeout_s is None else clock.monotonic() + timeout_s
    asked: dict[str, Any] = {"conditions": list(conditions), "everything": everything}
    try:
        async with connected(project) as client:
            while True:
                left = HELD_S if end is None else min(HELD_S, max(0.0, end - clock.monotonic()))
                answer = await client.call("wait", timeout_s=left, **asked)
                if answer["held"] or (end is not None and clock.monotonic() >= end):
                    return tuple(answer["holding"]), answer["held"]
                if answer["ending"]:
                    raise EngineNotRunning("the engine stops")
    except EngineNotRunning as gone:
        return await _held_at_the_end(project, conditions, gone, everything=everything)


async def _held_at_the_end(
    project: Path, conditions: tuple[str, ...], gone: EngineNotRunning, *, everything: bool
) -> tuple[tuple[str, ...], bool]:
    """Look at the state that an engine left behind: what does not hold there cannot come true."""
    from supervisor.cli.engine_door import read_view

    world = (await read_view(project)).world
    holding = tuple(each for each in conditions if holds(world, each))
    if not holding or (everything and len(holding) < len(conditions)):
        missing = ", ".join(each for each in conditions if each not in holding)
        raise EngineNotRunning(
            f"{gone.message}; this can no longer come true: {missing}. Start: supervisor up"
        )
    return holding, True


def holds(world: World, condition: str) -> bool:
    """Tell whether a condition holds in a state at rest; without an engine everybody is idle."""
    from supervisor.errors import NotFound
    from supervisor.model.milestone import MilestoneState
    from supervisor.model.vote import VoteState

    kind, _, subject = condition.partition(":")
    if kind == "idle":
        return True
    table: dict[str, Any] = world.tables.get(kind, {})
    if subject not in table:
        raise NotFound(f"there is no {kind} `{subject[:40]}`")
    found = table[subject]
    match kind:
        case "task":
            return bool(found.is_terminal)
        case "milestone":
            return found.state is not MilestoneState.OPEN
        case _:
            return found.state is VoteState.CLOSED
