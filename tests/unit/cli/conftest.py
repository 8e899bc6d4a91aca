"""A project with a scripted engine behind a real socket, and the command line to ask it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from supervisor.cli.main import supervisor as command
from supervisor.testing.scripted_engine import ScriptedEngine, served_in_a_thread
from supervisor.testing.scripted_team import BEGIN, survey_in_progress
from supervisor.workspace.engine_lock import EngineLock, EngineRecord, write_engine_file
from supervisor.workspace.state_dir import open_state, socket_path

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def runtime_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short directory for sockets, whose paths may have 107 bytes."""
    directory = Path(tempfile.mkdtemp(prefix="sup-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    return directory


@pytest.fixture
def run(project: Path) -> Run:
    """Run one command line on the project; `keys` is what is typed."""

    def _run(*words: str, keys: str = "", on: Path | None = project) -> Result:
        where = [] if on is None else ["--project", str(on)]
        return CliRunner().invoke(command, [*words, *where], input=keys, prog_name="supervisor")

    return _run


@pytest.fixture
def ask(run: Run) -> Callable[..., Any]:
    """Run one command line with `--json` that must succeed, and return what it printed."""

    def _ask(*words: str) -> Any:
        ended = run(*words, "--json")
        assert ended.exit_code == 0, ended.output
        return json.loads(ended.stdout)

    return _ask


@pytest.fixture
def engine(project: Path) -> Iterator[ScriptedEngine]:
    """A scripted engine that holds the project's lock and listens where the real one would."""
    state = open_state(project, create=True)
    scripted = ScriptedEngine(survey_in_progress(project=str(project), log_dir=str(state.logs)))
    lock = EngineLock.acquire(state.lock_file, {"pid": os.getpid(), "started_at": BEGIN})
    socket = socket_path(project)
    record = EngineRecord(pid=os.getpid(), socket=socket, started_at=BEGIN, team="survey", session="s1")
    write_engine_file(state, record)
    with served_in_a_thread(scripted, socket):
        yield scripted
    lock.release()
