"""The commit of a project is read, and nothing that the project brings along is run."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from supervisor.workspace import git
from supervisor.workspace.git import GitStanding, head_commit, is_dirty, standing_of


def run_git(project: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    answer = subprocess.run(
        ["git", *identity, *words], cwd=project, env=environment, check=True, capture_output=True, text=True
    )
    return answer.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    project = tmp_path / "repository"
    project.mkdir()
    run_git(project, "init", "-q")
    run_git(project, "commit", "-q", "--allow-empty", "-m", "first")
    return project


def test_the_commit_of_a_repository_is_its_full_hash(repository: Path) -> None:
    (repository / "sub").mkdir()

    assert head_commit(repository) == run_git(repository, "rev-parse", "HEAD")
    assert head_commit(repository / "sub") == head_commit(repository)


def test_an_outer_repository_in_the_environment_does_not_mislead(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))

    assert head_commit(tmp_path / "plain") is None


def test_without_repository_commit_directory_or_git_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert head_commit(tmp_path) is None
    assert head_commit(tmp_path / "gone") is None
    run_git(tmp_path, "init", "-q")
    assert head_commit(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert head_commit(tmp_path) is None


def test_a_git_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(git, "DEADLINE_S", 0.1)

    assert head_commit(tmp_path) is None


def test_an_answer_that_is_no_hash_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho '--upload-pack=evil'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert head_commit(tmp_path) is None


def test_programs_that_a_repository_names_in_its_settings_are_not_run(
    repository: Path, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    program = tmp_path / "run.sh"
    program.write_text(f"#!/bin/sh\ntouch {canary}\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "core.editor"):
        run_git(repository, "config", key, str(program))
    run_git(repository, "config", "core.hooksPath", str(tmp_path))

    assert head_commit(repository) is not None
    assert not canary.exists()

    run_git(repository, "status")  # the broken variant: a git that reads the settings and the tree
    assert canary.exists()


def test_what_is_checked_out_is_told_with_whether_there_is_more(repository: Path, tmp_path: Path) -> None:
    commit = run_git(repository, "rev-parse", "HEAD")
    assert standing_of(repository) == GitStanding(commit=commit, dirty=False)
    (repository / "new.txt").write_text("x")
    assert standing_of(repository) == GitStanding(commit=commit, dirty=True)
    (tmp_path / "plain").mkdir()
    assert standing_of(tmp_path / "plain") == GitStanding()
    assert is_dirty(tmp_path / "plain") is None


def test_a_git_that_does_not_answer_in_time_is_left(repository: Path) -> None:
    answer = git.ask_git(repository, "rev-parse", "HEAD", deadline_s=0)
    assert (answer.code, answer.said) == (None, "git did not answer within 0 s")
