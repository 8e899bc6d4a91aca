"""The counters that operations keep, counted again from the rows: what fsck and the tests compare."""

from __future__ import annotations

from collections import defaultdict

from supervisor.coordinator.memory_use import wrong_use
from supervisor.model.task import OPEN, EdgePolicy, TaskState
from supervisor.store.transaction import Transaction

COUNTERS = ("unmet", "lost", "open_children", "done_children")


def wrong_counters(tx: Transaction) -> list[str]:
    """Say for each kept counter that is not what the rows say: whose, what it is, what it should be."""
    true: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTERS, 0))
    for row in tx.all("task.edges_to_count"):
        state = TaskState(row["state"])
        true[row["task"]]["unmet"] += state in OPEN
        true[row["task"]]["lost"] += EdgePolicy(row["policy"]).is_lost_by(state)
    for row in tx.all("task.children_to_count"):
        state = TaskState(row["state"])
        true[row["parent_n"]]["open_children"] += state in OPEN
        true[row["parent_n"]]["done_children"] += state is TaskState.DONE
    wrong = [
        f"T{row['n']} counts {row[name]} {name}, its rows say {true[row['n']][name]}"
        for row in tx.all("task.counters_of_all")
        for name in COUNTERS
        if row[name] != true[row["n"]][name]
    ]
    wrong += [
        f"run {row['run']} counts {row['kept']} tasks {row['state']}, its rows say {row['counted']}"
        for row in tx.all("task.wrong_counts")
    ]
    return wrong + wrong_use(tx)
