"""The report is true: the commands in it, typed by a reader, print the figures in it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from analysing import ANALYSES
from bars import bar, bars, spark
from findings import Findings
from plan import inventory_of, survey_plan
from report import Survey, compose
from reporting import replaced, write_atomically
from risks import derive_risks
from tests.unit.survey.project import Project
from tests.unit.survey.test_analyses import grow


def surveyed(project: Project, *, at: float = 0.0) -> Survey:
    inventory = inventory_of(project.tree())
    plan = survey_plan(inventory)
    labels = [template.label for template in plan.templates if template.label in ANALYSES]
    found = {label: project.analyse(ANALYSES[label]) for label in labels}
    rows = [
        risk.row() | {"vote": None, "outcome": "not voted on", "severity": None}
        for risk in derive_risks(found)
    ]
    return Survey(
        name="shop",
        at=at,
        run=1,
        inventory=inventory,
        found=found,
        risks=Findings(label="risks", method="by score", figures={}, evidence=rows),
        skipped=plan.skipped,
    )


def printed_and_promised(project: Project, text: str) -> dict[str, tuple[int, int]]:
    """Run each command of the report; return what it printed and what the report says it prints."""
    block = re.search(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert block is not None
    function, _, commands = block[1].partition("\n}\n")
    outcomes = {}
    for line in commands.splitlines():
        command, what, figure = re.fullmatch(r"(.*)  # (.*): (\d+)", line).groups()  # type: ignore[union-attr]
        outcomes[what] = (int(project.shell(f"{function}\n}}\n{command}")), int(figure))
    return outcomes


@pytest.mark.parametrize("with_git", [True, False])
def test_the_commands_of_the_report_print_its_figures(project: Project, with_git: bool) -> None:
    grow(project)
    project.write("large.txt", b"TODO\n" * 300_000)
    project.write("node_modules/x.js" if not with_git else "kept/x.js", "TODO\n")
    project.write(b"new\nline-\xff.py", "# TODO\n")
    project.write("late.txt", b"TODO\n" * 40_000 + b"\0")
    project.write("empty.py")
    (project.root / "link.py").symlink_to("shop/cart.py")
    if not with_git:
        (project.root / ".git").rename(project.root.parent / "gone")
    text = compose(surveyed(project))
    project.write("report.md", text)
    outcomes = printed_and_promised(project, text)

    assert {what: printed for what, (printed, _) in outcomes.items()} == {
        what: promised for what, (_, promised) in outcomes.items()
    }
    expected = {"text files", "lines", "lines of Python", "marks"} | (
        {"commits", "authors"} if with_git else set()
    )
    assert set(outcomes) == expected


def test_the_same_survey_gives_the_same_report(project: Project) -> None:
    grow(project)
    survey = surveyed(project)

    assert compose(survey) == compose(survey)


def test_a_report_names_method_and_what_was_left_out(project: Project) -> None:
    project.write("a.txt", "one\n")
    text = compose(surveyed(project))

    assert "**churn** was not done: git says: not a git repository" in text
    assert "**imports** was not done: no Python" in text
    assert "## How it was measured" in text


def test_an_empty_tree_gets_a_report_that_says_so(project: Project) -> None:
    text = compose(surveyed(project))

    assert "There is no text file here: nothing to measure." in text
    assert "The figures speak for no risk" in text


def test_nothing_foreign_is_markup_or_moves_the_cursor(project: Project) -> None:
    project.git("init", "-q")
    evil = "](javascript:x) | <img src=x> ``` \x1b]0;x\x07 \u202e".encode()
    for number, name in enumerate((b"a|b`c.py", b"<b>\n# head.py", b"\x1b[2J.py", b"](x).py", b"```.py")):
        project.write(name, b"def f():  # TODO " + evil + b"\n" + b"    x = %d\n" % number * 70)
    project.write("package.json", '{"dependencies": {"`|<script>\\n": "| ` \\u202e"}}')
    project.commit()
    text = compose(surveyed(project))
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", outside)

    assert all(character.isprintable() or character == "\n" for character in text)
    assert "<" not in outside.replace("\\<", "")
    assert "](" not in outside.replace("\\](", "")
    tables = [line for line in text.splitlines() if line.startswith("| ") and "f" in line]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} <= {3, 4, 5, 6, 7}
    assert not re.search(r"^# head", text, re.MULTILINE)


def test_bars_are_in_proportion_and_small_values_show() -> None:
    assert bar(10, 10, 8) == "████████"
    assert bar(5, 10, 8) == "████"
    assert bar(0.001, 10, 8) == "▏"
    assert bar(0, 10, 8) == bar(1, 0, 8) == ""
    assert bars([]) == []
    assert bars([("a", 1), ("bb", 2000)], 4, unit=" x") == ["a   ▏     1 x", "bb  ████  2,000 x"]
    assert spark([0, 1, 8]) == "·▂█"


def test_a_report_is_replaced_as_a_whole_and_through_no_symlink(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("keep")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "report.md").symlink_to(secret)
    write_atomically(os.fsencode(folder), b"report.md", b"new")

    assert secret.read_text() == "keep"
    assert (folder / "report.md").read_text() == "new"
    assert [path.name for path in folder.iterdir()] == ["report.md"]


def test_a_report_that_cannot_be_put_in_place_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "report.md").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(os.fsencode(tmp_path), b"report.md", b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]


@pytest.mark.parametrize(
    ("content", "lost"),
    [
        (None, ""),
        ("", ""),
        ("# Survey of x\n\nolder", ""),
        ("# Mine", "a file of 6 bytes that no survey wrote"),
    ],
)
def test_what_writing_the_report_would_destroy_is_told(
    project: Project, content: str | None, lost: str
) -> None:
    if content is not None:
        project.write("report.md", content)

    assert replaced(os.fsencode(project.root), b"report.md") == lost


def test_a_link_in_the_reports_place_is_somebody_elses(project: Project) -> None:
    (project.root / "report.md").symlink_to(project.write("ours.md", "# Survey of x\n"))

    assert replaced(os.fsencode(project.root), b"report.md") == "something that is no plain file"
