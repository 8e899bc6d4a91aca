"""What is changed in a restored copy, so that nobody from its lost future can act in it.

The engine's own agents cannot: their keys live in its memory alone. What could is a key of an outside agent
that was given, rotated or revoked since; a claim or an id that somebody still remembers and that would come
to mean something else. So no outside key is taken any more, the token of every open task rises above all that
were given, and no number that may have been used is given again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from supervisor.model.ids import HUMAN, SUPERVISOR
from supervisor.model.task import Task
from supervisor.store.transaction import Transaction

UNKNOWN_FUTURE: Final = 1000
"""How many numbers and tokens are left out when nothing tells how many were given since the copy was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Future:
    """What was given since the copy was made: the highest numbers by noun, the tokens by task."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fenced:
    """What was done to the copy: how many tokens were raised, and whose keys are taken no more."""

    tasks: int
    keys: tuple[str, ...]


def future_of(tx: Transaction) -> Future:
    """Read what a database knows of the numbers and tokens that were given."""
    numbers = {row["noun"]: int(row["highest"]) for row in tx.all("numbering.highest")}
    for row in tx.all("numbering.floors"):
        numbers[row["noun"]] = max(numbers.get(row["noun"], 0), int(row["floor"]))
    return Future(
        numbers=numbers, tokens={row["id"]: int(row["token"]) for row in tx.all("numbering.tokens")}
    )


def fence_off(tx: Transaction, future: Future | None, *, source: str) -> Fenced:
    """Shut the future out of the copy, and let its log tell of the restore; None is a future nobody knows."""
    own = future_of(tx)
    for noun, highest in own.numbers.items():
        beyond = highest + UNKNOWN_FUTURE if future is None else future.numbers.get(noun, 0)
        tx.execute("numbering.raise", noun=noun, floor=max(highest, beyond))
    raised = _raise_tokens(tx, future)
    keys = tuple(row["name"] for row in tx.all("numbering.keys_taken"))
    tx.execute("numbering.drop_keys")
    tx.tell("engine.restored", source, actor=HUMAN, tasks=raised, keys=list(keys))
    return Fenced(tasks=raised, keys=keys)


def _raise_tokens(tx: Transaction, future: Future | None) -> int:
    raised = 0
    for task in tx.values(Task, "numbering.open_tasks"):
        beyond = task.token + UNKNOWN_FUTURE if future is None else future.tokens.get(task.id, 0)
        if beyond > task.token:
            fenced = replace(task, token=beyond)
            tx.record("task.fenced", fenced, actor=SUPERVISOR, reason="a copy was restored")
            raised += 1
    return raised
