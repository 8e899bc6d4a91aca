"""What the probe says of this and of poorer machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.runtime import probe
from supervisor.runtime.probe import Containment, ContainmentLevel, probe_containment


def told(level: Containment) -> ContainmentLevel:
    return next(each for each in probe_containment().levels if each.level is level)


def test_all_levels_are_told_best_first_each_with_its_reason() -> None:
    report = probe_containment()
    assert [each.level for each in report.levels] == list(Containment)
    assert all(each.detail for each in report.levels)
    assert report.used is Containment.GROUP_MARKER


def test_without_proc_only_the_group_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "HAS_PROC", False)
    assert probe_containment().used is Containment.GROUP
    assert "not found" in told(Containment.GROUP_MARKER).detail


def test_a_delegated_cgroup_is_recognised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(probe, "_own_cgroup", lambda: tmp_path)
    assert told(Containment.CGROUP).detail == "no cgroup v2 here"
    (tmp_path / "cgroup.procs").touch()
    assert "has no cgroup.kill" in told(Containment.CGROUP).detail
    (tmp_path / "cgroup.kill").touch()
    assert told(Containment.CGROUP).available
    monkeypatch.setattr("supervisor.runtime.probe.os.access", lambda *_: False)
    assert "not delegated" in told(Containment.CGROUP).detail


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("no-such-unshare",), "not installed"),
        (("sh", "-c", "echo forbidden >&2; exit 1"), "forbidden"),
        (("false",), "ended with 1"),
        (("sleep", "60"), "failed"),
    ],
)
def test_why_there_are_no_pid_namespaces_is_told(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], words: str
) -> None:
    monkeypatch.setattr(probe, "_UNSHARE", command)
    monkeypatch.setattr(probe, "_UNSHARE_S", 0.1)
    assert not told(Containment.PIDNS).available
    assert words in told(Containment.PIDNS).detail
