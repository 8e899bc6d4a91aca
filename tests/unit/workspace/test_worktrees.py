"""Worktrees for agents: made once, kept for good, and never anything of somebody else's touched."""

from __future__ import annotations

import fcntl
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from supervisor.errors import InvalidArgument, WorkspaceRefused
from supervisor.workspace import git, worktrees
from supervisor.workspace.git import GitAnswer
from supervisor.workspace.worktrees import Worktrees
from tests.unit.workspace.test_git import run_git


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "lib").mkdir(parents=True)
    run_git(project, "init", "-q", "-b", "main")
    (project / "lib" / "code.py").write_text("print(1)\n")
    (project / ".gitignore").write_text(".supervisor/\n")
    run_git(project, "add", ".")
    run_git(project, "commit", "-q", "-m", "first")
    (project / ".supervisor" / "worktrees").mkdir(parents=True, mode=0o700)
    return project


def trees(project: Path) -> Worktrees:
    return Worktrees(project, project / ".supervisor" / "worktrees", "crew")


def commit(tree: Path, name: str) -> None:
    (tree / name).write_text("x")
    run_git(tree, "add", name)
    run_git(tree, "commit", "-q", "-m", name)


def test_an_agent_gets_a_worktree_of_its_own_from_the_projects_head(project: Path) -> None:
    tree = trees(project).take("worker-1")
    assert tree == project / ".supervisor" / "worktrees" / "worker-1"
    assert (tree / "lib" / "code.py").read_text() == "print(1)\n"
    assert run_git(tree, "symbolic-ref", "HEAD") == "refs/heads/supervisor/crew/worker-1"
    assert run_git(tree, "rev-parse", "HEAD") == run_git(project, "rev-parse", "HEAD")
    assert run_git(project, "status", "--porcelain") == ""


def test_it_is_kept_with_all_that_is_in_it_whatever_the_project_does(project: Path) -> None:
    tree = trees(project).take("worker-1")
    commit(tree, "done.py")
    (tree / "draft.py").write_text("half")
    (tree / "lib" / "code.py").write_text("changed")
    commit(project, "other.py")
    before = run_git(tree, "status", "--porcelain"), run_git(tree, "rev-parse", "HEAD")
    assert trees(project).take("worker-1") == tree
    assert (run_git(tree, "status", "--porcelain"), run_git(tree, "rev-parse", "HEAD")) == before
    assert (tree / "draft.py").read_text() == "half"
    (listed,) = trees(project).list()
    assert (listed.agent, listed.branch, listed.ahead, listed.behind, listed.dirty, listed.problem) == (
        *("worker-1", "supervisor/crew/worker-1", 1, 1, True),
        "",
    )


def test_an_agent_may_go_to_another_branch_and_stay_there(project: Path) -> None:
    tree = trees(project).take("worker-1")
    run_git(tree, "checkout", "-q", "-b", "idea")
    assert trees(project).take("worker-1") == tree
    assert [(each.branch, each.dirty) for each in trees(project).list()] == [("idea", False)]


def test_a_branch_that_outlived_its_worktree_is_gone_on_with(project: Path) -> None:
    tree = trees(project).take("worker-1")
    commit(tree, "done.py")
    run_git(project, "worktree", "remove", str(tree))
    again = trees(project).take("worker-1")
    assert (again / "done.py").exists()


def test_a_project_below_the_top_of_its_repository_keeps_its_place(project: Path) -> None:
    root = project / "lib" / ".supervisor" / "worktrees"
    root.mkdir(parents=True)
    lib = Worktrees(project / "lib", root, "crew")
    assert lib.require_repository() == "lib/"
    assert lib.take("worker-1") == root / "worker-1" / "lib"
    (project / "new").mkdir()
    with pytest.raises(WorkspaceRefused, match="has no directory new/"):
        Worktrees(project / "new", root, "crew").take("worker-2")


