"""The page on events: its script verifies a real log by itself, and its limits are those of the code."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest

from supervisor.coordinator import runs
from supervisor.dispatch.archivist import Archivist, Retention
from supervisor.engine.stored_events import stored_log
from supervisor.model.event import Event
from supervisor.model.team import KEEP_EVENTS_DAYS, KEEP_RUNS
from supervisor.store import archive
from supervisor.testing.small_team import small_team
from supervisor.workspace.state_dir import StateDir, open_state

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
SCRIPT: Final = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[-1]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose log is half in two files."""
    project = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(archive, "SEGMENT", 20)
        asyncio.run(work(open_state(project, create=True)))
    return project


async def work(state: StateDir) -> None:
    async with small_team(state.root) as team:
        team.store.session = "s1"
        await team.finish("worker-1", await team.claim("worker-1", (await team.add_task("größer ☃")).id))
        await team.do(lambda scope: runs.finish_run(scope, words="done"))
        archivist = Archivist(team.store, state.archive, team.clock, hurry=True)
        while await archivist.move(Retention(before=2e9), whole=False) is not None:
            pass


@pytest.fixture
def state(made: Path, tmp_path: Path) -> StateDir:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return open_state(tmp_path, create=False)


def verified(state: StateDir) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", SCRIPT, str(state.root)], capture_output=True, text=True, check=False
    )


def test_the_script_verifies_a_log_by_itself(state: StateDir) -> None:
    with stored_log(state.project) as log:
        *_, last = log.after(0)
    assert len(list(state.archive.iterdir())) > 1
    assert verified(state).stdout == f"{last.seq} {last.hash}\n"
    assert "supervisor" not in re.sub(r"\.supervisor|of supervisor", "", SCRIPT)


def test_the_script_stops_at_what_was_altered_in_a_file(state: StateDir) -> None:
    path = state.archive / "events-1-20.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    lines[4]["actor"] = "human"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    assert verified(state).stderr == "event 5 does not follow event 4\n"


@pytest.mark.parametrize("change", ["session = ''", "reason = 'forged'", "seq = seq + 1000"])
def test_the_script_stops_at_what_was_altered_in_a_row(state: StateDir, change: str) -> None:
    with closing(sqlite3.connect(state.database, isolation_level=None)) as damaging:
        damaging.execute(
            f"UPDATE event SET {change} WHERE seq = (SELECT max(seq) FROM event WHERE session <> '')"
        )
    assert "does not follow" in verified(state).stderr


def test_every_field_of_an_event_is_explained() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [field.name for field in fields(Event)]


def test_the_numbers_are_those_of_the_code() -> None:
    for said in (
        f"`run.keep_events_days`\n({KEEP_EVENTS_DAYS:.0f})",
        f"`run.keep_runs` ({KEEP_RUNS})",
        "whole files of 10,000 events",
        f"{archive.SLICE} in a transaction",
    ):
        assert said in PAGE
    assert archive.SEGMENT == 10_000
