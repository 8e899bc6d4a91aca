"""Taking over from an engine that died: its processes are ended before its work is given out again."""

from __future__ import annotations

import logging
from pathlib import Path

from supervisor.coordinator import outside, runs, upkeep
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.errors import EngineStartFailed
from supervisor.runtime.sweep import sweep_session

_log = logging.getLogger(__name__)


def boot_id() -> str:
    """Return the id of this boot of the machine: process ids mean nothing beyond it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


async def take_over(coordinator: Coordinator, *, former_session: str | None) -> int:
    """End what earlier engines left behind and free what it held; return how many incarnations it was.

    Raises EngineStartFailed if a left-over process cannot be ended: two of the same agent must not run.
    """
    rows = await coordinator.store.read(lambda tx: tx.all("incarnation.live"))
    here = boot_id()
    sessions = {row["session"] for row in rows if row["boot_id"] == here}
    if former_session is not None:
        sessions.add(former_session)
    for session in sorted(sessions):
        end = await sweep_session(session)
        if not end.empty:
            pids = ", ".join(str(pid) for pid in end.leftovers)
            raise EngineStartFailed(
                f"processes of an earlier engine will not die: {pids}. End them by hand and start again."
            )
    if rows:
        await coordinator.write(_free_all)
        _log.info("took over from an earlier engine: %d incarnations ended", len(rows))
    return len(rows)


def _free_all(scope: Scope) -> None:
    former = runs.latest_run(scope.tx)
    if former is not None:
        scope.tx.run = former.id  # the run of this engine begins only after it
    outside.rest(scope, reason="the engine died")  # they outlive it, and keep what they hold
    upkeep.engine_was_lost(scope)