def test_without_repository_commit_or_git_it_is_said_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Worktrees(tmp_path, tmp_path, "crew")
    with pytest.raises(
        WorkspaceRefused, match=r"is no git repository.*`git init` and commit, or set workspace"
    ):
        plain.take("worker-1")
    run_git(tmp_path, "init", "-q")
    with pytest.raises(WorkspaceRefused, match=r"has no commit yet.*Commit something"):
        plain.take("worker-1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorkspaceRefused, match=r"git cannot be run.*Install it"):
        plain.take("worker-1")


@pytest.mark.parametrize("what", ["directory", "file", "link", "foreign"])
def test_what_is_not_ours_is_refused_and_left_alone(project: Path, tmp_path: Path, what: str) -> None:
    place = project / ".supervisor" / "worktrees" / "worker-1"
    other = tmp_path / "other"
    other.mkdir()
    if what == "directory":
        place.mkdir()
        (place / "precious").write_text("x")
    elif what == "file":
        place.write_text("x")
    elif what == "link":
        place.symlink_to(trees(project).take("worker-2"))
    else:
        run_git(other, "init", "-q")
        run_git(other, "commit", "-q", "--allow-empty", "-m", "first")
        run_git(other, "worktree", "add", "-q", str(place))
    with pytest.raises(WorkspaceRefused, match=r"is no worktree of this project. It was left alone"):
        trees(project).take("worker-1")
    assert os.path.lexists(place)
    if what != "link":
        assert [each.problem for each in trees(project).list()] == ["no worktree of this project"]


def test_a_worktree_whose_directory_is_gone_is_not_taken_for_a_new_one(project: Path) -> None:
    shutil.rmtree(trees(project).take("worker-1"))
    with pytest.raises(WorkspaceRefused, match=r"the directory is gone.*git worktree prune"):
        trees(project).take("worker-1")


def test_a_worktree_that_was_not_made_whole_is_told_of(project: Path) -> None:
    tree = trees(project).take("worker-1")
    run_git(project, "worktree", "lock", "--reason", "initializing", str(tree))
    with pytest.raises(WorkspaceRefused, match="was not made whole"):
        trees(project).take("worker-1")
    assert [each.problem for each in trees(project).list()] == ["it was not made whole"]


@pytest.mark.parametrize("name", ["../x", "a b", "", "-x", "a" * 64])
def test_only_checked_names_become_paths_and_branches(project: Path, name: str) -> None:
    with pytest.raises(InvalidArgument):
        trees(project).take(name)
    with pytest.raises(InvalidArgument):
        Worktrees(project, project, name)


def test_nothing_that_the_repository_brings_is_run(project: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    hook = project / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    (project / ".gitattributes").write_text("*.py filter=evil\n")
    commit(project, "fresh.py")
    run_git(project, "add", ".gitattributes")
    run_git(project, "commit", "-q", "-m", "attributes")
    ran.unlink(missing_ok=True)
    for key in ("filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "core.fsmonitor"):
        run_git(project, "config", key, f"touch {ran}; cat")
    run_git(project, "config", "filter.evil.required", "true")
    tree = trees(project).take("worker-1")
    (tree / "lib" / "code.py").write_text("changed")
    assert [each.dirty for each in trees(project).list()] == [True]
    assert (git.standing_of(tree).dirty, ran.exists()) == (True, False)


def test_canary_the_filter_would_run_if_it_were_not_disarmed(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    (project / ".gitattributes").write_text("*.py filter=evil\n")
    run_git(project, "add", ".gitattributes")
    run_git(project, "commit", "-q", "-m", "attributes")
    run_git(project, "config", "filter.evil.smudge", f"touch {ran}; cat")
    monkeypatch.setattr(git, "_without_filters", lambda _directory, _env: {})
    trees(project).take("worker-1")
    assert ran.exists()


def test_fifty_worktrees_at_once_are_made_one_after_the_other(project: Path) -> None:
    names = [f"worker-{number}" for number in range(1, 51)]
    with ThreadPoolExecutor(50) as pool:
        made = list(pool.map(lambda name: trees(project).take(name), names))
    assert sorted(path.name for path in made) == sorted(names)
    assert sorted(
        run_git(project, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    ) == sorted(["main", *(f"supervisor/crew/{name}" for name in names)])


def test_the_lock_of_another_git_process_is_waited_for_up_to_a_deadline(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = project / ".git" / "refs" / "heads" / "supervisor" / "crew" / "worker-1.lock"
    held.parent.mkdir(parents=True)
    held.touch()
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            held.unlink()

    root = project / ".supervisor" / "worktrees"
    patient = Worktrees(project, root, "crew", sleep=pause)
    assert patient.take("worker-1").is_dir()
    assert len(pauses) == 2
    locked = GitAnswer(code=128, said="fatal: Unable to create 'x.lock': File exists.")
    times = iter(range(100))
    hasty = Worktrees(
        project, root, "crew", sleep=lambda _s: None, monotonic=lambda: next(times), lock_deadline_s=3
    )
    monkeypatch.setattr(Worktrees, "_add", lambda *_words: locked)
    with pytest.raises(WorkspaceRefused, match=r"git cannot make the worktree .*Unable to create 'x.lock'"):
        hasty.take("worker-2")


def test_somebody_who_makes_worktrees_for_ever_is_not_waited_for_for_ever(project: Path) -> None:
    root = project / ".supervisor" / "worktrees"
    times = iter([0.0, 1.0, worktrees.ADD_DEADLINE_S])
    with (root / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        impatient = Worktrees(project, root, "crew", sleep=lambda _s: None, monotonic=lambda: next(times))
        with pytest.raises(WorkspaceRefused, match="somebody else has been making worktrees"):
            impatient.take("worker-1")


def test_what_git_says_is_harmless_in_the_message(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Worktrees, "_add", lambda *_words: GitAnswer(code=1, said="\x1b]0;evil\x07 no\nmore"))
    with pytest.raises(WorkspaceRefused) as refused:
        trees(project).take("worker-1")
    assert "\x1b" not in refused.value.message
    assert "no; more" in refused.value.message


def test_without_worktrees_none_are_listed(project: Path) -> None:
    assert trees(project).list() == ()
    assert Worktrees(project, project / "nowhere", "crew").list() == ()


def test_a_worktree_without_a_commit_has_no_distance(project: Path) -> None:
    tree = trees(project).take("worker-1")
    run_git(tree, "checkout", "-q", "--orphan", "empty")
    (listed,) = trees(project).list()
    assert (listed.branch, listed.ahead, listed.behind) == ("empty", None, None)
