"""B5: an agent that runs our command line cannot answer an approval.

At assurance level L0 this is a courtesy that keeps honest programs honest: native code of the same user
can shed its marker. The documentation says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]

PROFILE: Final = """
name = "climber"
description = "for a test"
[[pools]]
name = "planner"
role = "planner"
command = ["{python}", "-m", "supervisor", "approve", "A1", "--yes", "--project", "{project}"]
env_allow = ["PYTHONPATH", "XDG_RUNTIME_DIR"]
restart = "temporary"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    (tmp_path / "climber.toml").write_text(PROFILE)
    return directory


def supervisor(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "supervisor", *words, "--project", str(project)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_b5_an_agents_process_is_refused_before_anything_is_asked(project: Path, tmp_path: Path) -> None:
    supervisor(project, "run", str(tmp_path / "climber.toml"), "--deadline", "20")

    said = supervisor(project, "logs", "planner").stdout
    assert "error: an agent's process cannot approve" in said


def test_b5_the_same_command_of_a_person_gets_past_that_check(project: Path, tmp_path: Path) -> None:
    profile = tmp_path / "climber.toml"
    lines = profile.read_text().splitlines()
    lines[6] = 'command = ["/bin/sleep", "300"]'
    profile.write_text("\n".join(lines))
    supervisor(project, "up", str(profile), "--detach")
    try:
        asked = supervisor(project, "approve", "A1", "--yes")
    finally:
        supervisor(project, "down", "--now")

    assert asked.returncode == 1
    assert "there is no approval A1" in asked.stderr
