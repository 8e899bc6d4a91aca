"""Queues that teams of agents could stand on, each in a process of its own: claim a task, then complete it.

python -m benchmarks.pair_peers NAME PLACE PAIRS CALLERS    prints one JSON object

PLACE is the directory for a file, or the server's socket. Every answer is durable: where a library's
default is not (litequeue, huey), it is asked to sync.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import bulk
from benchmarks.contender import Outcome, measured
from benchmarks.crew import crew

THREADS: Final = 8
"""How many threads the libraries without asyncio get; with more they only wait for each other's lock."""

CONNECTIONS: Final = 16
SEEN: Final = 50
BODY: Final = json.dumps({"title": "Write the parser of a section", "description": bulk.DESCRIPTION})
RESULT: Final = bulk.FINISHED_RESULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a queue is asked to do."""

    place: Path
    pairs: int
    callers: int

    @property
    def tasks(self) -> int:
        """Return how many tasks there have to be, so that nobody finds the queue empty."""
        return self.pairs + self.callers


Pair = Callable[[int], Awaitable[None]]


async def _pairs(order: Order, pair: Pair) -> Outcome:
    left = [order.pairs // order.callers] * order.callers

    async def turn(caller: int) -> bool:
        if not left[caller]:
            return False
        left[caller] -= 1
        await pair(caller)
        return True

    return await measured(order.callers, turn)


async def ours(order: Order) -> Outcome:
    """Claim and complete through the coordinator, as tool calls do."""
    async with crew(order.place / "coordinator.db", order.callers) as team:
        await bulk.create(team, order.tasks)
        callers = team.callers()

        async def pair(number: int) -> None:
            caller = callers[number]
            await team.call(caller.actor, caller.claim)
            await team.call(caller.actor, caller.complete)

        return await _pairs(order, pair)


async def postgres(order: Order) -> Outcome:
    """Claim by FOR UPDATE SKIP LOCKED, each operation a transaction, with an event as ours has."""
    import asyncpg  # noqa: PLC0415 - each contender loads only what it needs

    pool = await asyncpg.create_pool(
        host=str(order.place), user="bench", database="postgres", min_size=CONNECTIONS, max_size=CONNECTIONS
    )
    async with pool:
        await pool.execute(
            """
            CREATE TABLE task (
                id bigserial PRIMARY KEY, body text, state text DEFAULT 'pending', priority int DEFAULT 2,
                holder int, token int DEFAULT 0, lease_until timestamptz, result text
            );
            CREATE INDEX ready ON task (priority, id) WHERE state = 'pending';
            CREATE TABLE event (
                seq bigserial PRIMARY KEY, at timestamptz DEFAULT now(), kind text, task bigint
            );
            """
        )
        await pool.execute("INSERT INTO task (body) SELECT $1 FROM generate_series(1, $2)", BODY, order.tasks)
        claim = """
            WITH best AS (
                SELECT id FROM task WHERE state = 'pending' ORDER BY priority, id LIMIT 1
                FOR UPDATE SKIP LOCKED
            ), taken AS (
                UPDATE task SET state = 'in_progress', holder = $1, token = token + 1,
                    lease_until = now() + interval '15 minutes'
                FROM best WHERE task.id = best.id RETURNING task.id, task.token
            ), told AS (INSERT INTO event (kind, task) SELECT 'task.claimed', id FROM taken)
            SELECT id, token FROM taken
        """
        complete = """
            WITH done AS (
                UPDATE task SET state = 'done', holder = NULL, result = $3
                WHERE id = $1 AND token = $2 RETURNING id
            ) INSERT INTO event (kind, task) SELECT 'task.done', id FROM done
        """

        async def pair(number: int) -> None:
            async with pool.acquire() as connection:
                task, token = await connection.fetchrow(claim, number)
            async with pool.acquire() as connection:
                await connection.execute(complete, task, token, RESULT)

        return await _pairs(order, pair)


async def redis(order: Order) -> Outcome:
    """Keep a backlog in Tinytown's order: list, LREM, HGETALL, HSET, RPUSH; then HGETALL, HSET.

    It lists the whole backlog; here only its first 50 ids are read, which is kinder.
    """
    from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415

    pool = BlockingConnectionPool.from_url(
        f"unix://{order.place}", max_connections=order.callers, decode_responses=True
    )
    server: Any = Redis(connection_pool=pool)
    for first in range(0, order.tasks, 1000):
        async with server.pipeline(transaction=False) as pipe:
            for number in range(first, min(first + 1000, order.tasks)):
                pipe.hset(f"task:{number}", mapping={"id": number, "body": BODY, "state": "pending"})
                pipe.rpush("backlog", number)
            await pipe.execute()
    rng = random.Random(1)

    async def claim(caller: int) -> str:
        while True:
            task: str = rng.choice(await server.lrange("backlog", 0, SEEN - 1))
            if await server.lrem("backlog", 1, task):
                break
        known = await server.hgetall(f"task:{task}")
        await server.hset(
            f"task:{task}", mapping=known | {"state": "assigned", "holder": caller, "at": time.time()}
        )
        await server.rpush(f"inbox:{caller}", json.dumps({"task": task}))
        return task

    async def pair(caller: int) -> None:
        task = await claim(caller)
        known = await server.hgetall(f"task:{task}")
        await server.hset(
            f"task:{task}", mapping=known | {"state": "completed", "result": RESULT, "at": time.time()}
        )

    outcome = await _pairs(order, pair)
    await server.aclose()
    return outcome


async def _threaded(order: Order, pair: Callable[[], None]) -> Outcome:
    """Let threads do the pairs that the callers ask for."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(THREADS) as threads:

        async def asked(_caller: int) -> None:
            await loop.run_in_executor(threads, pair)

        return await _pairs(order, asked)


