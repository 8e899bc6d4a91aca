"""C5: logs, exports and headless output use the same escaper; JSONL has no raw C0 or C1.

The attack: an agent floods its output with sequences that would retitle, clear or answer a terminal.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]

HOSTILE: Final = (
    b"\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x07\x1b[2J\x1bP+q544e\x1b\\\x1bc\x1b[6n"
    b"\xc2\x9b31m\x9b31m\xe2\x80\xae\xe2\x80\x8b\x00\x08\x7f\r forged\n"
)
PROFILE: Final = """
name = "hostile"
description = "for a test"
[[pools]]
name = "planner"
role = "planner"
command = ["{python}", "PROGRAM"]
"""

ACTS_ON_A_TERMINAL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    program = tmp_path / "agent.py"
    program.write_text(f"import sys; sys.stdout.buffer.write({HOSTILE!r} * 3)")
    (tmp_path / "hostile.toml").write_text(PROFILE.replace("PROGRAM", str(program)))
    return directory


def supervisor(project: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "supervisor", *words, "--project", str(project)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_c5_neither_output_nor_report_carries_a_sequence(project: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    ran = supervisor(project, "run", str(tmp_path / "hostile.toml"), "--report", str(report))
    assert ran.returncode == 0, ran.stderr

    printed = {"run": ran.stdout + ran.stderr}
    for verb in (
        ("logs",),
        ("logs", "planner"),
        ("events",),
        ("events", "--json"),
        ("ps",),
        ("status", "--json"),
    ):
        printed[" ".join(verb)] = supervisor(project, *verb).stdout
    for path in report.rglob("*"):
        if path.is_file():
            printed[str(path)] = path.read_bytes()

    assert [name for name, text in printed.items() if ACTS_ON_A_TERMINAL.search(text.decode())] == []
    assert b"\\x1b]0;owned\\x07" in printed["logs planner"]
    assert b"\\x1b]0;owned\\x07" in printed[str(report / "logs" / "planner.log")]


def test_c5_the_attack_reaches_us_and_the_check_would_notice_it(project: Path, tmp_path: Path) -> None:
    supervisor(project, "run", str(tmp_path / "hostile.toml"))
    raw = (project / ".supervisor" / "logs" / "planner.log").read_bytes()

    assert ACTS_ON_A_TERMINAL.search(raw.decode("utf-8", "replace"))


def test_c5_an_error_quoting_the_command_line_is_spelled_out(project: Path) -> None:
    ended = supervisor(project, "run", "\x1b[31mred\u202e")

    assert ended.returncode == 2
    assert ACTS_ON_A_TERMINAL.search(ended.stderr.decode()) is None
    assert b"x1b[31mred" in ended.stderr


def test_c5_an_error_as_json_is_plain_ascii(project: Path) -> None:
    ended = supervisor(project, "run", "\x1b[31mred\u202e", "--json")

    assert ended.stderr.isascii()
    assert json.loads(ended.stderr)["error"]["code"] == "profile_not_found"
