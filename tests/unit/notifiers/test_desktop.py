"""Notices on the desktop: by a real program, whose arguments are only words."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.notifiers.aside import Aside
from supervisor.notifiers.bell import BellSink
from supervisor.notifiers.desktop import DesktopSink, desktop_command, desktop_program
from supervisor.notifiers.letter import Letter, trial_letter
from supervisor.notifiers.sink import NotSent

LETTER = trial_letter("ops", now=1.0, run=1)
HOSTILE = replace(LETTER, title="--help <b>x</b>", body='<img src="x"/> & \\033[31m \\n $(id) `id`; rm -rf ~')


def a_program(directory: Path, name: str = "notify-send", *, then: str = "pass") -> None:
    """Install a program that writes down what it was given."""
    path = directory / name
    path.write_text(
        f"#!{sys.executable}\nimport json, os, sys, time\n"
        f"told = open({str(directory / 'told.json')!r}, 'w')\n"
        f"told.write(json.dumps([sys.argv[1:], dict(os.environ)]))\ntold.close()\n{then}\n"
    )
    path.chmod(0o755)


def told(directory: Path) -> tuple[list[str], dict[str, str]]:
    argv, environ = json.loads((directory / "told.json").read_text())
    return argv, environ


def a_sink(directory: Path, *, deadline_s: float = 20.0) -> DesktopSink:
    environ = {"PATH": str(directory), "HOOK_URL": "s3cr3t", "DISPLAY": ":7"}
    return DesktopSink(aside=Aside(), environ=environ, deadline_s=deadline_s)


async def test_the_program_is_given_title_and_body_as_arguments(tmp_path: Path) -> None:
    a_program(tmp_path)
    assert "notify-send" in await a_sink(tmp_path).send(LETTER)
    argv, environ = told(tmp_path)
    assert argv == ["--app-name=supervisor", "--", LETTER.title, LETTER.body]
    assert environ["DISPLAY"] == ":7"
    assert "HOOK_URL" not in environ


async def test_no_words_are_an_option_markup_an_escape_or_a_shell(tmp_path: Path) -> None:
    a_program(tmp_path)
    await a_sink(tmp_path).send(HOSTILE)
    argv, _ = told(tmp_path)
    assert argv[1:3] == ["--", "--help <b>x</b>"]
    assert argv[3] == '&lt;img src="x"/&gt; &amp; \\\\033[31m \\\\n $(id) `id`; rm -rf ~'


def test_osascript_gets_words_as_arguments_of_a_fixed_script() -> None:
    command = desktop_command("/usr/bin/osascript", HOSTILE)
    assert command[-3:] == ("--", HOSTILE.title, HOSTILE.body)
    assert not any(HOSTILE.body in word or HOSTILE.title in word for word in command[:-2])


def test_long_words_are_cut(tmp_path: Path) -> None:
    assert all(
        len(word) <= 500 for word in desktop_command("x/notify-send", replace(LETTER, body="x" * 2000))
    )


async def test_where_no_program_is_the_answer_says_so(tmp_path: Path) -> None:
    assert desktop_program(str(tmp_path)) is None
    with pytest.raises(NotSent, match="notify-send, osascript") as refused:
        await a_sink(tmp_path).send(LETTER)
    assert not refused.value.again


async def test_a_program_that_fails_hangs_or_cannot_start_is_told(tmp_path: Path) -> None:
    a_program(tmp_path, then="sys.exit(3)")
    with pytest.raises(NotSent, match="ended with 3") as refused:
        await a_sink(tmp_path).send(LETTER)
    assert refused.value.again
    a_program(tmp_path, then="time.sleep(60)")
    with pytest.raises(NotSent, match=r"did not end within 0.3 s") as refused:
        await a_sink(tmp_path, deadline_s=0.3).send(LETTER)
    assert refused.value.again
    (tmp_path / "notify-send").write_text("#!/no/such/interpreter\n")
    with pytest.raises(NotSent, match="cannot be started") as refused:
        await a_sink(tmp_path).send(LETTER)
    assert not refused.value.again


async def test_too_many_hanging_programs_are_not_added_to(tmp_path: Path) -> None:
    a_program(tmp_path)
    with pytest.raises(NotSent, match="hang"):
        await replace(a_sink(tmp_path), aside=Aside(limit=0)).send(LETTER)


async def test_the_bell_rings_once_for_a_letter() -> None:
    rung: list[Letter] = []
    assert "terminal view" in await BellSink(ring=rung.append).send(LETTER)
    assert rung == [LETTER]
