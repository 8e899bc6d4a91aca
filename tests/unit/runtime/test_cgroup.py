"""Control groups: where they are, what is written to them, and that nothing of them stays."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from supervisor.model.health import ProcessLimits
from supervisor.runtime import cgroup as cgroup_module
from supervisor.runtime.cgroup import Cgroup, SessionCgroup, end_session_cgroup, own_cgroup

UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)
CONTAINER = "900 880 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
ODD = "30 23 0:26 / /mnt/with\\040space rw - cgroup2 cgroup2 rw\n"


@pytest.mark.parametrize(
    ("mounts", "membership", "found"),
    [
        (UNIFIED, "0::/user.slice/a.scope\n", "/sys/fs/cgroup/user.slice/a.scope"),
        (UNIFIED, "0::/\n", "/sys/fs/cgroup"),
        (HYBRID, "4:memory:/x\n0::/y\n", "/sys/fs/cgroup/unified/y"),
        (CONTAINER, "0::/docker/abc/in\n", "/sys/fs/cgroup/in"),
        (ODD, "0::/z\n", "/mnt/with space/z"),
        (UNIFIED, "0::/../../other\n", None),
        (UNIFIED, "4:memory:/x\n", None),
        ("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\nshort\n", "0::/\n", None),
    ],
    ids=["unified", "root", "hybrid", "container", "odd name", "outside", "v1 only", "not mounted"],
)
def test_our_own_group_is_found_wherever_it_is_mounted(
    mounts: str, membership: str, found: str | None
) -> None:
    assert own_cgroup(mounts, membership) == (None if found is None else Path(found))


def test_without_proc_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", refuse)
    assert own_cgroup() is None


def fake(directory: Path, *names: str) -> Path:
    directory.mkdir(exist_ok=True)
    for name in names:
        (directory / name).touch()
    return directory


def test_limits_are_written_only_where_the_kernel_counts(tmp_path: Path) -> None:
    limits = ProcessLimits(mem_max_mib=100, mem_high_mib=80, pids=7)
    names = ("memory.max", "memory.high", "memory.oom.group", "pids.max", "cgroup.procs")
    path = fake(tmp_path / "agent", *names)
    Cgroup(path, controllers=frozenset({"memory", "pids"})).admit(2**22 + 1, limits)
    told = {name: (path / name).read_text() for name in names[:4]}
    assert told == {
        "memory.max": "104857600",
        "memory.high": "83886080",
        "memory.oom.group": "1",
        "pids.max": "7",
    }
    other = fake(tmp_path / "other", "cgroup.procs")
    Cgroup(other).admit(2**22 + 1, limits)
    assert [each.name for each in other.iterdir()] == ["cgroup.procs"]


def test_what_the_kernel_counted_is_read(tmp_path: Path) -> None:
    group = Cgroup(fake(tmp_path / "agent"))
    assert group.oom_kills() == 0
    assert group.is_empty
    assert group.is_frozen
    (group.path / "memory.events").write_text("low 0\nhigh 3\nmax 2\noom 1\noom_kill 1\n")
    (group.path / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    again = Cgroup(group.path)
    assert again.oom_kills() == 1
    assert not again.is_empty
    assert not again.is_frozen


def test_a_group_that_is_gone_is_no_problem(tmp_path: Path) -> None:
    group = Cgroup(tmp_path / "gone")
    group.kill()
    group.freeze(still=True)
    assert group.pids() == ()
    assert group.remove(survivors=(2**22 + 1,))
    assert not group.has(2**22 + 1)


def test_a_group_in_which_somebody_lives_stays(tmp_path: Path) -> None:
    group = Cgroup(fake(tmp_path / "agent", "file"))
    (group.path / "cgroup.events").write_text("populated 1\n")
    assert not group.remove()


def test_a_group_the_kernel_does_not_let_go_of_in_time_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup_module, "_REMOVE_S", 0.01)
    assert not Cgroup(fake(tmp_path / "agent", "file")).remove()


def test_a_session_takes_the_controllers_it_wants_where_they_are_to_be_had(tmp_path: Path) -> None:
    base = fake(tmp_path / "base")
    (base / "cgroup.subtree_control").write_text("memory\n")
    session = fake(base / "supervisor-x")
    (session / "cgroup.subtree_control").write_text("memory\n")
    group = SessionCgroup(base, "x")
    group.open(wanted=frozenset({"memory"}))
    assert group.controllers == {"memory"}
    assert group.of("worker-1#2").path == session / "agent-worker-1#2"
    (base / "cgroup.subtree_control").unlink()
    other = SessionCgroup(base, "x")
    other.open(wanted=frozenset({"pids"}))
    assert other.controllers == frozenset()


@pytest.mark.parametrize("is_alone", [True, False])
def test_we_move_out_of_the_way_of_a_controller_only_if_nobody_else_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_alone: bool
) -> None:
    base = fake(tmp_path / "base")
    (base / "cgroup.subtree_control").write_text("")
    (base / "cgroup.procs").write_text(f"{os.getpid()}\n" if is_alone else f"1\n{os.getpid()}\n")
    written: list[tuple[str, str]] = []

    def write(path: Path, text: str) -> None:
        if path.name == "cgroup.subtree_control" and len(written) == 0:
            written.append(("busy", text))
            raise OSError(16, "Device or resource busy")
        written.append((f"{path.parent.name}/{path.name}", text))

    monkeypatch.setattr(cgroup_module, "_write", write)
    group = SessionCgroup(base, "x")
    (base / "supervisor-x").mkdir()
    (base / "supervisor-x" / "cgroup.subtree_control").write_text("")
    group.open(wanted=frozenset({"memory"}))
    if not is_alone:
        assert group.controllers == frozenset()
        assert written == [("busy", "+memory")]
        return
    assert written == [
        ("busy", "+memory"),
        ("supervisor-engine/cgroup.procs", str(os.getpid())),
        ("base/cgroup.subtree_control", "+memory"),
        ("supervisor-x/cgroup.subtree_control", "+memory"),
    ]


def test_what_a_dead_engine_left_is_killed_and_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    base = own_cgroup()
    if base is None or not os.access(base, os.W_OK):
        base = tmp_path  # no groups here: a directory that is simply removed
    monkeypatch.setattr(cgroup_module, "own_cgroup", lambda: base)
    session = SessionCgroup(base, f"test-{os.getpid()}")
    session.open()
    group = session.of("a#1")
    group.path.mkdir()
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        if base is not tmp_path:
            group.admit(sleeper.pid, ProcessLimits())
            assert group.pids() == (sleeper.pid,)
        else:
            sleeper.kill()
        assert end_session_cgroup(f"test-{os.getpid()}")
        assert sleeper.wait(5) == -9
    assert not session.path.exists()
    assert end_session_cgroup(f"test-{os.getpid()}"), "once more is no problem"


def test_without_groups_a_dead_engine_left_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup_module, "own_cgroup", lambda: None)
    assert end_session_cgroup("any")
