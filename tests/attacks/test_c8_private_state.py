"""C8: state and configuration that others own, can write, or lead elsewhere are refused with the reason."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervisor.config.places import require_own
from supervisor.config.profile import load_profile
from supervisor.errors import ConfigError, ProfileNotFound, StateUnsafe
from supervisor.workspace import safe_paths, state_dir
from supervisor.workspace.engine_lock import EngineLock, holder_of
from supervisor.workspace.state_dir import StateDir, open_state, socket_path

TEAM = 'name = "t"\n[[pools]]\nname = "w"\nrole = "solo"\ncommand = ["true"]\n'
STRANGER = 4_000_000


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    project = tmp_path / "project"
    project.mkdir()
    return open_state(project, create=True)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    directory = tmp_path / "elsewhere"
    directory.mkdir(mode=0o700)
    return directory


@pytest.fixture
def as_a_stranger(monkeypatch: pytest.MonkeyPatch) -> int:
    """Make everything on the disk belong to somebody else."""
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER + os.getpid())
    return STRANGER + os.getpid()


def move_and_link(path: Path, elsewhere: Path) -> None:
    path = path.resolve()
    target = elsewhere / path.name
    if path.exists():
        path.rename(target)
    path.symlink_to(target)


def open_database(state: StateDir, elsewhere: Path) -> None:
    state.database.touch()
    state.database.chmod(0o660)


def database_pipe(state: StateDir, elsewhere: Path) -> None:
    os.mkfifo(state.database, 0o600)


def chmod(name: str, mode: int) -> Callable[[StateDir, Path], None]:
    return lambda state, _: (state.root / name).chmod(mode)


def link(name: str) -> Callable[[StateDir, Path], None]:
    return lambda state, elsewhere: move_and_link(state.root / name, elsewhere)


STATE_ATTACKS: dict[str, tuple[Callable[[StateDir, Path], None], str]] = {
    "the state is a link": (link("."), "is a symbolic link"),
    "the state is writable by the group": (chmod(".", 0o770), "is open to others (mode 0770)"),
    "the state is writable by all": (chmod(".", 0o777), "is open to others (mode 0777)"),
    "the state came with a clone": (chmod(".", 0o755), "is open to others (mode 0755)"),
    "the logs are a link": (link("logs"), "logs is a symbolic link"),
    "the kits are writable": (chmod("agents", 0o770), "agents is open to others (mode 0770)"),
    "the reports are a link": (link("reports"), "reports is a symbolic link"),
    "the worktrees are a link": (link("worktrees"), "worktrees is a symbolic link"),
    "the database is a link": (link("coordinator.db"), "coordinator.db is a symbolic link"),
    "the write-ahead log is a link": (link("coordinator.db-wal"), "coordinator.db-wal is a symbolic link"),
    "the lock is a link": (link("engine.lock"), "engine.lock is a symbolic link"),
    "the engine file is a link": (link("engine.json"), "engine.json is a symbolic link"),
    "the database is writable": (open_database, "coordinator.db can be written by others (mode 0660)"),
    "the database is a pipe": (database_pipe, "is not a plain file"),
}


@pytest.mark.parametrize("attack", STATE_ATTACKS)
@pytest.mark.parametrize("create", [True, False])
def test_unsafe_state_is_refused_with_its_reason(
    attack: str, create: bool, state: StateDir, elsewhere: Path
) -> None:
    do, reason = STATE_ATTACKS[attack]
    do(state, elsewhere)

    with pytest.raises(StateUnsafe) as caught:
        open_state(state.project, create=create)

    assert reason in caught.value.message
    assert str(state.root) in caught.value.message


@pytest.mark.parametrize("attack", STATE_ATTACKS)
def test_canary_without_the_checks_each_attack_would_pass(
    attack: str, state: StateDir, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    do, _ = STATE_ATTACKS[attack]
    do(state, elsewhere)
    for module in (safe_paths, state_dir):
        monkeypatch.setattr(module, "require_private_dir", lambda path, **_: None)
    monkeypatch.setattr(state_dir, "require_own_file", lambda path, **_: None)

    assert open_state(state.project, create=False) == state


def test_state_of_another_user_is_refused(state: StateDir, as_a_stranger: int) -> None:
    for create in (True, False):
        with pytest.raises(
            StateUnsafe, match=f"belongs to user id {state.root.stat().st_uid}, you are {as_a_stranger}"
        ):
            open_state(state.project, create=create)


def test_a_file_of_another_user_is_refused(state: StateDir) -> None:
    state.database.touch(mode=0o600)

    with pytest.raises(StateUnsafe, match="belongs to user id"):
        safe_paths.require_own_file(state.database, uid=STRANGER)


def test_an_unsafe_empty_state_is_not_taken_over(tmp_path: Path, elsewhere: Path) -> None:
    root = tmp_path / ".supervisor"
    root.mkdir()
    root.chmod(0o777)
    with pytest.raises(StateUnsafe, match=r"is open to others \(mode 0777\)"):
        open_state(tmp_path, create=True)

    root.rmdir()
    root.symlink_to(elsewhere)
    with pytest.raises(StateUnsafe, match="is a symbolic link"):
        open_state(tmp_path, create=True)
    assert list(elsewhere.iterdir()) == []


def test_a_kit_is_never_written_through_a_link_or_into_an_open_directory(
    state: StateDir, elsewhere: Path
) -> None:
    (state.agents / "worker-1").symlink_to(elsewhere)
    (state.agents / "worker-2").mkdir()
    (state.agents / "worker-2").chmod(0o777)

    with pytest.raises(StateUnsafe, match="is a symbolic link"):
        state.agent_dir("worker-1")
    with pytest.raises(StateUnsafe, match="is open to others"):
        state.agent_dir("worker-2")
    assert list(elsewhere.iterdir()) == []


def test_the_lock_is_not_followed_and_not_waited_for(state: StateDir, elsewhere: Path) -> None:
    move_and_link(state.lock_file, elsewhere)
    with pytest.raises(StateUnsafe):
        EngineLock.acquire(state.lock_file, {"pid": os.getpid()})
    with pytest.raises(StateUnsafe):
        holder_of(state.lock_file)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("attack", ["link", "open", "foreign"])
def test_a_socket_is_never_made_where_others_could_reach_it(
    attack: str, tmp_path: Path, elsewhere: Path, as_a_stranger: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    planted = Path(f"/tmp/supervisor-{as_a_stranger}")
    if attack == "link":
        planted.symlink_to(elsewhere)
    else:
        planted.mkdir()
        planted.chmod(0o777 if attack == "open" else 0o700)
    if attack == "open":
        monkeypatch.setattr(os, "geteuid", lambda: planted.lstat().st_uid)
        monkeypatch.setattr(state_dir, "_runtime_dir", lambda: planted)
    try:
        with pytest.raises(StateUnsafe, match=r"is a symbolic link|is open to others|belongs to user id"):
            socket_path(tmp_path)
        assert list(elsewhere.iterdir()) == []
    finally:
        planted.unlink() if attack == "link" else planted.rmdir()


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a runtime directory whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="sup-", dir="/tmp") as directory:
        monkeypatch.setenv("XDG_RUNTIME_DIR", directory)
        yield Path(directory)


def test_a_runtime_directory_of_others_is_refused(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.chmod(0o770)
    with pytest.raises(StateUnsafe, match="sockets there could be reached by others"):
        socket_path(tmp_path)

    runtime.chmod(0o700)
    assert socket_path(tmp_path).is_relative_to(runtime)
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    with pytest.raises(StateUnsafe, match="sockets there could be reached by others"):
        socket_path(tmp_path)


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a good profile of the user's into their own directory."""
    directory = tmp_path / "config" / "supervisor" / "profiles"
    directory.mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = directory / "mine.toml"
    path.write_text(TEAM)
    path.chmod(0o600)
    return path


