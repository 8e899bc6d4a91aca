from __future__ import annotations

import json
from pathlib import Path

import pytest

from supervisor.config.presets import PRESETS
from tests.agents import programs

INSTALLED = {name: preset for name, preset in PRESETS.items() if name != "kimi"}


def test_what_is_tried_is_what_is_installed() -> None:
    assert programs.pinned() == {preset.package: preset.tried for preset in INSTALLED.values()}
    for package, version in programs.pinned().items():
        installed = json.loads((programs.HERE / "node_modules" / package / "package.json").read_text())
        assert installed["version"] == version, programs.INSTALL


def test_the_lock_names_no_registry() -> None:
    assert "resolved" not in (programs.HERE / "package-lock.json").read_text()


@pytest.mark.parametrize("name", INSTALLED)
def test_each_program_is_there(name: str) -> None:
    assert programs.program(name).exists()


def test_a_missing_program_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(programs, "PROGRAMS", tmp_path)
    with pytest.raises(FileNotFoundError, match="npm ci"):
        programs.program("claude")
