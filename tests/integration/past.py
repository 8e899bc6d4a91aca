"""A project that was backed up in the middle of its work and went on: ground for tests of both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from supervisor.engine.backups import back_up
from supervisor.testing.clock import VirtualClock
from supervisor.testing.examination import log_of
from supervisor.workspace.state_dir import StateDir, open_state
from tests.team_door import set_scene, team_door

LATER: Final = 1_700_100_000.0


@dataclass(kw_only=True)
class Past:
    """A project that was backed up in the middle of its work and went on."""

    project: Path
    copy: Path
    before: tuple[int, str] = (0, "")
    after: tuple[int, str] = (0, "")
    known: dict[str, tuple[int, tuple[int, str]]] = field(default_factory=dict)

    @property
    def state(self) -> StateDir:
        return open_state(self.project, create=False)

    @property
    def clock(self) -> VirtualClock:
        return VirtualClock(now=LATER)


async def past_at(project: Path) -> Past:
    """Back a team up, and let it go on: T1 is claimed twice, a task and a message are made."""
    state = open_state(project, create=True)
    past = Past(project=project, copy=project / "copy.db")
    async with team_door(state.root) as door:
        await set_scene(door)
        await back_up(project, past.copy, replace=False, clock=past.clock)
        past.before = log_of(past.copy).end
        for _ in range(2):
            await door.call("worker-2", "task_claim", task_id="T1")
            await door.call("worker-2", "task_release", task_id="T1", token=_ + 1, reason="not now")
        await door.call("planner", "task_create", title="of the future")
        await door.call("planner", "message_send", to="worker-1", body="of the future")
    past.after = log_of(state.database).end
    return past


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir() if path.name.startswith("coordinator")}


def make(directory: Path) -> Path:
    directory.mkdir()
    return directory
