"""One contender of the store's benchmark in a process of its own: what it took to do the mix.

python -m benchmarks.contender NAME DATABASE SCRIPT OPERATIONS CALLERS    prints one JSON object
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks.crew import crew
from benchmarks.script import read_script
from benchmarks.table import median, percentile


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How many operations in which time and processor time, and what one of them took."""

    operations: int
    seconds: float
    cpu_seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Return operations a second."""
        return self.operations / self.seconds

    @property
    def cpu_us(self) -> float:
        """Return the processor time of one operation, which a busy machine changes least."""
        return self.cpu_seconds / self.operations * 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a contender is asked to do."""

    database: Path
    script: Path
    operations: int
    callers: int


async def measured(callers: int, turn: Callable[[int], Awaitable[bool]]) -> Outcome:
    """Let callers take turns until each one's says that nothing is left, and time every turn."""
    times_ms: list[float] = []

    async def caller(number: int) -> None:
        while True:
            begun = time.perf_counter()
            if not await turn(number):
                return
            times_ms.append((time.perf_counter() - begun) * 1000)

    begun, busy = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for number in range(callers):
            group.create_task(caller(number))
    seconds = time.perf_counter() - begun
    return Outcome(
        operations=len(times_ms),
        seconds=seconds,
        cpu_seconds=time.process_time() - busy,
        p50_ms=median(times_ms),
        p99_ms=percentile(times_ms, 99),
    )


async def ours(order: Order) -> Outcome:
    """Do the mix through the coordinator, as tool calls do."""
    async with crew(order.database, order.callers) as team:
        callers = team.callers()
        steps = [caller.steps for caller in callers]
        left = [order.operations // order.callers] * order.callers

        async def turn(number: int) -> bool:
            if not left[number]:
                return False
            step = steps[number][-left[number] % 5]
            left[number] -= 1
            await team.call(callers[number].actor, step)
            return True

        return await measured(order.callers, turn)


async def same_statements(order: Order) -> Outcome:
    """Do the script as aiosqlite is usually used: a lock, an await a statement, a commit an operation."""
    import aiosqlite  # noqa: PLC0415 - each contender loads only what it needs

    from supervisor.store.database import connect  # noqa: PLC0415

    script = read_script(order.script)
    calls = script.calls(order.operations)
    lock = asyncio.Lock()
    async with aiosqlite.Connection(lambda: connect(order.database), iter_chunk_size=64) as connection:

        async def turn(_number: int) -> bool:
            async with lock:
                operation = next(calls, None)
                if operation is None:
                    return False
                await connection.execute("BEGIN IMMEDIATE")
                for statement, values in operation:
                    await connection.execute_fetchall(statement, values)
                await connection.commit()
            return True

        return await measured(order.callers, turn)


async def orm(order: Order) -> Outcome:
    """Do the mix by mapped classes over the same tables."""
    from benchmarks.orm_peer import run  # noqa: PLC0415

    return await run(order)


async def lean(order: Order) -> Outcome:
    """Do the mix by aiosqlite on a schema of its own that has only what the mix needs."""
    from benchmarks.lean_peer import run  # noqa: PLC0415

    return await run(order)


CONTENDERS: Final[dict[str, Callable[[Order], Awaitable[Outcome]]]] = {
    "ours": ours,
    "aiosqlite": same_statements,
    "orm": orm,
    "lean": lean,
}


def main() -> None:
    """Run the named contender."""
    name, database, script, operations, callers = sys.argv[1:]
    order = Order(
        database=Path(database), script=Path(script), operations=int(operations), callers=int(callers)
    )

    async def contend() -> Outcome:
        return await CONTENDERS[name](order)

    print(json.dumps(asdict(asyncio.run(contend()))))


if __name__ == "__main__":
    main()
