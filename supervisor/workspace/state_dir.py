"""The directory `.supervisor/` of a project, and the socket that belongs to it."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.errors import PathTooLong, ProjectMissing, ProjectNotWritable, StateUnsafe, SupervisorError
from supervisor.model.ids import checked_name
from supervisor.workspace.safe_paths import (
    OTHERS_WRITE,
    make_private_dir,
    require_own_file,
    require_private_dir,
    write_whole,
)

SOCKET_PATH_MAX: Final = 107
"""Bytes that a Unix socket's address can hold on Linux, without the closing NUL."""

IGNORE_ITSELF: Final = b"*\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDir:
    """The places of one project's state; `root` is `.supervisor/` in it, which may not exist yet."""

    project: Path
    root: Path

    @property
    def database(self) -> Path:
        """Return where the coordinator's database is."""
        return self.root / "coordinator.db"

    @property
    def logs(self) -> Path:
        """Return the directory of the agents' and the engine's logs."""
        return self.root / "logs"

    @property
    def agents(self) -> Path:
        """Return the directory of the agents' kits."""
        return self.root / "agents"

    @property
    def reports(self) -> Path:
        """Return the directory of the runs' reports."""
        return self.root / "reports"

    @property
    def worktrees(self) -> Path:
        """Return the directory of the agents' worktrees."""
        return self.root / "worktrees"

    @property
    def archive(self) -> Path:
        """Return the directory of the events that were moved out of the database."""
        return self.root / "archive"

    @property
    def lock_file(self) -> Path:
        """Return the file whose lock is the right to run this project."""
        return self.root / "engine.lock"

    @property
    def engine_file(self) -> Path:
        """Return the file that says where the running engine can be reached."""
        return self.root / "engine.json"

    @property
    def dump_file(self) -> Path:
        """Return where the engine writes what goes on inside it, when SIGUSR1 asks for that."""
        return self.root / "engine-dump.txt"

    @property
    def port_file(self) -> Path:
        """Return the file that remembers the port for agents."""
        return self.root / "port"

    @property
    def directories(self) -> tuple[Path, ...]:
        """List the directories that every state has."""
        return (self.logs, self.agents, self.reports, self.worktrees, self.archive)

    @property
    def files(self) -> tuple[Path, ...]:
        """List the files that the engine trusts."""
        database = str(self.database)
        companions = (Path(f"{database}-wal"), Path(f"{database}-shm"))
        return (
            self.root / ".gitignore",
            self.database,
            *companions,
            self.lock_file,
            self.engine_file,
            self.port_file,
        )

    def agent_dir(self, name: str) -> Path:
        """Return the private directory of agent `name`, made if it is missing."""
        directory = self.agents / checked_name(name, "the agent name")
        make_private_dir(directory)
        return directory


def open_state(project: Path, *, create: bool) -> StateDir:
    """Return the state of `project`, made if `create`, and refuse one that others could have touched.

    Without `create` nothing on the disk changes, and the directory may be missing.
    """
    resolved = _existing_project(project)
    state = StateDir(project=resolved, root=resolved / ".supervisor")
    if create:
        _create(state)
    if os.path.lexists(state.root):
        _require_safe(state)
    return state


def _existing_project(project: Path) -> Path:
    try:
        resolved = project.resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ProjectMissing(
            f"the project directory {str(project)!r} cannot be opened: {reason}. "
            "Give an existing one with `--project`."
        ) from error
    if not resolved.is_dir():
        raise ProjectMissing(f"{resolved} is not a directory. Give an existing one with `--project`.")
    return resolved


def _create(state: StateDir) -> None:
    try:
        make_private_dir(state.root)
        for directory in state.directories:
            make_private_dir(directory)
        ignore = state.root / ".gitignore"
        if not os.path.lexists(ignore):
            write_whole(ignore, IGNORE_ITSELF)
    except OSError as error:
        raise ProjectNotWritable(
            f"cannot write {error.filename or state.root}: {error.strerror}. Supervisor keeps its state in "
            "`.supervisor/` there. Make the project writable, or give another with `--project`."
        ) from error


def _require_safe(state: StateDir) -> None:
    try:
        require_private_dir(state.root)
        for directory in state.directories:
            if os.path.lexists(directory):
                require_private_dir(directory)
        for file in state.files:
            require_own_file(file)
    except OSError as error:
        raise StateUnsafe(f"cannot look into {error.filename or state.root}: {error.strerror}.") from error


def socket_path(project: Path) -> Path:
    """Return where the control socket of `project` belongs, its private directory made.

    It is in XDG_RUNTIME_DIR if that is a directory, else in `/tmp/supervisor-UID`.
    """
    resolved = _existing_project(project)
    digest = hashlib.sha256(os.fsencode(resolved)).hexdigest()[:16]
    directory = _runtime_dir() / digest
    path = directory / "control.sock"
    length = len(os.fsencode(path))
    if length > SOCKET_PATH_MAX:
        raise PathTooLong(
            f"the socket path {path} has {length} bytes, at most {SOCKET_PATH_MAX} are possible. "
            "Set XDG_RUNTIME_DIR to a shorter directory. Without it, one in /tmp is used."
        )
    _make_all(directory.parent, directory)
    return path


def _runtime_dir() -> Path:
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    status = _stat(given) if Path(given).is_absolute() else None
    if status is None or not stat.S_ISDIR(status.st_mode):
        return Path(f"/tmp/supervisor-{os.geteuid()}")  # noqa: S108 - its owner and mode are checked
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & OTHERS_WRITE:
        raise StateUnsafe(
            f"XDG_RUNTIME_DIR={given} belongs to user id {status.st_uid} with mode "
            f"{stat.S_IMODE(status.st_mode):04o}; sockets there could be reached by others. "
            "Set it to a directory of your own with mode 0700, or unset it."
        )
    return Path(given) / "supervisor"


def _stat(path: str) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except OSError:
        return None


def _make_all(*directories: Path) -> None:
    for directory in directories:
        try:
            make_private_dir(directory)
        except SupervisorError:
            raise
        except OSError as error:
            raise StateUnsafe(
                f"cannot make {directory} for the control socket: {error.strerror}. "
                "Set XDG_RUNTIME_DIR to a directory of your own."
            ) from error
