"""Verbs about what agents use: usage, and budgets."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option
from supervisor.cli.output import note, print_json, print_table, say

UNKNOWN: Final = "?"
HEADS: Final = ("TURNS", "INPUT", "CACHED", "OUTPUT", "COST")
WAYS: Final = ("agent", "task", "pool", "day")


@click.command(
    cls=Verb,
    examples=(
        "supervisor usage                       # by agent, in this run",
        "supervisor usage --by day --all        # every run, day by day (UTC)",
        "supervisor usage --by task --json | jq '.lines[0]'",
    ),
)
@click.option("--by", type=click.Choice(WAYS), default="agent", show_default=True, help="What to sum by.")
@click.option("--all", "all_runs", is_flag=True, help="Sum over all runs, not only the newest.")
@project_option
@json_option
def usage(*, by: str, all_runs: bool, project: Path, as_json: bool) -> None:
    """Show the tokens and the money that the agents used in their turns.

    What an agent does not say is shown as `?`, and never as nothing. A `+` behind a cost says that there
    is more, of which nobody knows what it cost: name prices in the profile for models that tell none.
    """
    from supervisor.cli.engine_door import look
    from supervisor.coordinator.usage import usage as sums

    found, live = look(project, "usage", partial(sums, by=by, all_runs=all_runs), by=by, all_runs=all_runs)
    if as_json:
        print_json("usage", live=live, **found)
        return
    if not found["lines"]:
        say("no agent had a turn yet")
        return
    rows = [(*_row(line), str(line["subject"] or "-")) for line in found["lines"]]
    print_table((*HEADS, by.upper()), [*rows, (*_row(found["total"]), "all of them")])
    if found["total"]["idle_tokens"]:
        note(f"{found['total']['idle_tokens']:,} tokens of these went into turns without a task")
    for budget in found["budgets"]:
        note(_told(budget))


@click.group()
def budget() -> None:
    """Let more be spent than the profile says."""


@budget.command(
    name="raise",
    cls=Verb,
    examples=(
        "supervisor budget raise 'day:2026-05-01:*' --cost 5",
        "supervisor budget raise 'task:T12:*' --tokens 200000",
    ),
)
@click.argument("name", metavar="BUDGET")
@click.option("--tokens", type=click.IntRange(min=1, max=10**15), default=None, help="So many tokens more.")
@click.option(
    "--cost", type=click.FloatRange(min=0, max=10**6, min_open=True), help="So many US dollars more."
)
@project_option
@json_option
def raise_budget(*, name: str, tokens: int | None, cost: float | None, project: Path, as_json: bool) -> None:
    """Raise BUDGET, as `supervisor usage` names it; agents that it held back go on."""
    from supervisor.cli.engine_door import ask

    answer = ask(project, "budget_raise", budget=name, tokens=tokens or 0, cost_usd=cost or 0.0)
    if as_json:
        print_json("budget_raise", **answer)
    else:
        say(f"raised: {_told(answer['budget'])}")


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(line["turns"]),
        _count(line["input_tokens"]),
        _count(line["cached_tokens"]),
        _count(line["output_tokens"]),
        _cost(line),
    )


def _count(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def _cost(line: dict[str, Any]) -> str:
    if line["cost_usd"] is None:
        return UNKNOWN
    return f"${line['cost_usd']:.4f}" + ("+" if line["cost_unknown"] else "")


def _told(wire: dict[str, Any]) -> str:
    from supervisor.model.allowance import Allowance
    from supervisor.model.wire import from_wire

    allowance = from_wire(Allowance, wire)
    return f"{allowance.id} ({allowance.state.value}): {allowance.words}"