async def huey(order: Order) -> Outcome:
    """Dequeue from huey's own storage and store the result."""
    from huey.storage import SqliteStorage  # noqa: PLC0415

    storage = SqliteStorage(filename=str(order.place / "huey.db"), fsync=True, timeout=60)
    for _ in range(order.tasks):
        storage.enqueue(BODY.encode())
    numbers = iter(range(order.tasks))

    def pair() -> None:
        assert storage.dequeue() is not None
        storage.put_data(str(next(numbers)).encode(), RESULT.encode(), is_result=True)

    return await _threaded(order, pair)


async def litequeue(order: Order) -> Outcome:
    """Pop from litequeue and mark as done; a connection for each thread."""
    from litequeue import LiteQueue  # noqa: PLC0415

    own = threading.local()

    def queue() -> Any:
        if not hasattr(own, "queue"):
            own.queue = LiteQueue(str(order.place / "lite.db"), timeout=60)
            own.queue.conn.execute("PRAGMA synchronous = FULL")
        return own.queue

    filled = queue()
    with filled.transaction():
        for _ in range(order.tasks):
            filled.put(BODY)

    def pair() -> None:
        own_queue = queue()
        own_queue.done(own_queue.pop().message_id)

    return await _threaded(order, pair)


async def persistqueue(order: Order) -> Outcome:
    """Get from persist-queue's queue with acknowledgement, and acknowledge."""
    from persistqueue import SQLiteAckQueue  # noqa: PLC0415

    queue = SQLiteAckQueue(str(order.place / "persist"), multithreading=True, timeout=60.0)
    for _ in range(order.tasks):
        queue.put(BODY)

    def pair() -> None:
        queue.ack(id=queue.get(raw=True)["pqid"])

    return await _threaded(order, pair)


QUEUES: Final[dict[str, Callable[[Order], Awaitable[Outcome]]]] = {
    "ours": ours,
    "postgres": postgres,
    "redis": redis,
    "huey": huey,
    "litequeue": litequeue,
    "persistqueue": persistqueue,
}


def main() -> None:
    """Run the named queue."""
    name, place, pairs, callers = sys.argv[1:]
    order = Order(place=Path(place), pairs=int(pairs), callers=int(callers))

    async def contend() -> Outcome:
        return await QUEUES[name](order)

    print(json.dumps(asdict(asyncio.run(contend()))))


if __name__ == "__main__":
    main()
