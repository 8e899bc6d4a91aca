"""`profile new` begins a profile and says what to do with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def test_it_writes_team_toml_and_says_what_next(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run("profile", "new")

    assert ended.exit_code == 0
    assert "supervisor up team.toml" in ended.output
    assert (tmp_path / "team.toml").exists()


def test_scripts_get_the_name_of_the_team(run: Run, tmp_path: Path) -> None:
    ended = run("profile", "new", str(tmp_path / "deciders.toml"), "--from", "council", "--json")
    told = json.loads(ended.output)
    assert (told["type"], told["name"], told["source"]) == ("profile_new", "deciders", "council")


def test_a_second_one_is_refused(run: Run, tmp_path: Path) -> None:
    file = str(tmp_path / "team.toml")
    assert run("profile", "new", file).exit_code == 0
    assert run("profile", "new", file).exit_code != 0
