"""What the team remembers, as the command line shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from supervisor.model.memory import MemoryEntry
from supervisor.testing.scripted_engine import ScriptedEngine

Run = Callable[..., Result]


@pytest.fixture
def remembered(engine: ScriptedEngine) -> ScriptedEngine:
    for scope, key, value in (
        ("team", "report", "# Report\n\x1b[2Jmore"),
        ("task:T1", "size", "42"),
    ):
        entry = MemoryEntry(scope=scope, key=key, value=value, version=1, author="worker-1", at=0.0)
        engine.team.record("memory.set", entry, actor="worker-1")
    return engine


def test_the_list_names_scope_key_author_and_size(run: Run, remembered: ScriptedEngine) -> None:
    assert run("memory", "list").stdout.splitlines() == [
        "SCOPE    KEY     BY        VERSION  BYTES",
        "team     report  worker-1  1        17",
        "task:T1  size    worker-1  1        2",
    ]
    assert [line.split()[1] for line in run("memory", "list", "task:T1").stdout.splitlines()[1:]] == ["size"]


def test_a_value_is_printed_whole_and_harmless(run: Run, remembered: ScriptedEngine) -> None:
    assert run("memory", "show", "report").stdout == "# Report\n\\x1b[2Jmore\n"
    assert run("memory", "show", "size", "--scope", "task:T1").stdout == "42\n"


def test_as_json_the_value_is_as_it_was_set(ask: Any, remembered: ScriptedEngine) -> None:
    assert ask("memory", "show", "report")["entry"]["value"] == "# Report\n\x1b[2Jmore"
    assert len(ask("memory", "list")["entries"]) == 2


def test_what_nobody_remembers_is_said_with_the_way_to_the_list(run: Run, remembered: ScriptedEngine) -> None:
    missing = run("memory", "show", "nothing")
    assert missing.exit_code == 1
    assert "supervisor memory list" in missing.stderr
