"""What agents used: tokens and money of their turns, summed by whom, for what, or when."""

from __future__ import annotations

from typing import Any, Final

from supervisor.errors import InvalidArgument
from supervisor.model.allowance import Allowance
from supervisor.model.wire import to_wire
from supervisor.store.transaction import Transaction

BY: Final = ("agent", "task", "pool", "day")
LINES_MAX: Final = 1000

TOTAL: Final = "total"


def usage(tx: Transaction, *, by: str = "agent", all_runs: bool = False) -> dict[str, Any]:
    """Sum the turns of the current run, or of all; a cost that nobody knows is None, never 0.

    `idle_tokens` are those of turns without a task: mail, and loops of agents that drive themselves.
    """
    if by not in BY:
        raise InvalidArgument(f"usage by `{by[:40]}` is not kept; there are: {', '.join(BY)}")
    run = None if all_runs else tx.run
    return {
        "by": by,
        "run": run,
        "lines": _lines(tx, by, run),
        "total": next(iter(_lines(tx, TOTAL, run)), None),
        "budgets": [to_wire(each) for each in tx.values(Allowance, "budget.all")],
    }


def _lines(tx: Transaction, by: str, run: int | None) -> list[dict[str, Any]]:
    found = tx.all("turn.usage", by=by, run=run, now=tx.now, limit=LINES_MAX)
    return [dict(row) for row in found]
