"""Many tasks quickly: a few are made by the use cases, the rest are copies of their rows.

A copy differs from its pattern in its number only, so whatever columns, indexes and triggers the
schema has are filled as the product fills them. Copies have no events: a benchmark reads the rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.crew import Crew
from supervisor.coordinator import planning, work
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.scope import Scope
from supervisor.model.ids import number_of
from supervisor.model.task import Task
from supervisor.store.database import connect

DESCRIPTION: Final = (
    "Read the section of the grammar, write the parser for it and its tests, and say in the notes what the "
    "grammar leaves open. Keep to the style of the parsers beside it; do not touch the lexer."
)
FINISHED_RESULT: Final = "done; three files changed"
BATCH: Final = 500


async def create(crew: Crew, count: int, *, chained: bool = False) -> None:
    """Create tasks by the use case, `chained`: every second one waits for the one before it."""
    planner, numbers = crew.actors[0], iter(range(count))

    def batch(scope: Scope) -> None:
        before: Task | None = None
        for number, _ in zip(numbers, range(BATCH), strict=False):
            depends_on = (before.id,) if chained and before is not None and number % 2 else ()
            wanted = NewTask(
                title=f"Write the parser of section {number}", description=DESCRIPTION, depends_on=depends_on
            )
            before = planning.create_task(scope, planner, wanted)

    for _ in range(0, count, BATCH):
        await crew.do(batch)


async def pattern(crew: Crew, *, finished: bool) -> int:
    """Make one task and return its row's number; a finished one has been claimed and handed in."""
    await create(crew, 1)
    newest = await crew.store.read(lambda tx: tx.scalar("task.next_number")) - 1
    if finished:
        actor = crew.actors[0]

        def finish(scope: Scope) -> None:
            held = work.claim(scope, actor, f"T{newest}").task
            work.complete(scope, actor, held.id, held.token, FINISHED_RESULT)

        await crew.do(finish)
    return int(number_of(f"T{newest}", "T"))


async def mail_pattern(crew: Crew) -> int:
    """Send one message, read and ack it, and return its row's number."""
    sender, reader = crew.callers()[:2]
    await crew.do(sender.send)
    await crew.do(reader.read)
    newest: int = await crew.store.read(lambda tx: tx.scalar("message.next_number")) - 1
    return newest


def multiply(path: Path, pattern_number: int, copies: int) -> None:
    """Copy one task's row so many times, in one transaction, on a closed database."""
    with _filling(path) as connection:
        _copy(connection, "task", pattern_number, copies)


def multiply_mail(path: Path, pattern_number: int, copies: int) -> None:
    """Copy one message and its delivery so many times, in one transaction, on a closed database."""
    with _filling(path) as connection:
        first = 1 + connection.execute("SELECT max(n) FROM message").fetchone()[0]
        _copy(connection, "message", pattern_number, copies)
        columns = ", ".join(
            f'"{name}"' for name in _stored_columns(connection, "delivery") if name != "message"
        )
        connection.execute(
            f"""
            INSERT INTO delivery (message, {columns})
            SELECT m.id, {columns} FROM (SELECT {columns} FROM delivery WHERE message = 'M' || :pattern) AS d,
            (SELECT id FROM message WHERE n >= :first) AS m
            """,
            {"pattern": pattern_number, "first": first},
        )


@contextmanager
def _filling(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection in one transaction that need not survive a crash."""
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copy(connection: sqlite3.Connection, table: str, pattern_number: int, copies: int) -> None:
    columns = ", ".join(f'"{name}"' for name in _stored_columns(connection, table) if name != "n")
    connection.execute(
        f"""
        WITH RECURSIVE copy (step) AS (
            SELECT 1 UNION ALL SELECT step + 1 FROM copy WHERE step < :copies
        )
        INSERT INTO {table} (n, {columns})
        SELECT (SELECT max(n) FROM {table}) + step, {columns} FROM {table}, copy WHERE n = :pattern
        ORDER BY step
        """,
        {"copies": copies, "pattern": pattern_number},
    )


def _stored_columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row["name"] for row in connection.execute(f"PRAGMA table_xinfo ({table})") if row["hidden"] == 0]
