"""The tree of verbs: each explains itself by an example, takes a project, and loads little."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner

from supervisor.cli.border import Verb
from supervisor.cli.main import supervisor as command

ROOT: Final = Path(__file__).resolve().parents[3]

ASKED_FOR: Final = {
    *("up", "run", "attach", "down", "status", "ps", "logs", "events", "send", "inbox", "restart", "stop"),
    *("approvals", "approve", "reject", "task", "vote", "profile", "doctor", "fsck"),
}


def verbs(group: click.Group = command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name, verb in group.commands.items():
        if isinstance(verb, click.Group):
            yield from verbs(verb, (*path, name))
        else:
            yield " ".join((*path, name)), verb


TREE: Final = dict(verbs())


def test_every_verb_of_the_design_is_there() -> None:
    assert command.commands.keys() >= ASKED_FOR
    assert {"task list", "task show", "task add", "task cancel", "vote list", "vote show"} <= TREE.keys()
    assert {"profile list", "profile show", "profile check"} <= TREE.keys()


@pytest.mark.parametrize("name", TREE)
def test_the_help_of_a_verb_has_an_example_that_begins_with_it(name: str) -> None:
    ended = CliRunner().invoke(command, [*name.split(), "--help"], prog_name="supervisor")
    examples = ended.stdout.partition("Example:\n")[2]

    assert ended.exit_code == 0
    assert f"supervisor {name}" in examples


@pytest.mark.parametrize("name", TREE)
def test_an_example_can_be_read_by_the_verb_itself(name: str) -> None:
    verb = TREE[name]
    assert isinstance(verb, Verb)
    for example in verb.examples:
        words = re.split(r"\s{2,}|\s\|\s(?!supervisor)", example.split(" | supervisor")[0])[0]
        if not words.startswith("supervisor"):
            continue
        arguments = shlex.split(words)[1 + len(name.split()) :]
        verb.make_context(name, arguments, resilient_parsing=False).close()


@pytest.mark.parametrize("name", TREE)
def test_every_verb_takes_a_project(name: str) -> None:
    assert "--project" in {option for parameter in TREE[name].params for option in parameter.opts}


@pytest.mark.parametrize("name", sorted(TREE.keys() - {"logs", "attach", "mcp"}))
def test_every_verb_with_data_has_json(name: str) -> None:
    assert "--json" in {option for parameter in TREE[name].params for option in parameter.opts}


@pytest.mark.parametrize("name", TREE)
def test_every_option_says_what_it_does(name: str) -> None:
    options = [parameter for parameter in TREE[name].params if isinstance(parameter, click.Option)]

    assert [option.name for option in options if not option.help] == []


def loaded_by(program: str) -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}\nprint(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    return {name.partition(".")[0] for name in ended.stdout.split()}


def test_the_tree_loads_nothing_heavy() -> None:
    heavy = {"aiosqlite", "asyncio", "mcp", "pydantic", "rich", "sqlite3", "textual", "psutil", "xml"}

    assert loaded_by("import supervisor.cli.main") & heavy == set()


def test_the_heavy_check_would_notice() -> None:
    assert "asyncio" in loaded_by("import supervisor.cli.main, asyncio")
