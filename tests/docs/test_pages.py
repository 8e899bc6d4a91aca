"""The pages agree with the code, with each other, and with what a reader would type."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Final

import click
import pytest

from scripts.gen_docs import PAGES, error_tree
from supervisor import errors
from supervisor.cli.main import supervisor

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"
TEXTS: Final = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_a_generated_page_is_what_the_code_says(page: str) -> None:
    assert read(f"docs/{page}") == PAGES[page](), "run `python -m scripts.gen_docs`"


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(text: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text.read_text(encoding="utf-8"))

    assert [target for target in targets if not (text.parent / target).exists()] == []


def test_the_dependency_page_lists_exactly_what_is_required() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    groups = project["optional-dependencies"].values()
    required = {*project["dependencies"], *(each for group in groups for each in group)}

    listed = re.findall(r"^\| ([\w-]+) \| `([^`]+)` \|", read("docs/dependencies.md"), re.MULTILINE)

    assert {name + bound for name, bound in listed} == required


def test_every_exit_code_of_an_error_is_explained() -> None:
    explained = set(re.findall(r"^\| (\d+) \|", read("docs/exit-codes.md"), re.MULTILINE))

    assert {str(kind.exit_code) for _, kind in error_tree(errors.SupervisorError)} <= explained


WORDS: Final = """
    team profile run pool role agent incarnation turn task lease token milestone track wave review approval
    question vote ballot quorum message inbox group memory scope checkpoint evidence event feed snapshot
    child_spec strategy restart_intensity heartbeat liveness backlog drain park
"""


@pytest.mark.parametrize("word", WORDS.split())
def test_the_glossary_has_every_word_of_the_house(word: str) -> None:
    assert re.search(rf"\*\*[^*]*\b{word.replace('_', ' ')}\b[^*]*\*\*", read("docs/glossary.md"))


def test_the_glossary_is_in_order() -> None:
    terms = re.findall(r"^\| \*\*([^*]+)\*\*", read("docs/glossary.md"), re.MULTILINE)

    assert terms == sorted(terms, key=str.lower)


def test_every_room_stands_on_the_design_page() -> None:
    rooms = {path.parent.name for path in (ROOT / "supervisor").glob("*/__init__.py")}

    assert {room for room in rooms if f"`{room}`" not in read("docs/design.md")} == set()


def test_ci_runs_the_tests_by_the_command_of_the_readme() -> None:
    lines = [line for line in read("README.md").splitlines() if "-m pytest" in line]
    steps = lines[0].split(" && ")

    ci = [line.removesuffix(" &") for line in read(".ci/run").splitlines()]

    assert len(steps) == 5
    assert [step for step in steps if step not in ci] == []


COMMANDS: Final = sorted(
    {
        (path.name, command)
        for path in (*TEXTS, ROOT / "supervisor" / "errors.py")
        if path.name != "commands.md"
        for command in re.findall(r"`((?:supervisor|sup) [a-z][^`]*)`", path.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_every_command_that_a_page_names_can_be_typed(page: str, command: str) -> None:
    verb: click.Command = supervisor
    words = shlex.split(command)[1:]
    while isinstance(verb, click.Group):
        verb = verb.commands[words.pop(0)]

    verb.make_context(verb.name, words).close()


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    headings = re.findall(r"^## \[([^\]]+)\]", read("CHANGELOG.md"), re.MULTILINE)

    assert headings[0] == "Unreleased"
    assert set(re.findall(r"^### (\w+)", read("CHANGELOG.md"), re.MULTILINE)) <= {
        "Added",
        "Changed",
        "Deprecated",
        "Fixed",
        "Removed",
        "Security",
    }


def test_a_decision_fits_on_a_page() -> None:
    decisions = sorted((DOCS / "adr").glob("*.md"))

    assert [path.name for path in decisions if not re.match(r"\d{4}-[a-z0-9-]+\.md$", path.name)] == []
    assert [path.name for path in decisions if len(path.read_text(encoding="utf-8").splitlines()) > 60] == []
