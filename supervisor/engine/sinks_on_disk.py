"""What is known of the sinks when no engine runs: read from disk, for `notify list`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from supervisor.errors import EngineNotRunning
from supervisor.notifiers.ledger import stored_states
from supervisor.notifiers.notifiers import sink_facts
from supervisor.store.database import reading
from supervisor.store.transaction import Transaction, log_end
from supervisor.workspace.state_dir import open_state


async def sinks_on_disk(project: Path) -> list[dict[str, Any]]:
    """Return every sink of the last engine; raise EngineNotRunning if there was none."""
    state = open_state(project, create=False)
    if not state.database.exists():
        raise EngineNotRunning(f"no team has run on {project} yet. Start one: supervisor up survey")
    return await asyncio.to_thread(_read, state.database)


def _read(database: Path) -> list[dict[str, Any]]:
    with reading(database) as connection:
        tx = Transaction(connection, end=log_end(connection), now=0.0, run=0)
        return [sink_facts(state) for state in stored_states(tx)]
