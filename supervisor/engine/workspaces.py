"""Where each agent of this engine works: in the project, or in a worktree that is made at its first start."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from supervisor.model.driving import WorkspaceKind
from supervisor.model.team import PoolSpec, TeamSpec
from supervisor.workspace.state_dir import StateDir, open_state
from supervisor.workspace.worktrees import Worktree, Worktrees


class Workspaces:
    """The workspaces of one team in one project."""

    def __init__(self, state: StateDir, team: str) -> None:
        """Keep worktrees where the state has its place for them."""
        self._project: Final = state.project
        self._trees: Final = Worktrees(state.project, state.worktrees, team)
        self._turn: Final = asyncio.Lock()

    async def take(self, pool: PoolSpec | None, agent: str) -> Path:
        """Return where an agent works, its worktree made if it wants one; raise WorkspaceRefused.

        Worktrees are made one after the other, in a thread: a large project takes its time.
        """
        if pool is None or pool.workspace is WorkspaceKind.PROJECT:
            return self._project
        async with self._turn:
            return await asyncio.to_thread(self._trees.take, agent)


def check_workspaces(team: TeamSpec, project: Path) -> None:
    """Raise WorkspaceRefused if a pool wants worktrees and the project can have none."""
    if any(pool.workspace is WorkspaceKind.WORKTREE for pool in team.pools):
        state = open_state(project, create=False)
        Worktrees(state.project, state.worktrees, team.name).require_repository()


def listed_worktrees(project: Path) -> tuple[Worktree, ...]:
    """List the agents' worktrees of a project, with or without an engine."""
    state = open_state(project, create=False)
    return Worktrees(state.project, state.worktrees, "any").list()
