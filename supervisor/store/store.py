"""The single writer: operations gather while a batch runs, and are answered after its commit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import aiosqlite

from supervisor.clock import Clock
from supervisor.errors import DatabaseUnavailable, StoreError, SupervisorError
from supervisor.model.event import Event
from supervisor.store.backup import finish_restore
from supervisor.store.custody import Custody
from supervisor.store.database import connect, named_errors, prepare_database
from supervisor.store.local_disk import require_local
from supervisor.store.place import Place
from supervisor.store.soundness import is_small
from supervisor.store.transaction import LogEnd, Transaction, log_end
from supervisor.store.whole_check import WholeCheck

T = TypeVar("T")

BATCH_MAX: Final = 256
CHECK_AFTER_S: Final = 5.0
"""How long after its opening a large file is checked whole: the agents start first."""

TROUBLES: Final = frozenset({sqlite3.OperationalError, sqlite3.DatabaseError})
"""What SQLite raises when the file cannot be used; its subclasses for misuse are faults of an operation."""


@dataclass(slots=True)
class _Waiting:
    operation: Callable[[Transaction], Any]
    answer: asyncio.Future[Any]


@dataclass(slots=True)
class _Batch:
    outcomes: list[tuple[_Waiting, Any, BaseException | None]]
    events: list[Event]
    end: LogEnd
    refusal: StoreError | None


class Store:
    """The open database. Use as `async with Store(path, clock) as store`.

    Operations run one after another in one thread; each is a savepoint of its batch, so
    a refused one changes nothing and the others go on. Listeners are told the committed
    events in order, on the event loop, before the operations are answered.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        """Name the file; nothing is opened yet."""
        self._clock = clock
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._listeners: list[Callable[[list[Event]], None]] = []
        self._end = LogEnd()
        self._check = WholeCheck(path)
        self._checking: asyncio.Task[None] | None = None
        self.path = path
        self.run = 0
        self.session = ""

    async def __aenter__(self) -> Self:
        """Check, migrate and open the file; raise StoreError where it cannot be used."""
        await asyncio.to_thread(_make_ready, self.path)
        with named_errors(self.path):
            self._connection = await aiosqlite.Connection(lambda: connect(self.path), iter_chunk_size=64)
        try:
            self._end = await self._in_thread(log_end)
            with named_errors(self.path):
                self._custody = Custody(Place.taken(self.path), self._clock)
        except BaseException:
            await self._connection.close()  # its thread would keep the process from ending
            raise
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        self._tasks.create_task(self._write_batches(), name="store writer")
        if not is_small(self.path):
            self._checking = self._tasks.create_task(self._check_whole(), name="store check")
        return self

    async def __aexit__(self, *error: object) -> None:
        """Write what is queued, then close."""
        self._closing = True
        self._wake.set()
        self._check.stop()
        if self._checking is not None:
            self._checking.cancel()
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            await self._connection.close()

    def listen(self, listener: Callable[[list[Event]], None]) -> None:
        """Call `listener` with each commit's events from now on; it must not block or raise."""
        self._listeners.append(listener)

    @property
    def trouble(self) -> str:
        """Say why nothing is written any more and what to do; empty while all is well."""
        return self._custody.trouble

    @property
    def waiting(self) -> int:
        """Return how many operations wait for the next batch."""
        return len(self._queue)

    @property
    def last_seq(self) -> int:
        """Return the number of the newest committed event."""
        return self._end.seq

    async def write(self, operation: Callable[[Transaction], T]) -> T:
        """Run one operation in a transaction and return its answer once it is durable."""
        if self._closing:
            raise DatabaseUnavailable("the engine is stopping; try again after it was started")
        waiting = _Waiting(operation, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._wake.set()
        answer: T = await waiting.answer
        return answer

    async def read(self, operation: Callable[[Transaction], T]) -> T:
        """Run a reading operation between two batches: it sees exactly the committed state."""
        return await self._in_thread(lambda connection: operation(self._view(connection)))

    async def _in_thread(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Hand work to the connection's own thread, as each of aiosqlite's methods does."""
        # aiosqlite has no public call for several statements in one hop; tests/unit/store pins this one.
        with named_errors(self.path):
            answer: T = await self._connection._execute(work, self._connection._conn)  # type: ignore[no-untyped-call]  # noqa: SLF001
            return answer

    def _view(self, connection: sqlite3.Connection) -> Transaction:
        """Look at the committed state: its end is read, since a commit may not have been announced yet."""
        return Transaction(
            connection, end=log_end(connection), now=self._clock.now(), run=self.run, session=self.session
        )

    def _transaction(self, connection: sqlite3.Connection) -> Transaction:
        return Transaction(
            connection, end=self._end, now=self._clock.now(), run=self.run, session=self.session
        )

    async def _write_batches(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH_MAX, len(self._queue)))]
                await self._write_one_batch(batch)
            if self._closing:
                return

    async def _write_one_batch(self, waiting: list[_Waiting]) -> None:
        try:
            batch = await self._in_thread(lambda connection: self._commit(connection, waiting))
        except SupervisorError as error:
            for each in waiting:
                _settle(each, None, error)
            return
        self._end = batch.end
        if batch.refusal is not None:
            for each in waiting:
                _settle(each, None, batch.refusal)
            return
        if batch.events:
            for listener in self._listeners:
                listener(batch.events)
        for each, answer, failure in batch.outcomes:
            _settle(each, answer, failure)

    def _commit(self, connection: sqlite3.Connection, waiting: list[_Waiting]) -> _Batch:
        if (refusal := self._custody.refusal(connection, committed=False)) is not None:
            raise refusal
        transaction = self._transaction(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            outcomes = [(each, *_attempt(connection, transaction, each.operation)) for each in waiting]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        refusal = self._custody.refusal(connection, committed=True)
        return _Batch(outcomes, transaction.events, transaction.end, refusal)

    async def _check_whole(self) -> None:
        """Check the pages that were not looked at when the file was opened."""
        await self._clock.sleep(CHECK_AFTER_S)
        damage = await asyncio.to_thread(self._check.run)
        if damage is not None:
            self._custody.damaged(damage)


def _make_ready(path: Path) -> None:
    require_local(path.parent)
    with named_errors(path):
        finish_restore(path)
    prepare_database(path)


def _attempt(
    connection: sqlite3.Connection, transaction: Transaction, operation: Callable[[Transaction], Any]
) -> tuple[Any, BaseException | None]:
    """Run one operation in a savepoint; undo its rows and events if it raises."""
    end, count = transaction.end, len(transaction.events)
    connection.execute("SAVEPOINT operation")
    try:
        answer = operation(transaction)
    except Exception as error:
        if type(error) in TROUBLES:
            raise
        connection.execute("ROLLBACK TO operation")
        connection.execute("RELEASE operation")
        transaction.end = end
        del transaction.events[count:]
        return None, error
    connection.execute("RELEASE operation")
    return answer, None


def _settle(waiting: _Waiting, answer: Any, failure: BaseException | None) -> None:
    if waiting.answer.done():
        return
    if failure is None:
        waiting.answer.set_result(answer)
    else:
        waiting.answer.set_exception(failure)
