"""Whatever dies while events are archived, and wherever: each is there, once, and the next life goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]


def campaign(directory: Path, *words: str) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "-m", "supervisor.testing.archive_crash", str(directory), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


@pytest.mark.parametrize("way", ["kill", "power"])
def test_no_event_is_lost_at_any_step(tmp_path: Path, way: str) -> None:
    told = campaign(tmp_path, way)

    assert told["found"] == []
    assert told["points"] > 100
    assert told["events"] > 30


@pytest.mark.parametrize(
    ("fault", "way"),
    [("rows first", "kill"), ("unrecorded", "kill"), ("no sync", "power"), ("no name synced", "power")],
)
def test_canary_a_careless_archiver_is_caught(tmp_path: Path, fault: str, way: str) -> None:
    assert campaign(tmp_path, way, fault)["found"] != []
