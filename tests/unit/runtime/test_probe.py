"""What the probe says of this and of poorer machines."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from supervisor.model.health import Containment
from supervisor.runtime import probe
from supervisor.runtime.cgroup import Cgroup
from supervisor.runtime.probe import ContainmentLevel, probe_containment


def told(level: Containment) -> ContainmentLevel:
    return probe_containment().of(level)


def test_all_levels_are_told_best_first_each_with_its_reason() -> None:
    report = probe_containment()
    assert [each.level for each in report.levels] == [each for each in Containment if each != "auto"]
    assert all(each.detail for each in report.levels)
    best = Containment.CGROUP if report.of(Containment.CGROUP).available else Containment.GROUP_MARKER
    assert report.used is best


def test_namespaces_are_tried_only_when_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_NAMESPACE_TRIAL", ("no-such-setpriv",))
    assert "not tried" in probe_containment(tries_namespaces=False).of(Containment.PIDNS).detail


def test_without_cgroups_the_marker_is_used_and_without_proc_only_the_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe, "own_cgroup", lambda: None)
    assert probe_containment().used is Containment.GROUP_MARKER
    assert told(Containment.CGROUP).detail == "no cgroup v2 here"
    monkeypatch.setattr(probe, "HAS_PROC", False)
    assert probe_containment().used is Containment.GROUP
    assert "not found" in told(Containment.GROUP_MARKER).detail


def test_a_cgroup_of_another_user_is_told_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(probe, "own_cgroup", lambda: tmp_path)
    (tmp_path / "cgroup.procs").touch()
    monkeypatch.setattr("supervisor.runtime.probe.os.access", lambda *_: False)
    assert "not delegated" in told(Containment.CGROUP).detail


def test_a_directory_that_only_looks_like_a_cgroup_is_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(probe, "own_cgroup", lambda: tmp_path)
    (tmp_path / "cgroup.procs").touch()
    level = told(Containment.CGROUP)
    assert not level.available
    assert level.detail.startswith(f"no group can be used below {tmp_path}: ")
    assert [path.name for path in tmp_path.iterdir()] == ["cgroup.procs"]


def test_a_kernel_that_cannot_kill_a_cgroup_is_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(probe, "own_cgroup", lambda: tmp_path)
    (tmp_path / "cgroup.procs").touch()
    monkeypatch.setattr(Cgroup, "admit", lambda group, pid, limits: None)
    assert "older than 5.14" in told(Containment.CGROUP).detail


def test_which_limits_a_cgroup_brings_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(probe, "own_cgroup", lambda: tmp_path)
    monkeypatch.setattr(probe, "_trial_of_cgroup", lambda own: "")
    (tmp_path / "cgroup.procs").touch()
    assert told(Containment.CGROUP).detail.endswith("watched by sampling")
    (tmp_path / "cgroup.controllers").write_text("cpu memory hugetlb pids\n")
    assert told(Containment.CGROUP).detail == f"below {tmp_path}, with limits of memory and pids"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("no-such-setpriv",), "no-such-setpriv is not installed"),
        (("sh", "-c", "echo forbidden >&2; exit 1"), "forbidden"),
        (("false",), "ended with 1"),
        (("sleep", "60"), "failed"),
    ],
)
def test_why_there_are_no_pid_namespaces_is_told(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], words: str
) -> None:
    monkeypatch.setattr(probe, "_NAMESPACE_TRIAL", command)
    monkeypatch.setattr(probe, "_TRIAL_S", 0.1)
    monkeypatch.setattr(probe, "own_cgroup", lambda: None)
    assert not told(Containment.PIDNS).available
    assert words in told(Containment.PIDNS).detail


def test_the_trial_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def remembered(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        begun.append(popen(*arguments, **options))  # type: ignore[call-overload]
        return begun[-1]

    monkeypatch.setattr(subprocess, "Popen", remembered)
    probe_containment()
    assert all(child.returncode is not None for child in begun)
