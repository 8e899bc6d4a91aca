"""Checks as people write them, and what is wrong with those that are none."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.config.check_text import CheckUnreadable, check_of, is_check, read_check
from supervisor.config.plan_text import read_plan
from supervisor.config.task_file import read_tasks
from supervisor.errors import PlanInvalid
from supervisor.model.evidence import Check


def test_a_command_is_taken_apart_as_a_shell_would_and_no_further() -> None:
    assert read_check("tests = pytest -q 'a b' $HOME; rm x") == Check(
        name="tests", argv=("pytest", "-q", "a b", "$HOME;", "rm", "x")
    )
    assert read_check("lint=ruff check", timeout_s=5).timeout_s == 5
    assert (is_check("tests = x"), is_check("that it works"), is_check("a b = c")) == (True, False, False)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("pytest -q", "a check is written NAME = COMMAND"),
        ("tests = 'pytest", "the command of check `tests` cannot be read: No closing quotation"),
        ("Tests = pytest", "`Tests` is no name of a check"),
        ("tests = ''", "check `tests` has no command"),
    ],
)
def test_what_is_no_check_is_refused(words: str, problem: str) -> None:
    with pytest.raises(CheckUnreadable, match=problem):
        read_check(words)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (3, "is a text or a table, not"),
        ({"name": "a", "argv": ["b"], "shell": True}, "has no key `shell`"),
        ({"name": "a", "argv": "b c"}, "`argv` of a check is a list of texts"),
        ({"name": "a", "argv": [1]}, "`argv` of a check is a list of texts"),
        ({"name": "a"}, "`argv` of a check is a list of texts"),
        ({"argv": ["b"]}, "`` is no name of a check"),
        ({"name": "a", "argv": []}, "check `a` has no command"),
        ({"name": "a", "argv": ["b"], "timeout_s": "1"}, "`timeout_s` of a check is a number"),
        ({"name": "a", "argv": ["b"], "timeout_s": True}, "`timeout_s` of a check is a number"),
        ({"name": "a", "argv": ["b"], "timeout_s": 3601}, "is over 0 and at most 3600"),
    ],
)
def test_a_table_that_is_no_check_is_refused(table: Any, problem: str) -> None:
    with pytest.raises(CheckUnreadable, match=problem):
        check_of(table)


def test_a_plan_gives_its_tasks_checks() -> None:
    plan = read_plan(
        "# P\n\n- Mend it\n  - check: tests = pytest -q\n  check: lint = ruff check\n", "plan.md"
    )
    assert [(each.name, each.argv) for each in plan.tasks[0].checks] == [
        ("tests", ("pytest", "-q")),
        ("lint", ("ruff", "check")),
    ]
    prose = read_plan("- Mend it\n  check: that it works\n", "plan.md").tasks[0]
    assert (prose.checks, prose.description) == ((), "check: that it works")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["- a", "  check: tests = 'x"], "plan.md:2: the command of check"),
        (["- a", "  check: t = x", "  check: t = y"], "plan.md:1: two checks have the name `t`"),
        (
            ["- a", *(f"  check: t{n} = x" for n in range(21))],
            "plan.md:1: the task has 21 checks; at most 20",
        ),
    ],
)
def test_a_plan_says_where_a_check_is_wrong(lines: list[str], problem: str) -> None:
    with pytest.raises(PlanInvalid) as refused:
        read_plan("\n".join(lines), "plan.md")
    assert problem in str(refused.value.details)


def test_a_file_of_tasks_gives_them_checks() -> None:
    text = (
        '[[tasks]]\nid = "a"\ntitle = "t"\n'
        'checks = ["lint = ruff check", { name = "tests", argv = ["pytest", "-q"], timeout_s = 60 }]\n'
    )
    assert read_tasks(text, "tasks.toml").planned.tasks[0].checks == (
        Check(name="lint", argv=("ruff", "check")),
        Check(name="tests", argv=("pytest", "-q"), timeout_s=60),
    )


@pytest.mark.parametrize(
    ("checks", "problem"),
    [
        ('"x"', "`checks` is a list of at most 20 checks"),
        ("[3]", "a check is a text or a table"),
        ('["t = x", "t = y"]', "two checks have the name `t`"),
    ],
)
def test_a_file_of_tasks_says_where_a_check_is_wrong(checks: str, problem: str) -> None:
    with pytest.raises(PlanInvalid) as refused:
        read_tasks(f'[[tasks]]\nid = "a"\ntitle = "t"\nchecks = {checks}\n', "tasks.toml")
    assert f"tasks.toml:4: {problem}" in str(refused.value.details)