def private_group_is_unknown(gid: int, uid: int) -> bool:
    return False


def pipe(path: Path, elsewhere: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def directory(path: Path, elsewhere: Path) -> None:
    path.unlink()
    path.mkdir()


PROFILE_ATTACKS: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "link": (move_and_link, "is a symbolic link; name its file"),
    "writable by the group": (lambda path, _: path.chmod(0o660), "can be written by others (mode 0660)"),
    "writable by all": (lambda path, _: path.chmod(0o606), "can be written by others (mode 0606)"),
    "pipe": (pipe, "is no plain file"),
    "directory": (directory, "is a directory"),
}


@pytest.mark.parametrize("attack", PROFILE_ATTACKS)
@pytest.mark.parametrize("by_name", [True, False])
def test_an_unsafe_profile_is_refused_with_its_reason(
    attack: str, by_name: bool, profile: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supervisor.config.places.group_is_private", private_group_is_unknown)
    reference = "mine" if by_name else str(profile)
    assert load_profile(reference).name == "t"
    do, reason = PROFILE_ATTACKS[attack]
    do(profile, elsewhere)

    with pytest.raises((StateUnsafe, ProfileNotFound)) as caught:
        load_profile(reference)

    assert reason in caught.value.message


def test_a_profile_of_another_user_is_refused_but_one_of_root_is_not(profile: Path) -> None:
    status = profile.stat()
    theirs = os.stat_result([status.st_mode, 0, 0, 1, STRANGER, STRANGER, 0, 0, 0, 0])
    roots = os.stat_result([status.st_mode, 0, 0, 1, 0, 0, 0, 0, 0, 0])

    with pytest.raises(StateUnsafe, match=f"belongs to user id {STRANGER}, you are 1000"):
        require_own(theirs, profile, "mine", uid=1000)
    require_own(roots, profile, "mine", uid=1000)


@pytest.mark.parametrize("attack", ["link", "writable"])
def test_a_directory_of_profiles_that_others_could_swap_is_refused(
    attack: str, profile: Path, elsewhere: Path
) -> None:
    if attack == "link":
        move_and_link(profile.parent, elsewhere)
    else:
        profile.parent.chmod(0o777)

    with pytest.raises(ConfigError, match=r"is a symbolic link|can be written by others"):
        load_profile("mine")
