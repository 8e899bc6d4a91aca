"""The checks of a task on the command line: given, changed, and shown with what they said; worktrees."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from supervisor.cli.checks import Verdict, all_checks
from supervisor.model.evidence import Check, Evidence
from supervisor.model.task import Task, TaskState
from supervisor.model.wire import from_wire, to_wire
from supervisor.testing.scripted_engine import ScriptedEngine
from supervisor.workspace.state_dir import open_state
from supervisor.workspace.worktrees import Worktrees
from tests.unit.workspace.test_git import run_git

Run = Callable[..., Result]

TESTS = Check(name="tests", argv=("pytest", "-q"), timeout_s=300)
EVIL = "before\x1b[2J\x1b]0;owned\x07\rafter\nsecond \u202eline"


@pytest.fixture
def served(engine: ScriptedEngine) -> ScriptedEngine:
    task = engine.team.world.tasks["T2"]
    engine.answers |= {verb: {"task": to_wire(task)} for verb in ("task_add", "task_update")}
    return engine


def test_a_new_task_gets_its_checks(run: Run, served: ScriptedEngine) -> None:
    ended = run(
        "task",
        "add",
        "x",
        "--check",
        "tests = pytest -q",
        "--check",
        "lint=ruff check",
        "--check-timeout",
        "5m",
    )
    assert ended.exit_code == 0, ended.output
    (_, args) = served.asked[-1]
    assert [from_wire(Check, each) for each in args["checks"]] == [
        TESTS,
        Check(name="lint", argv=("ruff", "check"), timeout_s=300),
    ]


@pytest.mark.parametrize(
    ("words", "checks"),
    [
        (("--check", "tests = pytest -q", "--check-timeout", "5m"), [to_wire(TESTS)]),
        (("--no-checks",), []),
    ],
)
def test_an_edit_replaces_or_takes_the_checks(
    run: Run, served: ScriptedEngine, words: tuple[str, ...], checks: list[Any]
) -> None:
    assert run("task", "edit", "T2", *words).exit_code == 0
    assert served.asked[-1][1]["edit"] == {"checks": checks}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("add", "x", "--check", "pytest -q"), "--check: a check is written NAME = COMMAND"),
        (("add", "x", "--check-timeout", "5m"), "--check-timeout is about --check"),
        (("edit", "T2", "--check", "t = x", "--no-checks"), "--check and --no-checks contradict"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    run: Run, served: ScriptedEngine, words: tuple[str, ...], problem: str
) -> None:
    ended = run("task", *words)
    assert ended.exit_code == 2
    assert problem in ended.stderr
    assert served.asked == []


def said(task: Task, **how: Any) -> Evidence:
    return Evidence(
        task=task.id,
        token=task.token,
        check="tests",
        argv=TESTS.argv,
        started_at=1.0,
        duration_s=3.0,
        commit="a" * 40,
        dirty=True,
        **how,
    )


def page(run: Run, engine: ScriptedEngine, task: Task, *told: Evidence) -> str:
    engine.answers["task_show"] = {
        "task": to_wire(task),
        "notes": [],
        "checkpoint": None,
        "dependencies": [],
        "dependents": [],
        "evidence": to_wire(told),
        "events": [],
    }
    return run("task", "show", "T2").stdout


def test_the_page_tells_how_the_checks_stand(run: Run, engine: ScriptedEngine) -> None:
    task = replace(
        engine.team.world.tasks["T2"], checks=(TESTS,), state=TaskState.IN_REVIEW, token=2, blocked_by=()
    )
    running = page(run, engine, task)
    assert "in_review (its checks run)" in running
    assert "tests: runs or waits to run  (pytest -q)" in running
    passed = page(run, engine, replace(task, verified=2), said(task, exit_code=0))
    assert f"tests: passed after 3s on {'a' * 12} and more, attempt 2  (pytest -q)" in passed
    fresh = page(run, engine, replace(task, state=TaskState.PENDING))
    assert "tests: has not run  (pytest -q)" in fresh


def test_canary_what_a_check_prints_is_shown_harmlessly(run: Run, engine: ScriptedEngine) -> None:
    task = replace(engine.team.world.tasks["T2"], checks=(TESTS,), state=TaskState.PENDING, feedback=EVIL)
    shown = page(run, engine, task, said(task, exit_code=1, tail=EVIL))
    assert "tests: failed: exit code 1" in shown
    assert "| before" in shown
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(shown)


def test_a_list_says_what_is_being_checked(run: Run, engine: ScriptedEngine) -> None:
    tasks = engine.team.world.tasks
    tasks["T2"] = replace(tasks["T2"], checks=(TESTS,), state=TaskState.IN_REVIEW, blocked_by=())
    assert "in_review (checks run)" in run("task", "list").stdout


def test_worktrees_are_listed(run: Run, project: Path) -> None:
    assert "no agent has a worktree here" in run("worktrees").stderr
    run_git(project, "init", "-q")
    run_git(project, "commit", "-q", "--allow-empty", "-m", "first")
    state = open_state(project, create=True)
    trees = Worktrees(state.project, state.worktrees, "crew")
    (trees.take("worker-1") / "new").write_text("x")
    assert [each.detail for each in all_checks(project) if each.name == "worktrees"] == [
        "1 of agents, 1 with changes that are not committed"
    ]
    (state.worktrees / "worker-2").mkdir()
    told = run("worktrees").stdout
    assert "supervisor/crew/worker-1" in told
    assert "uncommitted" in told
    assert "no worktree of this project" in told
    listed = json.loads(run("worktrees", "--json").stdout)["worktrees"]
    assert listed[0] == {
        "agent": "worker-1",
        "path": str(state.worktrees / "worker-1"),
        "branch": "supervisor/crew/worker-1",
        "ahead": 0,
        "behind": 0,
        "dirty": True,
        "problem": "",
    }
    (found,) = [each for each in all_checks(project) if each.name == "worktrees"]
    assert (found.verdict, "worker-2" in found.detail) == (Verdict.WARN, True)
