"""aiosqlite as it is usually written, on a schema that knows only what the mix needs.

A task has eight columns instead of sixty, an event one line instead of the whole value, and nobody
checks who calls: so this is the least that the same mix can be, with a commit for each operation.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import aiosqlite

from benchmarks.contender import Order, Outcome, measured
from benchmarks.crew import BODY

SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE task (
    id INTEGER PRIMARY KEY, title TEXT, state TEXT, priority INTEGER, unmet INTEGER,
    holder INTEGER, token INTEGER, result TEXT
);
CREATE INDEX ready ON task (priority, id) WHERE state = 'pending' AND unmet = 0;
CREATE TABLE dependency (task INTEGER, dep INTEGER, PRIMARY KEY (task, dep)) WITHOUT ROWID;
CREATE INDEX reverse ON dependency (dep, task);
CREATE TABLE message (
    id INTEGER PRIMARY KEY, sender INTEGER, recipient INTEGER, body TEXT, acked INTEGER DEFAULT 0
);
CREATE INDEX unread ON message (recipient, id) WHERE acked = 0;
CREATE TABLE event (seq INTEGER PRIMARY KEY, at REAL, kind TEXT, subject INTEGER, actor INTEGER);
"""
CLAIM: Final = """
UPDATE task SET state = 'in_progress', holder = ?, token = token + 1 WHERE id = (
    SELECT id FROM task INDEXED BY ready WHERE state = 'pending' AND unmet = 0 ORDER BY priority, id LIMIT 1
) RETURNING id
"""


class Team:
    """The agents on one connection behind one lock."""

    def __init__(self, connection: aiosqlite.Connection, callers: int) -> None:
        """Begin with nothing held."""
        self._connection = connection
        self._lock = asyncio.Lock()
        self._held = [0] * callers

    async def step(self, agent: int, step: int) -> None:
        """Do one operation of the mix."""
        async with self._lock:
            await (self._claim, self._progress, self._send, self._read, self._complete)[step](agent)
            await self._connection.commit()

    async def _claim(self, agent: int) -> None:
        rows = await self._connection.execute_fetchall(CLAIM, (agent,))
        (self._held[agent],) = next(iter(rows))
        await self._tell("task.claimed", self._held[agent], agent)

    async def _progress(self, agent: int) -> None:
        await self._tell("task.progress", self._held[agent], agent)

    async def _send(self, agent: int) -> None:
        to = (agent + 1) % len(self._held)
        await self._connection.execute(
            "INSERT INTO message (sender, recipient, body) VALUES (?, ?, ?)", (agent, to, BODY)
        )
        await self._tell("message.sent", to, agent)

    async def _read(self, agent: int) -> None:
        rows = await self._connection.execute_fetchall(
            "SELECT * FROM message INDEXED BY unread WHERE recipient = ? AND acked = 0 ORDER BY id LIMIT 10",
            (agent,),
        )
        for row in rows:
            await self._connection.execute("UPDATE message SET acked = 1 WHERE id = ?", (row[0],))

    async def _complete(self, agent: int) -> None:
        task = self._held[agent]
        await self._connection.execute(
            "UPDATE task SET state = 'done', result = ? WHERE id = ? AND holder = ?",
            ("done; three files changed", task, agent),
        )
        await self._connection.execute(
            "UPDATE task SET unmet = unmet - 1 WHERE id IN (SELECT task FROM dependency WHERE dep = ?)",
            (task,),
        )
        await self._tell("task.done", task, agent)

    async def _tell(self, kind: str, subject: int, actor: int) -> None:
        await self._connection.execute(
            "INSERT INTO event (at, kind, subject, actor) VALUES (?, ?, ?, ?)",
            (time.time(), kind, subject, actor),
        )


async def run(order: Order) -> Outcome:
    """Make tasks, every second one waiting for the one before, and do the mix."""
    tasks = order.operations + order.callers
    async with aiosqlite.connect(order.database.with_name("lean.db")) as connection:
        await connection.executescript(SCHEMA)
        await connection.executemany(
            "INSERT INTO task VALUES (?, 'Write the parser of a section', 'pending', 2, ?, NULL, 0, '')",
            [(number, number % 2) for number in range(tasks)],
        )
        await connection.executemany(
            "INSERT INTO dependency VALUES (?, ?)", [(number, number - 1) for number in range(1, tasks, 2)]
        )
        await connection.commit()
        team = Team(connection, order.callers)
        left = [order.operations // order.callers] * order.callers

        async def turn(agent: int) -> bool:
            if not left[agent]:
                return False
            step = -left[agent] % 5
            left[agent] -= 1
            await team.step(agent, step)
            return True

        return await measured(order.callers, turn)
