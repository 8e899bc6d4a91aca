"""What the team remembers, as the command line shows and changes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from supervisor.coordinator import memory
from supervisor.coordinator.memory import metadata
from supervisor.errors import NotFound
from supervisor.model.memory import MemoryEntry
from supervisor.model.wire import to_wire
from supervisor.runtime.marker import SESSION
from supervisor.testing.scripted_engine import ScriptedEngine
from supervisor.testing.small_team import small_team
from supervisor.workspace.state_dir import open_state

Run = Callable[..., Result]

REPORT = MemoryEntry(
    scope="team", key="report", value="# Report\n\x1b[2Jmore", version=1, author="worker-1", at=0.0
)
SIZE = replace(REPORT, scope="task:T1", key="size", value="42")


@pytest.fixture
def remembered(engine: ScriptedEngine) -> ScriptedEngine:
    """An engine that answers a list in two pages."""

    def listed(args: dict[str, Any]) -> dict[str, Any]:
        pages = {"": ([metadata(REPORT)], "team/report"), "team/report": ([metadata(SIZE)], None)}
        entries, following = pages[args["after"]]
        return {"entries": entries, "next": following}

    def shown(args: dict[str, Any]) -> dict[str, Any]:
        for entry in (REPORT, SIZE):
            if (entry.scope, entry.key) == (args["scope"], args["key"]):
                return {"entry": to_wire(entry)}
        raise NotFound("nothing is remembered. See `supervisor memory list`")

    engine.answers |= {"memory_list": listed, "memory_show": shown}
    return engine


def test_the_list_names_scope_key_author_and_size_over_all_pages(
    run: Run, remembered: ScriptedEngine
) -> None:
    assert run("memory", "list").stdout.splitlines() == [
        "SCOPE    KEY     BY        VERSION  BYTES",
        "team     report  worker-1  1        17",
        "task:T1  size    worker-1  1        2",
    ]


def test_scope_and_prefix_go_to_the_engine(run: Run, remembered: ScriptedEngine) -> None:
    run("memory", "list", "task:T1", "--prefix", "si")
    assert remembered.asked[0] == ("memory_list", {"scope": "task:T1", "prefix": "si", "after": ""})


def test_a_value_is_printed_whole_and_harmless(run: Run, remembered: ScriptedEngine) -> None:
    assert run("memory", "show", "report").stdout == "# Report\n\\x1b[2Jmore\n"
    assert run("memory", "show", "size", "--scope", "task:T1").stdout == "42\n"


def test_as_json_the_value_is_as_it_was_set(ask: Any, remembered: ScriptedEngine) -> None:
    shown = ask("memory", "show", "report")
    assert (shown["entry"]["value"], shown["live"]) == ("# Report\n\x1b[2Jmore", True)
    assert [each["size"] for each in ask("memory", "list")["entries"]] == [17, 2]


def test_what_nobody_remembers_is_said_with_the_way_to_the_list(run: Run, remembered: ScriptedEngine) -> None:
    missing = run("memory", "show", "nothing")
    assert missing.exit_code == 1
    assert "supervisor memory list" in missing.stderr


async def keep_something(project: Path) -> None:
    async with small_team(open_state(project, create=True).root) as team:
        for key in ("a", "b"):
            await team.do(partial(memory.remember, actor=team["planner"], key=key, value="v"))


def test_without_an_engine_it_is_read_from_disk(run: Run, ask: Any, project: Path) -> None:
    asyncio.run(keep_something(project))
    listed = ask("memory", "list", "team")
    assert ([each["key"] for each in listed["entries"]], listed["live"]) == (["a", "b"], False)
    shown = run("memory", "show", "a")
    assert (shown.stdout, "state on disk" in shown.stderr) == ("v\n", True)
    assert run("memory", "show", "z").exit_code == 1


def test_where_nothing_ran_the_way_to_begin_is_said(run: Run, project: Path) -> None:
    open_state(project, create=True)
    ended = run("memory", "list")
    assert (ended.exit_code, "supervisor up survey" in ended.stderr) == (5, True)


def test_an_entry_is_deleted(run: Run, ask: Any, engine: ScriptedEngine) -> None:
    engine.answers["memory_delete"] = {"deleted": "team/report", "version": 2}
    assert run("memory", "delete", "report").stdout == "deleted team/report\n"
    assert ask("memory", "delete", "report", "--scope", "project")["version"] == 2
    assert engine.asked[-1] == ("memory_delete", {"key": "report", "scope": "project"})


def test_a_purge_is_confirmed_by_the_authors_name(
    run: Run, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.answers["memory_purge"] = {"author": "worker-2", "purged": 7}
    alone = run("memory", "purge", "--author", "worker-2")
    assert (alone.exit_code, "--yes" in alone.stderr) == (2, True)
    monkeypatch.setattr("supervisor.cli.asking.somebody_is_here", lambda: True)
    assert run("memory", "purge", "--author", "worker-2", keys="y\n").exit_code == 2
    assert engine.asked == []
    assert "purged 7 entries" in run("memory", "purge", "--author", "worker-2", keys="worker-2\n").stdout


def test_a_purge_needs_no_question_with_yes(ask: Any, engine: ScriptedEngine) -> None:
    engine.answers["memory_purge"] = {"author": "worker-2", "purged": 7}
    assert ask("memory", "purge", "--author", "worker-2", "--yes")["purged"] == 7


@pytest.mark.parametrize(
    "words",
    [
        ("memory", "delete", "k"),
        ("memory", "purge", "--author", "x", "--yes"),
        ("vote", "close", "V1"),
        ("vote", "decide", "V1", "yes"),
        ("question", "answer", "Q1", "yes"),
    ],
    ids=" ".join,
)
def test_an_agents_process_decides_nothing_for_a_person(
    run: Run, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv(SESSION, "s0/s1")
    ended = run(*words)
    assert (ended.exit_code, "an agent's process cannot" in ended.stderr) == (1, True)
    assert engine.asked == []
