"""Keys while no engine runs: the same verbs, carried out under the engine's lock."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from supervisor.clock import SystemClock
from supervisor.config.profile import load_profile
from supervisor.coordinator import runs
from supervisor.coordinator.coordinator import Coordinator
from supervisor.engine.key_verbs import KEY_CALLS
from supervisor.errors import ConfigError, EngineNotRunning
from supervisor.model.approval import Mode
from supervisor.model.team import Run, TeamSpec
from supervisor.model.wire import from_wire
from supervisor.store.store import Store
from supervisor.workspace.engine_lock import EngineLock
from supervisor.workspace.state_dir import open_state


async def key_verb_offline(project: Path, verb: str, args: dict[str, Any]) -> dict[str, Any]:
    """Carry out a verb of KEY_CALLS; raise LockHeld if an engine comes up meanwhile.

    Raises EngineNotRunning where no team has run yet: there is nothing to have keys for.
    """
    form, call = KEY_CALLS[verb]
    asked = from_wire(form, args, verb)
    state = open_state(project, create=False)
    if not await asyncio.to_thread(state.database.exists):
        raise EngineNotRunning(f"no team has run on {project} yet. Start one: supervisor up survey")
    clock = SystemClock()
    lock = EngineLock.acquire(state.lock_file, {"pid": os.getpid(), "started_at": clock.now()})
    try:
        async with Store(state.database, clock) as store:
            run = await store.read(runs.latest_run)
            store.run = 0 if run is None else run.id
            coordinator = Coordinator(store, clock, _team_of(run), Mode.HEADLESS)
            answer: dict[str, Any] = await call(coordinator, asked)
            return answer
    finally:
        lock.release()


def _team_of(run: Run | None) -> TeamSpec:
    """Return the team of the last run; with its profile gone, one of nobody: the next start checks again."""
    try:
        if run is not None:
            return load_profile(run.profile)
    except ConfigError:
        pass
    name = "" if run is None else run.team
    return TeamSpec(name=name, description="", pools=(), source="", digest="")
