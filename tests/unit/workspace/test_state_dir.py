"""The state of a project is made private, found again, and refused when it cannot be kept."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.errors import PathTooLong, ProjectMissing, ProjectNotWritable, StateUnsafe
from supervisor.workspace.state_dir import SOCKET_PATH_MAX, StateDir, open_state, socket_path


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a runtime directory whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="sup-", dir="/tmp") as directory:
        monkeypatch.setenv("XDG_RUNTIME_DIR", directory)
        yield Path(directory)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_everything_is_made_private_whatever_the_umask(project: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        state = open_state(project, create=True)
        kit = state.agent_dir("worker-1")
    finally:
        os.umask(before)

    for directory in (state.root, *state.directories, kit):
        assert mode_of(directory) == 0o700
    assert mode_of(state.root / ".gitignore") & 0o077 == 0
    assert (state.root / ".gitignore").read_text() == "*\n"


def test_the_places_have_the_names_that_the_documents_say(project: Path) -> None:
    state = StateDir(project=project, root=project / ".supervisor")

    assert {name: getattr(state, name).name for name in ("database", "lock_file", "engine_file")} == {
        "database": "coordinator.db",
        "lock_file": "engine.lock",
        "engine_file": "engine.json",
    }
    names = ["logs", "agents", "reports", "worktrees", "archive"]
    assert [directory.name for directory in state.directories] == names


def test_a_state_is_opened_again_with_all_that_is_in_it(state: StateDir) -> None:
    state.database.write_bytes(b"kept")
    state.database.chmod(0o600)

    again = open_state(state.project, create=True)

    assert again == state
    assert again.database.read_bytes() == b"kept"


def test_without_create_nothing_is_made(project: Path) -> None:
    state = open_state(project, create=False)

    assert state.root == project / ".supervisor"
    assert list(project.iterdir()) == []


def test_a_project_is_known_by_its_resolved_path(project: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(project)

    assert open_state(link, create=False).project == project
    assert open_state(link / ".." / "project", create=False).project == project


def test_an_empty_directory_of_ones_own_is_closed_and_taken(project: Path) -> None:
    (project / ".supervisor").mkdir(mode=0o755)

    assert mode_of(open_state(project, create=True).root) == 0o700


@pytest.mark.parametrize("create", [True, False])
def test_a_project_that_is_not_there_is_missing(tmp_path: Path, create: bool) -> None:
    with pytest.raises(
        ProjectMissing, match=r"cannot be opened: No such file or directory\. Give an existing one"
    ):
        open_state(tmp_path / "gone", create=create)
    with pytest.raises(ProjectMissing, match="cannot be opened: "):
        open_state(tmp_path / ("x" * 300), create=create)
    with pytest.raises(ProjectMissing, match="cannot be opened: embedded null byte"):
        open_state(tmp_path / "a\0b", create=create)


def test_a_file_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(
        ProjectMissing, match=r"file is not a directory\. Give an existing one with `--project`"
    ):
        open_state(tmp_path / "file", create=True)


def test_a_project_that_cannot_be_written_is_told_with_its_reason(project: Path) -> None:
    unwritable = project if os.geteuid() else Path("/proc")
    project.chmod(0o555)
    try:
        with pytest.raises(
            ProjectNotWritable, match=r"cannot write .*/\.supervisor: .*\. Supervisor keeps its state"
        ):
            open_state(unwritable, create=True)
        assert open_state(unwritable, create=False).root == unwritable / ".supervisor"
    finally:
        project.chmod(0o755)


@pytest.mark.parametrize("name", ["logs", "agents", "reports", "worktrees", "archive"])
def test_a_file_in_the_place_of_a_directory_is_refused(project: Path, name: str) -> None:
    (project / ".supervisor").mkdir(mode=0o700)
    (project / ".supervisor" / name).touch(mode=0o600)

    with pytest.raises(StateUnsafe, match=f"{name} is not a directory. Move it away"):
        open_state(project, create=True)


def test_a_directory_in_the_place_of_the_database_is_refused(state: StateDir) -> None:
    state.database.mkdir(mode=0o700)

    with pytest.raises(StateUnsafe, match=r"is not a plain file\. Move it away and start again"):
        open_state(state.project, create=False)


def test_the_socket_is_in_the_runtime_directory_under_a_name_for_the_project(
    project: Path, runtime: Path, tmp_path: Path
) -> None:
    path = socket_path(project)

    assert path == runtime / "supervisor" / path.parent.name / "control.sock"
    assert len(path.parent.name) == 16
    assert mode_of(path.parent) == mode_of(path.parent.parent) == 0o700
    assert socket_path(project) == path
    assert socket_path(tmp_path) != path


@pytest.mark.parametrize("given", ["", "relative/run", "/nowhere/at/all"])
def test_without_a_runtime_directory_the_socket_is_in_a_private_one_below_tmp(
    project: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", given)

    path = socket_path(project)

    assert path.parent.parent == Path(f"/tmp/supervisor-{os.geteuid()}")
    assert mode_of(path.parent) == mode_of(path.parent.parent) == 0o700
    path.parent.rmdir()


def test_a_socket_path_is_as_long_as_the_system_takes_and_not_a_byte_longer(
    project: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suffix = len("/supervisor/0123456789abcdef/control.sock")
    fits = runtime / ("r" * (SOCKET_PATH_MAX - suffix - len(os.fsencode(runtime)) - 1))
    over = fits.with_name(fits.name + "r")
    for directory in (fits, over):
        directory.mkdir(mode=0o700)

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(fits))
    assert len(os.fsencode(socket_path(project))) == SOCKET_PATH_MAX

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(over))
    with pytest.raises(
        PathTooLong, match=r"has 108 bytes, at most 107 are possible\. Set XDG_RUNTIME_DIR to a shorter"
    ):
        socket_path(project)
    assert list(over.iterdir()) == []


def test_the_length_of_a_socket_path_counts_bytes(
    project: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accented = runtime / ("é" * 30)
    accented.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(accented))

    with pytest.raises(PathTooLong):
        socket_path(project)


def test_a_place_where_no_socket_directory_can_be_made_is_told(project: Path, runtime: Path) -> None:
    (runtime / "supervisor").touch(mode=0o600)

    with pytest.raises(StateUnsafe, match="supervisor is not a directory"):
        socket_path(project)


def test_a_runtime_directory_in_which_nothing_can_be_made_is_told(
    project: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.chmod(0o500)
    if os.geteuid() == 0:
        monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc")

    with pytest.raises(StateUnsafe, match=r"cannot make .*/supervisor for the control socket: "):
        socket_path(project)
    runtime.chmod(0o700)


def test_a_state_that_lacks_a_directory_is_opened_all_the_same(state: StateDir) -> None:
    state.worktrees.rmdir()

    assert open_state(state.project, create=False) == state
    assert not state.worktrees.exists()
    assert open_state(state.project, create=True).worktrees.is_dir()


def test_a_state_that_vanishes_while_it_is_opened_is_told(
    state: StateDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "lexists", lambda path: True)
    state.worktrees.rmdir()

    with pytest.raises(StateUnsafe, match=r"cannot look into .*/worktrees: No such file or directory"):
        open_state(state.project, create=False)
