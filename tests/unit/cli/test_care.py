"""doctor, fsck and the profile verbs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import Result

from supervisor.cli.checks import Check, Verdict, all_checks, wal_reset_fixed
from supervisor.testing.scripted_engine import ScriptedEngine
from supervisor.workspace.engine_lock import EngineLock
from supervisor.workspace.state_dir import open_state

Run = Callable[..., Result]


def checked(project: Path) -> dict[str, Check]:
    return {check.name: check for check in all_checks(project)}


def test_doctor_looks_at_everything_and_says_ok_warn_or_fail(ask: Any) -> None:
    told = ask("doctor")

    assert told["ok"] is True
    assert [check["name"] for check in told["checks"]] == [
        "python",
        "sqlite",
        "containment",
        "terminal",
        "git",
        "worktrees",
        "profiles",
        "runtime dir",
        "state dir",
        "engine",
        "notices",
        "disk",
    ]
    assert {check["verdict"] for check in told["checks"]} <= {"ok", "warn"}
    assert all(check["step"] for check in told["checks"] if check["verdict"] == "warn")


def test_doctor_changes_nothing(run: Run, project: Path) -> None:
    assert run("doctor").exit_code == 0
    assert list(project.iterdir()) == []


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 1), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
    ],
)
def test_the_wal_reset_fault_is_known_by_version_and_backport(
    version: tuple[int, int, int], fixed: bool
) -> None:
    assert wal_reset_fixed(version) is fixed


def test_a_missing_git_is_a_warning(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert checked(project)["git"].verdict is Verdict.WARN


def test_a_socket_path_that_is_too_long_fails_with_the_way_out(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 90)
    deep.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))

    ended = run("doctor")

    assert ended.exit_code == 1
    assert "fail  runtime dir" in ended.stdout
    assert "XDG_RUNTIME_DIR" in ended.stdout


def test_state_that_others_could_have_touched_fails(project: Path) -> None:
    (project / ".supervisor").mkdir()
    (project / ".supervisor").chmod(0o777)

    assert checked(project)["state dir"].verdict is Verdict.FAIL


def test_a_running_engine_is_named(run: Run, engine: ScriptedEngine) -> None:
    assert f"process {os.getpid()} runs team survey" in run("doctor").stdout


def test_an_engine_that_holds_the_project_but_does_not_answer_fails(project: Path) -> None:
    lock = EngineLock.acquire(
        open_state(project, create=True).lock_file, {"pid": os.getpid(), "started_at": 1.0}
    )
    try:
        found = checked(project)["engine"]
    finally:
        lock.release()

    assert found.verdict is Verdict.FAIL
    assert "supervisor down" in found.step


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "verdict"), [(2 << 30, Verdict.OK), (1 << 29, Verdict.WARN), (1 << 20, Verdict.FAIL)]
)
def test_a_disk_that_fills_up_is_told_in_time(
    project: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(0, 0, free))

    assert checked(project)["disk"].verdict is verdict


def test_a_check_that_cannot_be_made_has_failed_and_the_others_are_still_made(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_path: Path) -> Usage:
        raise OSError("no such device")

    monkeypatch.setattr(shutil, "disk_usage", broken)

    assert checked(project)["disk"] == Check(name="disk", verdict=Verdict.FAIL, detail="no such device")
    assert checked(project)["python"].verdict is Verdict.OK


def test_fsck_of_a_database_that_is_none_ends_with_6_and_leaves_it(run: Run, project: Path) -> None:
    database = open_state(project, create=True).database
    database.write_bytes(b"this is no database at all" * 100)
    database.chmod(0o600)

    ended = run("fsck")

    assert ended.exit_code == 6
    assert database.read_bytes().startswith(b"this is no database")


PROFILE = """
name = "two"
description = "for a test"
[[pools]]
name = "worker"
role = "worker"
size = 2
command = ["{program}", "a b"]
env = {{ LEVEL = "3" }}
env_allow = ["EDITOR"]
[[approvals]]
decision = "allow"
kinds = "write_*"
mode = "headless"
"""


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "two.toml"
    path.write_text(PROFILE.format(program="/bin/true"))
    return path


def test_a_profile_is_shown_as_it_is_understood(run: Run, profile: Path) -> None:
    text = run("profile", "show", str(profile)).stdout

    assert "two: for a test" in text
    assert "pool      worker: 2 x worker, command/auto" in text
    assert "command /bin/true 'a b'" in text
    assert "env     LEVEL=3" in text
    assert "passes  EDITOR" in text
    assert "approval  allow write_* of * up to tier 2 when headless" in text


def test_a_good_profile_checks_well(run: Run, profile: Path) -> None:
    assert run("profile", "check", str(profile)).stdout == "two: ok, 1 pools, 2 agents\n"


def test_every_problem_of_a_profile_is_named_with_its_line(run: Run, profile: Path) -> None:
    profile.write_text(
        profile.read_text().replace("size", "sise").replace('"worker"\nsise', '"wroker"\nsise')
    )

    ended = run("profile", "check", str(profile), "--json")

    assert ended.exit_code == 2
    error = json.loads(ended.stderr)["error"]
    assert error["code"] == "profile_invalid"
    assert any(
        ":7:" in problem and "did you mean `size`" in problem for problem in error["details"]["problems"]
    )
    assert len(error["details"]["problems"]) == 2


def test_a_program_that_is_not_there_is_named(run: Run, profile: Path) -> None:
    profile.write_text(PROFILE.format(program="no-such-program"))

    ended = run("profile", "check", str(profile))

    assert ended.exit_code == 2
    assert "no-such-program" in ended.stderr


def test_the_built_in_profiles_are_listed(run: Run, ask: Any) -> None:
    assert "survey" in run("profile", "list").stdout
    assert [each["problem"] for each in ask("profile", "list")["profiles"] if each["name"] == "survey"] == [
        None
    ]


def test_a_profile_of_the_project_is_inert_unless_named_by_its_path(
    run: Run, project: Path, profile: Path
) -> None:
    shutil.copy(profile, project / "two.toml")

    assert run("profile", "show", "two").exit_code == 2
