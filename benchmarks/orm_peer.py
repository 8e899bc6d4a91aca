"""SQLAlchemy's asynchronous ORM on the same tables: a session and a commit for each operation."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import MetaData, event, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from benchmarks.contender import Order, Outcome, measured
from benchmarks.crew import BODY, team_of

MAPPED: Final = ("agent", "delivery", "dependency", "event", "message", "task")
PRAGMAS: Final = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")


class Team:
    """The agents, each operation a session of its own; a lock in place of busy errors."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], tables: Any, names: list[str]) -> None:
        """Begin with nothing held."""
        self._sessions = sessions
        self._tables = tables
        self._names = names
        self._held = [0] * len(names)
        self._lock = asyncio.Lock()
        self._hash = "0" * 64

    async def step(self, agent: int, step: int) -> None:
        """Do one operation of the mix."""
        operation = (self._claim, self._progress, self._send, self._read, self._complete)[step]
        async with self._lock, self._sessions() as session:
            await operation(session, agent)
            await session.commit()

    async def _claim(self, session: AsyncSession, agent: int) -> None:
        task = self._tables.task
        wanted = select(task).where(task.run == 1, task.state == "pending").order_by(task.rank).limit(1)
        found = (await session.scalars(wanted)).one()
        found.state, found.holder, found.author = "in_progress", self._names[agent], self._names[agent]
        found.token += 1
        found.lease_until = time.time() + 900
        found.started_at = found.updated_at = time.time()
        self._held[agent] = found.n
        await self._tell(session, "task.claimed", found, agent)
        await self._busy(session, agent, "working", f"T{found.n}")

    async def _progress(self, session: AsyncSession, agent: int) -> None:
        found = await session.get_one(self._tables.task, self._held[agent])
        found.percent, found.action, found.updated_at = 50, "writes the tests", time.time()
        await self._tell(session, "task.progress", found, agent)

    async def _send(self, session: AsyncSession, agent: int) -> None:
        message, delivery = self._tables.message, self._tables.delivery
        to = self._names[(agent + 1) % len(self._names)]
        number = (await session.scalar(select(func.coalesce(func.max(message.n), 0)))) + 1
        sent = _new(message, n=number, run=1, sender=self._names[agent], to=to, body=BODY)
        copy = _new(delivery, message=f"M{number}", recipient=to, state="queued")
        session.add_all([sent, copy])
        await self._tell(session, "message.sent", sent, agent)
        await self._tell(session, "delivery.queued", copy, agent)

    async def _read(self, session: AsyncSession, agent: int) -> None:
        delivery, message = self._tables.delivery, self._tables.message
        wanted = (
            select(delivery)
            .where(delivery.recipient == self._names[agent], delivery.state.in_(("queued", "delivered")))
            .order_by(delivery.n)
            .limit(10)
        )
        for copy in (await session.scalars(wanted)).all():
            await session.get_one(message, copy.n)
            copy.state, copy.delivered_at = "delivered", time.time()
            await self._tell(session, "delivery.delivered", copy, agent)
            copy.state, copy.acked_at = "acked", time.time()
            await self._tell(session, "delivery.acked", copy, agent)

    async def _complete(self, session: AsyncSession, agent: int) -> None:
        task, dependency = self._tables.task, self._tables.dependency
        found = await session.get_one(task, self._held[agent])
        found.state, found.holder, found.lease_until = "done", None, None
        found.result, found.percent = "done; three files changed", 100
        found.finished_at = found.updated_at = time.time()
        await self._tell(session, "task.done", found, agent)
        waiting = select(task).join(dependency, dependency.task == task.n).where(dependency.dep == found.n)
        for each in (await session.scalars(waiting)).all():
            each.unmet -= 1
            if each.unmet == 0:
                each.state, each.blocked_by, each.updated_at = "pending", "[]", time.time()
                await self._tell(session, "task.ready", each, agent)
        await self._busy(session, agent, "idle", None)

    async def _busy(self, session: AsyncSession, agent: int, state: str, task: str | None) -> None:
        found = await session.get_one(self._tables.agent, self._names[agent])
        found.state, found.task, found.since = state, task, time.time()
        await self._tell(session, f"agent.{state}", found, agent)

    async def _tell(self, session: AsyncSession, kind: str, changed: Any, agent: int) -> None:
        loaded = vars(changed)
        after = json.dumps({column.name: loaded.get(column.name) for column in changed.__table__.columns})
        self._hash = hashlib.sha256(f"{self._hash}{kind}{after}".encode()).hexdigest()
        told = {"kind": kind, "actor": self._names[agent], "after": after, "hash": self._hash}
        session.add(_new(self._tables.event, at=time.time(), run=1, **told))
        await session.flush()


def _new(mapped: Any, **given: Any) -> Any:
    """Build a row of a mapped class; a column that has to be filled and was not given is empty."""
    empty = {"TEXT": "", "INTEGER": 0, "REAL": 0.0}
    rest = {
        column.name: empty[str(column.type)]
        for column in mapped.__table__.columns
        if not (column.nullable or column.primary_key or column.computed or column.server_default)
    }
    return mapped(**rest | given)


def _mapped(described: MetaData) -> SimpleNamespace:
    """Map a class on each table as it stands in the file."""
    base = type("Base", (DeclarativeBase,), {"metadata": described})
    return SimpleNamespace(
        **{name: type(name, (base,), {"__table__": described.tables[name]}) for name in MAPPED}
    )


async def run(order: Order) -> Outcome:
    """Map the tables as they are and do the mix."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{order.database}")

    def prepare(connection: Any, _record: Any) -> None:
        for pragma in PRAGMAS:
            connection.execute(pragma)

    event.listen(engine.sync_engine, "connect", prepare)
    described = MetaData()
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: described.reflect(sync, only=MAPPED))
    names = [name for pool in team_of(order.callers).pools for name in pool.agent_names]
    team = Team(async_sessionmaker(engine, expire_on_commit=False), _mapped(described), names)
    left = [order.operations // order.callers] * order.callers

    async def turn(agent: int) -> bool:
        if not left[agent]:
            return False
        step = -left[agent] % 5
        left[agent] -= 1
        await team.step(agent, step)
        return True

    outcome = await measured(order.callers, turn)
    await engine.dispose()
    return outcome
