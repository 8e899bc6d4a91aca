"""Taking over from an engine that died: its processes are ended before its work is given out again.

What is left of it is known by two things, never by a bare process id, which soon means another process: by
the marker that every process of an engine carries, and by pid and start time together, within one boot of the
machine. The second finds an agent that has wiped its environment, and with it the marker.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from supervisor.coordinator import outside, runs, shifting, upkeep
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.engine.offline import look_offline
from supervisor.errors import EngineStartFailed, StoreError
from supervisor.model.ids import SUPERVISOR
from supervisor.runtime.boot import UNKNOWN, boot_id
from supervisor.runtime.census import Census
from supervisor.runtime.cgroup import end_session_cgroup, in_cgroup_thread
from supervisor.runtime.guardian import end_guardians
from supervisor.runtime.proc_table import ProcRef, ProcStat
from supervisor.runtime.sweep import TreeEnd, sweep
from supervisor.store.transaction import Transaction
from supervisor.workspace.state_dir import StateDir

SWEEP_S: Final = 5.0
FORCED_SWEEP_S: Final = 10.0

WALL_JUMP_S: Final = 2.0
"""From how far on the wall clock counts as set between two engines; less is what reading clocks costs."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What may still run of dead engines: their markers, and the leaders of their agents' trees."""

    sessions: frozenset[str]
    leaders: frozenset[ProcRef] = field(default_factory=frozenset)

    @classmethod
    def of(cls, rows: Iterable[Any], *, former_session: str | None) -> Remains:
        """Read it from the incarnations that no engine has ended; those of another boot are gone."""
        here = boot_id()
        ours = [row for row in rows if row["boot_id"] == here]
        sessions = {row["session"] for row in ours} | ({former_session} if former_session else set())
        known = [(row["pid"], row["start_time"]) for row in ours if here != UNKNOWN]
        leaders = frozenset(
            ProcRef(pid=pid, start_time=start)
            for pid, start in known
            if pid is not None and start is not None
        )
        return cls(sessions=frozenset(sessions), leaders=leaders)

    async def end(self, *, timeout_s: float = SWEEP_S) -> TreeEnd:
        """Kill all of it, until two looks in a row find nothing."""
        for session in self.sessions:
            await in_cgroup_thread(partial(end_session_cgroup, session))
        return await sweep(self.living, timeout_s=timeout_s)

    def living(self, census: Census) -> Sequence[ProcStat]:
        """List what lives of it."""
        found = {stat.pid: stat for session in self.sessions for stat in census.marked(session)}
        for leader in self.leaders:
            seen = census.table.get(leader.pid)
            if (
                seen is not None and seen.ref == leader
            ):  # a zombie too: till it is reaped its number is its own
                found |= {stat.pid: stat for stat in census.tree(leader, "", "")}
        return list(found.values())


async def end_remains(state: StateDir, *, former_session: str | None) -> TreeEnd:
    """End what a killed engine left, without taking over from it: its agents, then its guardian.

    A database that cannot be read names no agents; then the marker alone tells.
    """
    rows: list[Any] = []
    with suppress(StoreError):
        rows = await look_offline(state.project, lambda tx: tx.all("incarnation.live"))
    remains = Remains.of(rows, former_session=former_session)
    end = await remains.end(timeout_s=FORCED_SWEEP_S)
    await end_guardians(remains.sessions)
    return end


async def take_over(coordinator: Coordinator, *, former_session: str | None, booted_at: float) -> int:
    """End what earlier engines left behind and free what it held; return how many incarnations it was.

    Deadlines that outlive engines follow the wall clock if it was set meanwhile; `booted_at` is this engine's
    reckoning of the boot. Raises EngineStartFailed if a left-over process cannot be ended: two of the same
    agent must not run.
    """
    rows = await coordinator.store.read(lambda tx: tx.all("incarnation.live"))
    end = await Remains.of(rows, former_session=former_session).end()
    if not end.empty:
        pids = ", ".join(str(pid) for pid in end.leftovers)
        raise EngineStartFailed(
            f"processes of an earlier engine will not die: {pids}. End them by hand and start again."
        )
    await coordinator.write(lambda scope: _take_over(scope, booted_at, lost=bool(rows)))
    if rows:
        _log.info("took over from an earlier engine: %d incarnations ended", len(rows))
    return len(rows)


def _take_over(scope: Scope, booted_at: float, *, lost: bool) -> None:
    former = runs.latest_run(scope.tx)
    if former is not None:
        scope.tx.run = former.id  # the run of this engine begins only after it
    set_by_s = _wall_clock_set_by(scope.tx, booted_at)
    if abs(set_by_s) > WALL_JUMP_S:
        moved = shifting.follow_wall_clock(scope, set_by_s)
        words = f"the wall clock was set by {set_by_s:+.0f} s since the last engine; {moved} deadlines moved"
        scope.tx.tell("engine.clock_set", "engine", actor=SUPERVISOR, reason=words, by_s=set_by_s)
    if lost:
        outside.rest(scope, reason="the engine died")  # they outlive it, and keep what they hold
        upkeep.engine_was_lost(scope)


def _wall_clock_set_by(tx: Transaction, booted_at: float) -> float:
    """Return how far the wall clock was set since the last engine began; 0 if that cannot be known."""
    row = tx.one("event.last_of_kind", kind="engine.started")
    told = {} if row is None else json.loads(row["after"])
    if told.get("boot_id") != boot_id():
        return 0.0
    return float(booted_at - told["booted_at"])
