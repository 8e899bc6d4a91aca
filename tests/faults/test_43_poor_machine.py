"""Fault 43: locale C, no TERM, no /proc (macOS), no pidfd (an old kernel, or seccomp forbids it).

The engine works; trees are held by the next level that there is, and `doctor` names it.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from supervisor.cli.checks import Verdict, all_checks
from supervisor.model.team import StopLadder
from supervisor.runtime import exits, probe, proc_table, sweep
from supervisor.runtime.exits import ProcessExit
from supervisor.testing.chaos import ChaosTeam, is_alive
from tests.acceptance.project import Project

QUICK = StopLadder(leader_s=0.5, group_s=0.3, sweep_s=5.0)
SHAPES = ["idle", "tree", "stubborn-member"]


def test_a_team_runs_in_locale_c_without_a_terminal(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "LANG", "LC_CTYPE", "PYTHONUTF8", "PYTHONIOENCODING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C")
    ended = project.run()
    assert ended.returncode == 0, ended.stderr
    assert "8 of 8 tasks done" in ended.stdout


@pytest.mark.parametrize("mode", SHAPES)
@pytest.mark.parametrize("how", ["missing", "forbidden", "unknown to the kernel"])
async def test_without_pidfd_trees_are_ended_all_the_same(
    mode: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int) -> int:
        raise PermissionError(1, "Operation not permitted") if how == "forbidden" else OSError(38, "ENOSYS")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    for module in (exits, sweep):
        monkeypatch.setattr(module, "HAS_PIDFD", how != "missing")
    async with ChaosTeam() as team:
        child = team.start(mode)
        pids = await child.ready()
        assert (await child.process.stop(QUICK)).empty
        assert child.process.exit == ProcessExit(signal=signal.SIGTERM)
        assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize("mode", ["idle", "group", "setsid", "stubborn-member"])
async def test_without_proc_trees_are_ended_by_what_psutil_sees(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proc_table, "HAS_PROC", False)
    async with ChaosTeam() as team:
        child = team.start(mode)
        pids = await child.ready()
        assert (await child.process.stop(QUICK)).empty
        assert not any(is_alive(pid) for pid in pids)


def test_doctor_names_the_level_that_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(probe, "own_cgroup", lambda: None)
    monkeypatch.setattr(probe, "HAS_PIDFD", False)
    level = next(check for check in all_checks(tmp_path) if check.name == "containment")
    assert level.verdict is Verdict.OK
    assert level.detail.startswith("agents are held by group+marker, ")
    assert "without pidfd" in level.detail
    assert "cgroup: no cgroup v2 here" in level.detail
    monkeypatch.setattr(probe, "HAS_PROC", False)
    level = next(check for check in all_checks(tmp_path) if check.name == "containment")
    assert level.verdict is Verdict.WARN
    assert level.detail.startswith("agents are held by group, ")
    assert level.step == "programs that daemonise can outlive their agent"
