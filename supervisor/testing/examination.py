"""What must hold of a project after anything happened to its engine or its disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.clock import Clock, SystemClock
from supervisor.coordinator import planning, runs, upkeep
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.planning import NewTask
from supervisor.engine.fsck import fsck
from supervisor.errors import SupervisorError
from supervisor.model.approval import Mode
from supervisor.store.database import reading
from supervisor.store.queries import QUERIES
from supervisor.store.store import Store
from supervisor.store.transaction import log_end
from supervisor.testing.small_team import SMALL_TEAM
from supervisor.workspace.state_dir import open_state

Fact = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What is committed: the hash of each event, the keys of the calls that were answered."""

    hashes: dict[int, str]
    keys: frozenset[str]

    @property
    def end(self) -> tuple[int, str]:
        """Return the number and hash of the newest event."""
        seq = max(self.hashes, default=0)
        return seq, self.hashes.get(seq, "")


def database_of(project: Path) -> Path:
    """Return where a project's database is."""
    return project / ".supervisor" / "coordinator.db"


def log_of(database: Path) -> Log:
    """Read what is committed, as a program that only looks."""
    with reading(database) as connection:
        rows = connection.execute(QUERIES["event.since"], {"since": 0, "limit": 10**9}).fetchall()
        keys = connection.execute("SELECT key FROM answered_call").fetchall()
    return Log(hashes={row["seq"]: row["hash"] for row in rows}, keys=frozenset(row["key"] for row in keys))


def missing(log: Log, acknowledged: Sequence[Fact]) -> list[str]:
    """Name every acknowledged fact that is not there."""
    found = []
    for fact in acknowledged:
        if log.hashes.get(fact["seq"]) != fact["hash"]:
            found.append(f"acknowledged event {fact['seq']} is not there")
        if fact.get("key") is not None and fact["key"] not in log.keys:
            found.append(f"acknowledged call {fact['key']} is not there")
    return found


async def violations(project: Path, acknowledged: Sequence[Fact], clock: Clock | None = None) -> list[str]:
    """Name everything that is not as promised; the next engine begins its work here, as it must."""
    database = database_of(project)
    if acknowledged and not database.exists() and not any(database.parent.glob("*.restored")):
        return ["the database is gone"]
    open_state(project, create=True)  # as the next engine does; the last one may have died before it
    try:
        await _go_on(database, clock or SystemClock())
        found = missing(log_of(database), acknowledged)
    except SupervisorError as error:
        return [f"{error.code}: {error.message}"]
    report = await fsck(project)
    return found + [f"{name}: {detail}" for name, holds, detail in report.checks if not holds]


async def _go_on(database: Path, clock: Clock) -> None:
    """Open the database as the next engine does, take over, and let it work."""
    async with Store(database, clock) as store:
        coordinator = Coordinator(store, clock, SMALL_TEAM, Mode.INTERACTIVE)
        begun = await coordinator.write(lambda scope: runs.begin_run(scope, SMALL_TEAM, new=False))
        store.run = begun.run.id
        await coordinator.write(upkeep.engine_was_lost)
        await coordinator.write(lambda scope: upkeep.tick(scope, {}))
        await coordinator.write(lambda scope: planning.create_task(scope, None, NewTask(title="next")))
        end = await store.read(lambda tx: log_end(tx._connection))  # noqa: SLF001 - only looked at
        if end.seq != store.last_seq:
            raise SupervisorError(f"the store says {store.last_seq}, the log ends at {end.seq}")
