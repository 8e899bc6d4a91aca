from __future__ import annotations

import os
from pathlib import Path

import pytest

import tree
from git import Git, GitFailed
from tests.unit.survey.project import Project

HOSTILE = (b"new\nline.py", b"esc\x1b[2J.py", b"bad\xff.py", b"-dash.py", b" space ", b"back\\slash.py")


def test_git_lists_tracked_and_new_files_but_not_ignored_ones(project: Project) -> None:
    project.git("init", "-q")
    project.write(".gitignore", "*.log\n")
    project.write("tracked.py")
    project.commit()
    project.write("new.py")
    project.write("noise.log")

    assert project.paths() == [b".gitignore", b"new.py", b"tracked.py"]
    assert project.tree().without_git == ""


def test_without_git_what_tools_make_is_passed_over(project: Project) -> None:
    project.write("src/a.py")
    for directory in (".venv", "node_modules", "__pycache__", ".supervisor", "build"):
        project.write(f"{directory}/b.py")

    assert project.paths() == [b"src/a.py"]
    assert "not a git repository" in project.tree().without_git


def test_the_report_and_the_state_are_not_part_of_the_tree(project: Project) -> None:
    project.git("init", "-q")
    project.write("report.md", "old")
    project.write("docs/report.md", "this one is the project's own")
    project.write(".supervisor/coordinator.db", "x")

    assert project.paths() == [b"docs/report.md"]


@pytest.mark.parametrize("with_git", [True, False])
def test_names_that_are_no_text_are_listed_as_they_are(project: Project, with_git: bool) -> None:
    if with_git:
        project.git("init", "-q")
    for name in HOSTILE:
        project.write(name, "x\n")

    assert project.paths() == sorted(HOSTILE)


@pytest.mark.parametrize("with_git", [True, False])
def test_nothing_is_read_through_a_symlink(project: Project, tmp_path: Path, with_git: bool) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("secret\n")
    if with_git:
        project.git("init", "-q")
    (project.root / "link.py").symlink_to(outside / "secret.py")
    (project.root / "linked").symlink_to(outside)
    project.write("real.py", "x\n")
    listed = project.tree()

    assert [entry.path for entry in listed.entries] == [b"real.py"]
    assert listed.passed_over == {"symlinks": 2}
    assert listed.read(b"link.py") is None


def test_a_directory_that_became_a_symlink_is_not_followed(project: Project, tmp_path: Path) -> None:
    project.git("init", "-q")
    project.write("package/a.py", "x\n")
    project.commit()
    (project.root / "package").rename(tmp_path / "moved")
    (project.root / "package").symlink_to(tmp_path / "moved")

    listed = project.tree()
    assert listed.entries == ()
    assert listed.passed_over["files behind a symlink"] == 1


def test_large_files_are_counted_and_special_ones_never_opened(project: Project) -> None:
    project.write("large.txt", b"x" * (tree.LARGEST_READ + 1))
    project.write("just.txt", b"x" * tree.LARGEST_READ)
    os.mkfifo(project.root / "pipe")
    listed = project.tree()

    assert [entry.path for entry in listed.entries] == [b"just.txt"]
    assert listed.passed_over == {"files over 1 MiB": 1, "special files": 1}
    assert listed.read(b"pipe") is None


def test_files_beyond_the_limit_are_counted(project: Project) -> None:
    for number in range(5):
        project.write(f"{number}.py")
    listed = tree.list_tree(os.fsencode(project.root), most=3)

    assert len(listed.entries) == 3
    assert listed.passed_over == {"files beyond the limit": 2}


def test_an_ignored_directory_of_a_repository_is_walked(project: Project) -> None:
    project.git("init", "-q")
    project.write(".gitignore", "unpacked/\n")
    project.write("unpacked/a.py", "x\n")
    listed = tree.list_tree(os.fsencode(project.root / "unpacked"))

    assert [entry.path for entry in listed.entries] == [b"a.py"]
    assert listed.without_git == "git knows no file here"


def test_the_digest_changes_with_any_file(project: Project) -> None:
    path = project.write("a.py", "1\n")
    before = project.tree().digest
    assert project.tree().digest == before
    path.write_text("22\n")
    assert project.tree().digest != before


def test_an_empty_directory_is_an_empty_tree(project: Project) -> None:
    assert project.tree().entries == ()


def plant(project: Project, canary: Path) -> None:
    """Set everything in the repository's configuration that would run a program."""
    project.git("init", "-q")
    project.write(".gitattributes", "* diff=evil filter=evil\n")
    project.write("a.py", "x = 1  # TODO\n")
    project.commit()
    touch = f"touch '{canary}'; cat"
    for key in (
        "core.fsmonitor",
        "core.pager",
        "diff.evil.textconv",
        "diff.evil.command",
        "diff.external",
        "filter.evil.clean",
        "filter.evil.smudge",
        "gpg.program",
    ):
        project.git("config", key, touch)
    project.git("config", "log.showSignature", "true")
    project.git("config", "core.hooksPath", "hooks")
    hook = project.write("hooks/post-index-change", f"#!/bin/sh\ntouch '{canary}'\n")
    hook.chmod(0o755)
    project.write("a.py", "x = 1  # TODO\ny = 2\n")
    canary.unlink(missing_ok=True)


def test_a_hostile_repository_runs_nothing(project: Project, tmp_path: Path) -> None:
    from analyses.churn import Churn
    from analyses.todos import Todos

    canary = tmp_path / "canary"
    plant(project, canary)
    project.analyse(Churn)
    assert project.analyse(Todos).figures["dated_by_git"] == 1

    assert not canary.exists()


def test_that_repository_does_run_something_for_a_careless_git(project: Project, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    plant(project, canary)
    project.git("status")

    assert canary.exists()


def test_a_history_that_breaks_off_is_an_error_not_an_end(project: Project) -> None:
    project.git("init", "-q")
    with pytest.raises(GitFailed):
        list(Git(root=os.fsencode(project.root)).records("log", "-z", "HEAD"))
