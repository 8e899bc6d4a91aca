"""fsck: check the invariants of the state on disk, without changing anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from supervisor.coordinator import views
from supervisor.coordinator.recount import wrong_counters
from supervisor.errors import StoreError, SupervisorError
from supervisor.model.agent import ALIVE, Agent
from supervisor.model.approval import APPROVAL_MOVES, ApprovalState
from supervisor.model.event import Event, verify_chain
from supervisor.model.task import TaskState
from supervisor.model.transitions import TASK_MOVES
from supervisor.model.vote import fault
from supervisor.model.world import World
from supervisor.store.database import reading
from supervisor.store.transaction import Transaction, event_of, log_end
from supervisor.workspace.engine_lock import holder_of
from supervisor.workspace.state_dir import open_state

PAGE: Final = 1000
SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FsckReport:
    """What was checked: name, whether it holds, and what was found."""

    checks: tuple[tuple[str, bool, str], ...]

    @property
    def ok(self) -> bool:
        """Tell whether every check holds."""
        return all(holds for _, holds, _ in self.checks)


async def fsck(project: Path) -> FsckReport:
    """Check a project's state; works beside a running engine, in one read transaction."""
    state = open_state(project, create=False)
    engine_runs = holder_of(state.lock_file) is not None
    return FsckReport(checks=await asyncio.to_thread(_checks, state.database, engine_runs=engine_runs))


def _checks(database: Path, *, engine_runs: bool) -> tuple[tuple[str, bool, str], ...]:
    try:
        with reading(database) as connection:
            integrity = connection.execute("PRAGMA integrity_check(3)").fetchall()
            foreign = connection.execute("PRAGMA foreign_key_check").fetchall()
            tx = Transaction(connection, end=log_end(connection), now=0.0, run=0)
            events = list(_events(tx))
            return (
                (
                    "database pages",
                    [row[0] for row in integrity] == ["ok"],
                    "; ".join(row[0] for row in integrity),
                ),
                ("references", not foreign, f"{len(foreign)} dangling"),
                _check("event chain (I6)", lambda: f"{verify_chain(events)} events, hash chain whole"),
                _check("state = fold of events (I6)", lambda: _same_state(tx, events)),
                _check("dependency counters", lambda: _counters(tx)),
                _check("tokens rise, moves by the table (I2)", lambda: _moves(events)),
                _check("votes (I4)", lambda: _votes(tx)),
                _check("approvals answered once (I5)", lambda: _approvals(events)),
                _check("nothing runs that does not (I8)", lambda: _phantoms(tx, engine_runs=engine_runs)),
            )
    except StoreError as error:
        return (("database", False, error.message),)


def _check(name: str, judge: Any) -> tuple[str, bool, str]:
    try:
        return name, True, judge()
    except (SupervisorError, ValueError) as error:
        return name, False, str(error)


def _events(tx: Transaction) -> Iterator[Event]:
    since = 0
    while rows := tx.all("event.since", since=since, limit=PAGE):
        yield from (event_of(row) for row in rows)
        since = rows[-1]["seq"]


def _same_state(tx: Transaction, events: list[Event]) -> str:
    folded, stored = World(), views.whole_world(tx)
    for event in events:
        folded.apply(event)
    for noun, table in stored.tables.items():
        wrong = sorted(
            key
            for key in table.keys() | folded.tables[noun].keys()
            if table.get(key) != folded.tables[noun].get(key)
        )
        if wrong:
            raise ValueError(
                f"{len(wrong)} rows of {noun} differ from their events: {', '.join(wrong[:SHOWN])}"
            )
    return f"{sum(len(table) for table in stored.tables.values())} rows equal"


def _counters(tx: Transaction) -> str:
    if wrong := wrong_counters(tx):
        raise ValueError("; ".join(wrong[:SHOWN]))
    return "as the rows say"


def _moves(events: list[Event]) -> str:
    states: dict[str, TaskState] = {}
    tokens: dict[str, int] = {}
    for event in events:
        if event.noun != "task":
            continue
        state, token = TaskState(event.after["state"]), int(event.after["token"])
        before = states.get(event.subject)
        if before is not None and state is not before and state not in TASK_MOVES[before]:
            raise ValueError(f"event {event.seq}: {event.subject} went from {before} to {state}")
        if token != tokens.get(event.subject, 0) + (event.kind == "task.claimed"):
            raise ValueError(f"event {event.seq}: the token of {event.subject} is {token}")
        states[event.subject], tokens[event.subject] = state, token
    return f"{len(states)} tasks"


def _votes(tx: Transaction) -> str:
    world = views.whole_world(tx)
    for vote in world.votes.values():
        if wrong := fault(vote, world.ballots_of(vote.id)):
            raise ValueError(f"{vote.id}: {wrong}")
    return f"{len(world.votes)} votes"


def _approvals(events: list[Event]) -> str:
    states: dict[str, ApprovalState] = {}
    for event in events:
        if event.noun != "approval":
            continue
        state = ApprovalState(event.after["state"])
        before = states.get(event.subject)
        if before is not None and state not in APPROVAL_MOVES[before]:
            raise ValueError(f"event {event.seq}: {event.subject} went from {before} to {state}")
        states[event.subject] = state
    return f"{len(states)} approvals"


def _phantoms(tx: Transaction, *, engine_runs: bool) -> str:
    if engine_runs:
        return "an engine runs; not judged"
    running = [agent.name for agent in tx.values(Agent, "agent.all") if agent.state in ALIVE]
    if running:
        return f"an engine died with {len(running)} agents up; the next start will take over"
    return "no agent shown as running"
