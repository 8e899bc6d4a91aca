"""What a person types at a real terminal: the question of `approve`, and leaving and coming back."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pexpect
import pytest

from supervisor.model.approval import ApprovalState
from supervisor.model.wire import to_wire
from supervisor.testing.scripted_engine import ScriptedEngine, served_in_a_thread
from supervisor.testing.scripted_team import survey_in_progress
from supervisor.workspace.engine_lock import EngineRecord, write_engine_file
from supervisor.workspace.state_dir import open_state, socket_path

ROOT: Final = Path(__file__).resolve().parents[2]
CONTROL: Final = re.compile(r"\x1b|\x9b|\u202e")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    return directory.resolve()


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="sup-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def engine(project: Path) -> Iterator[ScriptedEngine]:
    state = open_state(project, create=True)
    scripted = ScriptedEngine(survey_in_progress())
    asked = scripted.team.approval("worker-1", "rm \x1b[2J\u202e", {"argv": ["rm", "\x1b]0;x\x07"]}, tier=3)
    scripted.answers["answer"] = {"approval": to_wire(replace(asked, state=ApprovalState.APPROVED))}
    socket = socket_path(project)
    write_engine_file(state, EngineRecord(pid=1, socket=socket, started_at=0.0, team="survey", session="s"))
    with served_in_a_thread(scripted, socket):
        yield scripted


def at_terminal(project: Path, *words: str) -> Any:
    env = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    command = ["-m", "supervisor", *words, "--project", str(project)]
    return pexpect.spawn(
        sys.executable, command, env=env, encoding="utf-8", timeout=30, dimensions=(24, 100), echo=False
    )


def test_y_approves_and_what_was_typed_before_the_question_does_not_count(
    project: Path, engine: ScriptedEngine
) -> None:
    child = at_terminal(project, "approve", "A1")
    child.send("y\ny\ny\n")
    child.expect_exact("Allow this once? [y/N] ")
    assert engine.asked == []
    child.send("y\n")
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0
    assert [verb for verb, _ in engine.asked] == ["answer"]


@pytest.mark.parametrize("keys", ["\n", "n\n", "\x04"])
def test_anything_else_approves_nothing(project: Path, engine: ScriptedEngine, keys: str) -> None:
    child = at_terminal(project, "approve", "A1")
    child.expect_exact("[y/N] ")
    child.send(keys)
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 2
    assert engine.asked == []


def test_ctrl_c_at_the_question_approves_nothing_and_ends_with_130(
    project: Path, engine: ScriptedEngine
) -> None:
    child = at_terminal(project, "approve", "A1")
    child.expect_exact("[y/N] ")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 130
    assert engine.asked == []


def test_the_highest_tier_is_shown_without_control_characters_and_needs_its_id(
    project: Path, engine: ScriptedEngine
) -> None:
    child = at_terminal(project, "approve", "A2", "--yes")
    child.expect_exact("Type A2 to allow it: ")
    shown = child.before
    child.send("A2\n")
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0
    assert CONTROL.search(shown) is None
    assert "\\x1b]0;x\\x07" in shown.replace("\\u001b", "\\x1b").replace("\\u0007", "\\x07")


PROFILE: Final = """
name = "slow"
description = "for a test"
[[pools]]
name = "planner"
role = "planner"
command = ["/bin/sleep", "300"]
"""


def test_the_screen_is_left_and_come_back_to_and_the_team_runs_on(project: Path) -> None:
    profile = project.parent / "slow.toml"
    profile.write_text(PROFILE)

    child = at_terminal(project, "up", str(profile))
    child.expect("planner")
    child.send("\x11")
    child.expect("Leave it running")
    child.send("l")
    child.expect_exact("the team runs on; show it: supervisor attach")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0

    child = at_terminal(project, "up", str(profile))
    child.expect_exact("this team runs already")
    child.expect("planner")
    child.send("\x11")
    child.expect_exact("the team runs on")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0

    child = at_terminal(project, "up", "survey")
    child.expect_exact("runs team `slow` here")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2

    child = at_terminal(project, "down")
    child.expect("the engine .* is gone")
    child.close()


def test_leaving_the_screen_with_stop_ends_everything(project: Path) -> None:
    profile = project.parent / "slow.toml"
    profile.write_text(PROFILE)

    child = at_terminal(project, "up", str(profile))
    child.expect("planner")
    child.send("\x11")
    child.expect("Stop the team")
    child.send("s")
    child.expect_exact("the team is stopped; go on with: supervisor up")
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0
    child = at_terminal(project, "down")
    child.expect("no engine runs")
    child.close()
