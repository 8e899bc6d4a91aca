"""Where one engine life is at home: its state directory, its marker, its report, and how others find it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from supervisor.workspace.engine_lock import EngineRecord, write_engine_file
from supervisor.workspace.state_dir import StateDir


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """The places of one engine life. `session` is the marker that all its processes carry."""

    state: StateDir
    session: str
    boot_id: str
    report_dir: Path

    def publish(self, socket: Path, *, started_at: float, team: str) -> None:
        """Let clients find the engine, and the next engine this one's marker."""
        record = EngineRecord(
            pid=os.getpid(), socket=socket, started_at=started_at, team=team, session=self.session
        )
        write_engine_file(self.state, record)


def report_dir_of(state: StateDir, run: int) -> Path:
    """Return where the report of a run goes unless somebody names another place."""
    return state.reports / f"run-{run}"
