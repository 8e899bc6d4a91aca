"""What every test of the UI stands on: one time zone, no colours from outside, frames kept as text files."""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

FRAMES = Path(__file__).parent / "frames"
UPDATE = "UPDATE_FRAMES"


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make frames independent of the machine they are drawn on."""
    for name in ("NO_COLOR", "TEXTUAL_THEME", "SUPERVISOR_ASCII", "SUPERVISOR_THEME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def golden_frame() -> Callable[[str, str], None]:
    """Compare a frame with the one on file; UPDATE_FRAMES=1 writes it anew."""

    def compare(name: str, frame: str) -> None:
        path = FRAMES / f"{name}.txt"
        if os.environ.get(UPDATE):
            path.parent.mkdir(exist_ok=True)
            path.write_text(frame, encoding="utf-8")
        expected = path.read_text(encoding="utf-8") if path.exists() else ""
        difference = "\n".join(
            difflib.unified_diff(expected.splitlines(), frame.splitlines(), "on file", "now", lineterm="")
        )
        assert not difference, f"{name} looks different; if that is right, run with {UPDATE}=1\n{difference}"

    return compare
