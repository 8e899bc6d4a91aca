"""A git worktree for each agent that wants one: made at its first use, then kept, whatever is in it.

Nothing here removes, resets, prunes or forces anything. Two engines or threads never make worktrees of one
project at the same time, and the locks of other git processes are waited for.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.errors import WorkspaceRefused
from supervisor.model.escape import visible
from supervisor.model.ids import checked_name
from supervisor.workspace.git import GitAnswer, ask_git, is_dirty

ADD_DEADLINE_S: Final = 300.0
"""How long the first checkout of a large project may take."""

LOCK_DEADLINE_S: Final = 30.0
"""How long the lock of another git process is waited for."""

_PAUSE_S: Final = 0.05
_LOCK_FILE: Final = ".lock"
_SAID_MAX: Final = 500
_INSTEAD: Final = 'set workspace = "project"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Worktree:
    """One agent's worktree: its branch, empty if none is checked out, and how far it is from the project.

    `ahead` and `behind` count commits from the project's HEAD; they and `dirty` are None if unknown.
    """

    agent: str
    path: Path
    branch: str = ""
    ahead: int | None = None
    behind: int | None = None
    dirty: bool | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """What git knows of one worktree of the repository."""

    branch: str = ""
    is_gone: bool = False
    is_half_made: bool = False


class Worktrees:
    """The worktrees of one team in one project; `root` is the private directory that they are in.

    Everything blocks: call it from a thread.
    """

    def __init__(
        self,
        project: Path,
        root: Path,
        team: str,
        *,
        lock_deadline_s: float = LOCK_DEADLINE_S,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look after the worktrees below `root`; nothing is done yet."""
        self._project: Final = project
        self._root: Final = root
        self._team: Final = checked_name(team, "the team name")
        self._lock_deadline_s: Final = lock_deadline_s
        self._sleep: Final = sleep
        self._monotonic: Final = monotonic

    def branch_of(self, agent: str) -> str:
        """Return the branch that an agent's worktree begins with."""
        return f"supervisor/{self._team}/{checked_name(agent, 'the agent name')}"

    def require_repository(self) -> str:
        """Return where the project is in its repository (`lib/`, mostly empty); refuse without a commit."""
        place = ask_git(self._project, "rev-parse", "--show-prefix")
        if place.code is None:
            raise WorkspaceRefused(f"a worktree needs git: {place.said}. Install it, or {_INSTEAD}")
        if place.code != 0:
            raise WorkspaceRefused(
                f"{self._project} is no git repository, so there can be no worktrees ({_said(place)}). "
                f"Run `git init` and commit, or {_INSTEAD}"
            )
        head = ask_git(self._project, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if head.code != 0:
            raise WorkspaceRefused(
                f"the repository of {self._project} has no commit yet, so no worktree can be made of it. "
                f"Commit something, or {_INSTEAD}"
            )
        return place.output.strip("\n")

    def take(self, agent: str) -> Path:
        """Return the directory where an agent works, its worktree made if it has none yet."""
        branch = self.branch_of(agent)
        with self._alone():
            prefix = self.require_repository()
            path = self._root / agent
            if os.path.lexists(path):
                self._require_ours(path)
            else:
                self._make(path, branch)
        directory = path / prefix
        if not directory.is_dir():
            raise WorkspaceRefused(
                f"the worktree {path} has no directory {prefix}: it is not in what is checked out. "
                "Commit it, then bring it into the worktree's branch"
            )
        return directory

    def list(self) -> tuple[Worktree, ...]:
        """List what is in the directory of worktrees, by agent."""
        if not self._root.is_dir():
            return ()
        known = self._known()
        found = sorted(each for each in self._root.iterdir() if each.name != _LOCK_FILE)
        return tuple(self._described(path, known.get(os.path.realpath(path))) for path in found)

    def _described(self, path: Path, entry: _Entry | None) -> Worktree:
        if entry is None:
            return Worktree(agent=path.name, path=path, problem="no worktree of this project")
        problem = "it was not made whole" if entry.is_half_made else ""
        ahead, behind = self._distance(path)
        return Worktree(
            agent=path.name,
            path=path,
            branch=entry.branch,
            ahead=ahead,
            behind=behind,
            dirty=is_dirty(path),
            problem=problem,
        )

    def _distance(self, path: Path) -> tuple[int | None, int | None]:
        """Count the commits that a worktree has and the project's HEAD has not, and the other way round."""
        theirs = ask_git(path, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if theirs.code != 0:
            return None, None
        words = ("rev-list", "--left-right", "--count", "--end-of-options", f"{theirs.output.strip()}...HEAD")
        counted = ask_git(self._project, *words).output.split()
        return (int(counted[0]), int(counted[1])) if len(counted) == 2 else (None, None)

    def _require_ours(self, path: Path) -> None:
        entry = self._known().get(os.path.realpath(path))
        if entry is None or path.is_symlink():
            raise WorkspaceRefused(
                f"{path} is there but is no worktree of this project. It was left alone; move it away"
            )
        if entry.is_half_made:
            raise WorkspaceRefused(
                f"the worktree {path} was not made whole: it was interrupted. See that nothing in it is "
                f"needed, then `git worktree unlock {path}` and `git worktree remove --force {path}`"
            )

    def _make(self, path: Path, branch: str) -> None:
        if (entry := self._known().get(os.path.realpath(path))) is not None and entry.is_gone:
            raise WorkspaceRefused(
                f"git still knows a worktree at {path}, but the directory is gone. Put it back, or let git "
                "forget it with `git worktree prune`; its branch stays"
            )
        until = self._monotonic() + self._lock_deadline_s
        while (answer := self._add(path, branch)).code != 0:
            if not _is_locked(answer) or self._monotonic() >= until:
                raise WorkspaceRefused(f"git cannot make the worktree {path}: {_said(answer)}")
            self._sleep(_PAUSE_S)

    def _add(self, path: Path, branch: str) -> GitAnswer:
        """Ask git for the worktree; a branch of that name that is there already is gone on with."""
        exists = ask_git(self._project, "show-ref", "--verify", "--quiet", f"refs/heads/{branch}").code == 0
        words = (str(path), branch) if exists else ("-b", branch, str(path), "HEAD")
        return ask_git(self._project, "worktree", "add", "--quiet", *words, deadline_s=ADD_DEADLINE_S)

    def _known(self) -> dict[str, _Entry]:
        """Return what git knows of the repository's worktrees, by their real paths."""
        listed = ask_git(self._project, "worktree", "list", "--porcelain", "-z")
        known: dict[str, _Entry] = {}
        for block in listed.output.split("\0\0"):
            lines = dict(line.partition(" ")[::2] for line in block.split("\0") if line)
            if "worktree" in lines:
                known[os.path.realpath(lines["worktree"])] = _Entry(
                    branch=lines.get("branch", "").removeprefix("refs/heads/"),
                    is_gone="prunable" in lines,
                    is_half_made=lines.get("locked") == "initializing",
                )
        return known

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the right to make worktrees here, against threads and processes alike."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        until = self._monotonic() + ADD_DEADLINE_S
        descriptor = os.open(self._root / _LOCK_FILE, flags, 0o600)
        try:
            while not _locked(descriptor):
                if self._monotonic() >= until:
                    raise WorkspaceRefused(
                        f"somebody else has been making worktrees in {self._root} for too long"
                    )
                self._sleep(_PAUSE_S)
            yield
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_locked(answer: GitAnswer) -> bool:
    """Tell whether git stopped at the lock of another git process."""
    return ".lock" in answer.said and "File exists" in answer.said


def _said(answer: GitAnswer) -> str:
    """Return what git said, harmless in a message; paths in it are foreign text."""
    return visible(answer.said.replace("\n", "; "))[:_SAID_MAX] or f"exit code {answer.code}"
