"""How much is remembered where and by whom: kept as counters, so that no write has to count it."""

from __future__ import annotations

from dataclasses import dataclass

from supervisor.model.memory import MemoryEntry
from supervisor.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How much a scope holds or an author wrote."""

    entries: int
    bytes: int


NOTHING = Use(entries=0, bytes=0)


def size_of(entry: MemoryEntry) -> int:
    """Return how many bytes an entry's value has."""
    return len(entry.value.encode())


def use_of(tx: Transaction, owner: str) -> Use:
    """Return what is kept for `scope:S` or `author:NAME`."""
    row = tx.one("memory_use.of", owner=owner)
    return NOTHING if row is None else Use(entries=row["entries"], bytes=row["bytes"])


def count_change(tx: Transaction, known: MemoryEntry | None, entry: MemoryEntry) -> None:
    """Count an entry that is written over another one, for their scope and their authors."""
    for each, sign in ((known, -1), (entry, 1)):
        if each is not None and not each.deleted:
            for owner in (f"scope:{each.scope}", f"author:{each.author}"):
                tx.execute("memory_use.add", owner=owner, entries=sign, bytes=sign * size_of(each))


def wrong_use(tx: Transaction) -> list[str]:
    """Say for each kept counter that is not what the rows say: whose, what it is, what it should be."""
    kept, counted = (
        {row["owner"]: Use(entries=row["entries"], bytes=row["bytes"]) for row in tx.all(query)}
        for query in ("memory_use.kept", "memory_use.counted")
    )
    return [
        f"memory of {owner} counts {kept.get(owner, NOTHING)}, its rows say {counted.get(owner, NOTHING)}"
        for owner in sorted(kept.keys() | counted.keys())
        if kept.get(owner) != counted.get(owner)
    ]
