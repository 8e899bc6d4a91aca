"""What an operation costs when the list is long: at a thousand tasks, at a million open or finished.

Measured inside the transaction, so that the disk's own time does not hide what grows; beside it the
part that SQLite takes, so that Python's constant part does not hide it either.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import bulk
from benchmarks.crew import Caller, Crew, HastyClock, Operation, crew
from benchmarks.table import Table, median
from supervisor.coordinator import choosing, planning, runs, upkeep, waiting
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.scope import Scope
from supervisor.store.database import connect
from supervisor.store.transaction import Transaction, log_end

AGENTS: Final = 50
SMALL: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """How much lies in one database."""

    label: str
    open: int
    finished: int = 0
    mail: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What an operation takes in the middle, and how much of it in SQLite, µs."""

    whole: float
    sqlite: float


def tables(rounds: int) -> Iterator[Table]:
    """Measure each operation on each pile."""
    big, looks = (1_000_000, 300) if rounds > 3 else (20_000, 100)
    piles = (
        Pile(label=f"{SMALL:,} open", open=SMALL),
        Pile(label=f"{big:,} open", open=big),
        Pile(
            label=f"{SMALL:,} open, {big:,} finished, {big // 10:,} read messages",
            open=SMALL,
            finished=big,
            mail=big // 10,
        ),
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as place, ExitStack() as open_files:
        benches = []
        for number, pile in enumerate(piles):
            path = Path(place) / f"{number}.db"
            team = asyncio.run(_filled(path, pile))
            benches.append(Bench(open_files.enter_context(closing(connect(path))), team))
        for number in range(-(looks // 10), looks):  # the first tenth warms up
            for bench in benches:  # in turn, so that a busy minute meets all
                bench.look(number)
        costs = [bench.costs() for bench in benches]
    columns = ("operation", *(f"{pile.label}: µs (SQLite)" for pile in piles), "worst ÷ first", "of SQLite")
    table = Table("Cost of an operation by what lies in the database", columns)
    for name in costs[0]:
        each = [cost[name] for cost in costs]
        table.add(
            name,
            *(f"{cost.whole:,.0f} ({cost.sqlite:,.0f})" for cost in each),
            max(cost.whole for cost in each[1:]) / each[0].whole,
            max(cost.sqlite for cost in each[1:]) / max(each[0].sqlite, 1.0),
        )
    yield table


async def _filled(path: Path, pile: Pile) -> Crew:
    async with crew(path, AGENTS) as team:
        await bulk.create(team, SMALL)
        pending = await bulk.pattern(team, finished=False)
        finished = await bulk.pattern(team, finished=True)
        mail = await bulk.mail_pattern(team)
    if pile.open > SMALL:
        bulk.multiply(path, pending, pile.open - SMALL)
    if pile.finished:
        bulk.multiply(path, finished, pile.finished)
        bulk.multiply_mail(path, mail, pile.mail)
    return team


def operations(team: Crew) -> dict[str, Callable[[int], Operation]]:
    """Name what is measured; each gives the operation of one round, in the order in which they are done."""
    callers = team.callers()

    def of(step: Callable[[Caller, Scope], None]) -> Callable[[int], Operation]:
        return lambda number: lambda scope: step(callers[number % len(callers)], scope)

    def create(scope: Scope) -> None:
        wanted = NewTask(title="Write the parser of a section", description=bulk.DESCRIPTION)
        planning.create_task(scope, callers[-1].actor, wanted)

    alive = {caller.actor.name: 0.0 for caller in callers}
    return {
        "claim": of(Caller.claim),
        "progress": of(Caller.progress),
        "complete": of(Caller.complete),
        "create": lambda _number: create,
        "send": of(Caller.send),
        "read and ack": of(Caller.read),
        "what to do next": lambda _number: lambda scope: choosing.recommended(scope, callers[0].actor),
        "look of a held `wait`": lambda _number: (
            lambda scope: waiting.true_now(scope, callers[0].actor, ("mail", "task"))
        ),
        "upkeep's tick": lambda _number: lambda scope: upkeep.tick(scope, alive),
        "is the run over": lambda _number: runs.standing,
        "counts of the tasks": lambda _number: lambda scope: scope.tx.all("task.counts", run=scope.run),
    }


class Bench:
    """One connection on which operations are done, each in a transaction of its own."""

    def __init__(self, connection: sqlite3.Connection, team: Crew) -> None:
        """Begin at the log's end."""
        self._connection = connection
        self._coordinator = team.coordinator
        self._operations = operations(team)
        self._clock = HastyClock()
        self._end = log_end(connection)
        self._whole: dict[str, list[float]] = {name: [] for name in self._operations}
        self._sqlite: dict[str, list[float]] = {name: [] for name in self._operations}

    def look(self, number: int) -> None:
        """Do every operation once, by the agent whose turn it is; rounds before 0 only warm up."""
        for name, operation in self._operations.items():
            timer = _Timed(self._connection)
            took_s = self._once(operation(number), timer)
            if number >= 0:
                self._whole[name].append(took_s * 1e6)
                self._sqlite[name].append(timer.seconds * 1e6)

    def costs(self) -> dict[str, Cost]:
        """Return the middle of each operation's times."""
        return {
            name: Cost(whole=median(self._whole[name]), sqlite=median(self._sqlite[name]))
            for name in self._operations
        }

    def _once(self, operation: Operation, timer: _Timed) -> float:
        now = self._clock.now()
        transaction = Transaction(timer, end=self._end, now=now, run=1)  # type: ignore[arg-type]
        scope = self._coordinator.scope(transaction)
        self._connection.execute("BEGIN IMMEDIATE")
        begun = time.perf_counter()
        operation(scope)
        took_s = time.perf_counter() - begun
        self._connection.execute("COMMIT")
        self._end = transaction.end
        return took_s


class _Timed:
    """Stands in for the connection of one transaction and adds up what SQLite takes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.seconds = 0.0

    def execute(self, statement: str, parameters: Any = ()) -> _TimedCursor:
        begun = time.perf_counter()
        cursor = self._connection.execute(statement, parameters)
        self.seconds += time.perf_counter() - begun
        return _TimedCursor(cursor, self)


class _TimedCursor:
    def __init__(self, cursor: sqlite3.Cursor, timer: _Timed) -> None:
        self._cursor = cursor
        self._timer = timer
        self.rowcount = cursor.rowcount

    def fetchone(self) -> Any:
        return self._timed(self._cursor.fetchone)

    def fetchall(self) -> Any:
        return self._timed(self._cursor.fetchall)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())

    def _timed(self, fetch: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        found = fetch()
        self._timer.seconds += time.perf_counter() - begun
        return found
