"""A whole profile that uses every key, and a small one that has only what is required."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def survey() -> str:
    return (Path(__file__).parent / "survey_sample.toml").read_text(encoding="utf-8")


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the user a private, empty directory of profiles, and return it."""
    directory = tmp_path / "config" / "supervisor" / "profiles"
    directory.mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return directory


@pytest.fixture
def built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an empty directory in the place of the built-in profiles, and return it."""
    directory = tmp_path / "built-in"
    directory.mkdir()
    monkeypatch.setattr("supervisor.config.profile.built_in_dir", lambda: directory)
    return directory
