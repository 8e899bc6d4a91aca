"""Errors become one clear message, a next step and the exit code of their class."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from supervisor.cli.border import next_step
from supervisor.cli.main import supervisor as command
from supervisor.cli.run_verbs import up
from supervisor.errors import EngineNotRunning, LockHeld, ProfileInvalid, SupervisorError

Run = Callable[..., Result]


def ended_with(error: BaseException, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    def fail(**_: Any) -> None:
        raise error

    monkeypatch.setattr(command.commands["down"], "callback", fail)
    return CliRunner().invoke(command, ["down", *words])


def test_an_error_says_what_happened_and_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = ended_with(EngineNotRunning("no engine runs on /p"), monkeypatch)

    assert ended.exit_code == 5
    assert ended.stdout == ""
    assert ended.stderr == "error: no engine runs on /p\nnext: Start one with `supervisor up TEAM`.\n"


def test_a_message_that_gives_the_next_step_is_not_followed_by_another() -> None:
    assert next_step(LockHeld()) == ""
    assert next_step(LockHeld("process 7 holds it. Use `supervisor attach`.")) == ""
    assert next_step(LockHeld("process 7 holds it")) == (
        "Use `supervisor attach`, or stop it with `supervisor down`."
    )


def test_every_problem_of_a_profile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = ended_with(ProfileInvalid("two problems", problems=("a.toml:1: x", "a.toml:2: y")), monkeypatch)

    assert ended.exit_code == 2
    assert ended.stderr.splitlines()[:3] == ["error: two problems", "  a.toml:1: x", "  a.toml:2: y"]


def test_with_json_the_error_is_one_object_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = ended_with(LockHeld("held", pid=7), monkeypatch, "--json")

    assert ended.exit_code == 4
    assert json.loads(ended.stderr) == {
        "v": 1,
        "type": "error",
        "exit_code": 4,
        "error": {"code": "lock_held", "message": "held", "details": {"pid": 7}},
    }


def test_a_message_with_control_characters_is_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = ended_with(SupervisorError("\x1b[31mred\u202e"), monkeypatch)

    assert "\\x1b[31mred\\u202e" in ended.stderr


def test_ctrl_c_ends_with_130_and_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = ended_with(KeyboardInterrupt(), monkeypatch)

    assert (ended.exit_code, ended.stderr) == (130, "interrupted\n")


def test_a_reader_that_left_ends_it_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = ended_with(BrokenPipeError(), monkeypatch)

    assert (ended.exit_code, ended.stderr) == (141, "")


def test_a_fault_of_our_own_says_so_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = ended_with(ZeroDivisionError("\x1b"), monkeypatch)

    assert ended.exit_code == 70
    assert "test_border.py" in ended.stderr
    assert "\x1b" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("next: ")


def test_a_command_line_that_cannot_be_read_ends_with_2(run: Run) -> None:
    ended = run("up", "--nonsense")

    assert ended.exit_code == 2
    assert "--nonsense" in ended.stderr


def test_an_unknown_verb_names_itself_and_ends_with_2() -> None:
    ended = CliRunner().invoke(command, ["upp"])

    assert ended.exit_code == 2
    assert "upp" in ended.stderr


def test_a_project_that_is_not_there_is_named(run: Run, project: Any) -> None:
    ended = run("status", on=project / "nowhere")

    assert ended.exit_code == 2
    assert "nowhere" in ended.stderr


def test_a_closed_pipe_at_the_very_end_is_no_fault() -> None:
    program = "import sys; from supervisor.cli.main import main; sys.argv = ['supervisor', '--help']; main()"
    piped = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -c "{program}" | true'],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert piped.stderr == ""


def test_the_short_and_the_long_name_are_the_same_command() -> None:
    assert up.name == "up"
    assert command.name == "supervisor"


@pytest.mark.parametrize("verb", ["run", "up"])
def test_a_report_that_could_not_be_written_is_refused_before_anything_starts(
    run: Run, project: Path, verb: str
) -> None:
    (project / "taken").write_text("a file")
    (project / "link").symlink_to(project)

    for place in ("taken", "taken/below", "link"):
        ended = run(verb, "survey", "--report", str(project / place))
        assert (ended.exit_code, ended.stdout) == (2, "")
        assert "--report" in ended.stderr
    assert not (project / ".supervisor").exists()


def test_a_working_directory_that_was_removed_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    ended = run("status", on=None)

    assert ended.exit_code == 2
    assert "it was removed" in ended.stderr


@pytest.mark.parametrize("verb", ["run", "up", "up --detach"])
def test_where_no_team_has_run_there_is_nothing_to_continue_and_nothing_is_made(
    run: Run, project: Path, verb: str
) -> None:
    ended = run(*verb.split())

    assert ended.exit_code == 2
    assert "name a team" in ended.stderr
    assert list(project.iterdir()) == []
