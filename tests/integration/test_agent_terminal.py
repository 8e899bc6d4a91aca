"""A person sits down at an agent's terminal: the real engine, a real program, a real terminal of ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pexpect
import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PROFILE: Final = """
name = "typing"

[[pools]]
name = "tui"
role = "worker"
adapter = "pty"
drive = "self"
command = ["{python}", "-m", "supervisor.testing.scripted_tui"]
env = { PYTHONPATH = "%s" }
ready = { by = "settle" }

[pools.terminal]
rows = 20
columns = 70

[[pools]]
name = "plain"
role = "worker"
command = ["sleep", "600"]
ready = { by = "settle" }
"""


class Team:
    """A team that runs headless, and its command line."""

    def __init__(self, project: Path, env: dict[str, str]) -> None:
        self.project = project
        self.env = env

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "supervisor", *words, "--project", str(self.project)]
        return subprocess.run(
            command,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def sit(self, *words: str, rows: int = 24, columns: int = 90) -> Any:
        command = ["-m", "supervisor", "terminal", *words, "--project", str(self.project)]
        return pexpect.spawn(
            sys.executable,
            command,
            env={**self.env, "TERM": "xterm-256color"},
            encoding="utf-8",
            timeout=20,
            dimensions=(rows, columns),
        )

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> None:
        """Look at the agent's screen until it is as wanted."""
        end = time.monotonic() + 20
        while not holds(shown := self.screen()):
            assert time.monotonic() < end, shown

    def screen(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.run("terminal", "tui", "--json").stdout)
        return shown


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    directory = tmp_path_factory.mktemp("team")
    project, profile = directory / "project", directory / "typing.toml"
    project.mkdir()
    profile.write_text(PROFILE % ROOT)
    sockets = Path(tempfile.mkdtemp(prefix="sup-"))
    made = Team(project, {**os.environ, "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(sockets)})
    up = made.run("up", str(profile), "--detach")
    assert up.returncode == 0, up.stderr
    try:
        yield made
    finally:
        made.run("down", "--now")
        shutil.rmtree(sockets)


def test_a_person_types_leaves_and_the_agent_goes_on(team: Team) -> None:
    seat = team.sit("tui")
    seat.expect_exact("Welcome.")
    seat.send("SCRIPT: say hello there\r")
    seat.expect_exact("\u23fa hello there")
    seat.setwinsize(30, 100)
    team.until(lambda shown: (shown["rows"], shown["columns"]) == (30, 100))
    seat.send("\x1d")
    seat.expect_exact("you left tui; it goes on")
    seat.expect(pexpect.EOF)
    seat.close()
    assert seat.exitstatus == 0
    shown = team.screen()
    assert "\u23fa hello there" in shown["lines"]


def test_who_only_watches_changes_nothing(team: Team) -> None:
    before = team.screen()
    seat = team.sit("tui", "--watch", "--detach", "ctrl+q", rows=10, columns=40)
    seat.expect_exact("Welcome.")
    seat.send("SCRIPT: say no\r\x11")
    seat.expect_exact("you left tui; it goes on")
    seat.expect(pexpect.EOF)
    after = team.screen()
    assert (after["rows"], after["columns"], after["lines"]) == (
        before["rows"],
        before["columns"],
        before["lines"],
    )


def test_what_means_ill_reaches_no_terminal_of_a_person(team: Team) -> None:
    seat = team.sit("tui")
    seat.expect_exact("Welcome.")
    seat.send("SCRIPT: line \\x1b]52;c;Y2FuYXJ5\\x07\\x1b[6nshown ;; say over\r")
    seat.expect_exact("\u23fa over")
    assert "\x1b]52" not in seat.before
    seat.send("\x1d")
    seat.expect(pexpect.EOF)
    assert "shown" in "\n".join(team.screen()["lines"])


def test_an_agent_without_a_terminal_is_refused_with_what_to_do(team: Team) -> None:
    refused = team.run("terminal", "plain", "--once")
    assert refused.returncode == 1
    assert "plain has no terminal: its adapter is `command`" in refused.stderr
    assert "supervisor logs plain -f" in refused.stderr
    assert "this needs a terminal" in team.run("terminal", "tui").stderr
    assert "is not one key" in team.run("terminal", "tui", "--detach", "enter enter").stderr


def test_the_end_of_the_agent_ends_the_stay_in_words(team: Team) -> None:
    seat = team.sit("tui")
    seat.expect_exact("Welcome.")
    assert team.run("stop", "tui").returncode == 0
    seat.expect_exact("tui is ")
    seat.expect(pexpect.EOF)
    seat.close()
    assert seat.exitstatus == 0
