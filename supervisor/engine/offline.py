"""The state of a project without its engine: read from disk, for verbs that only look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from supervisor import __version__
from supervisor.clock import SystemClock
from supervisor.coordinator import views
from supervisor.engine.premises import report_dir_of
from supervisor.model.agent import ALIVE, AgentState
from supervisor.model.approval import Mode
from supervisor.model.team import Run
from supervisor.model.world import EngineInfo, PoolInfo, Snapshot
from supervisor.store.database import reading
from supervisor.store.transaction import Transaction, log_end
from supervisor.workspace.engine_lock import holder_of
from supervisor.workspace.state_dir import StateDir, open_state

T = TypeVar("T")


async def read_offline(project: Path) -> Snapshot:
    """Return the last run as it stands on disk; raise StoreError if there is none or it is damaged."""
    return await asyncio.to_thread(_read, open_state(project, create=False))


async def look_offline(project: Path, look: Callable[[Transaction], T]) -> T:
    """Run a reading function on the state on disk, in the last run."""
    state = open_state(project, create=False)
    return await asyncio.to_thread(_look, state.database, look)


def _look(database: Path, look: Callable[[Transaction], T]) -> T:
    with reading(database) as connection:
        tx = Transaction(connection, end=log_end(connection), now=SystemClock().now(), run=0)
        run = tx.value(Run, "run.latest")
        tx.run = 0 if run is None else run.id
        return look(tx)


def _read(state: StateDir) -> Snapshot:
    def snapshot(tx: Transaction) -> Snapshot:
        return views.snapshot(tx, _info(state, tx, tx.value(Run, "run.latest")))

    shown = _look(state.database, snapshot)
    if holder_of(state.lock_file) is None:
        shown.tables["agent"] = [_at_rest(agent) for agent in shown.tables["agent"]]
    return shown


def _at_rest(agent: dict[str, Any]) -> dict[str, Any]:
    """Show no agent as running when there is no engine: its guardian has ended what a killed one left."""
    if AgentState(agent["state"]) not in ALIVE:
        return agent
    gone = {"state": AgentState.PENDING.value, "pid": None, "task": None}
    return agent | gone | {"reason": "its engine died; the next start goes on"}


def _info(state: StateDir, tx: Transaction, run: Run | None) -> EngineInfo:
    pools: dict[str, PoolInfo] = {}
    for row in tx.all("agent.all"):
        known = pools.get(row["pool"])
        size = 1 if known is None else known.size + 1
        pools[row["pool"]] = PoolInfo(name=row["pool"], role=row["role"], size=size)
    return EngineInfo(
        team="" if run is None else run.team,
        description="",
        project=str(state.project),
        mode=Mode.HEADLESS,
        pid=0,
        started_at=0.0,
        pools=tuple(pools.values()),
        log_dir=str(state.logs),
        report_dir=str(report_dir_of(state, tx.run)),
        version=__version__,
    )
