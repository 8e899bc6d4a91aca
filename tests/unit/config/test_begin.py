"""A profile of one's own begins as a copy that works, and never in the place of something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.config.begin import begin_profile
from supervisor.config.profile import load_profile
from supervisor.errors import InvalidArgument


@pytest.mark.parametrize("source", ["solo", "coders", "pipeline", "fan-out", "council", "mixed"])
def test_a_copy_is_the_same_team_under_the_name_of_its_file(source: str, tmp_path: Path) -> None:
    file = tmp_path / "my-team.toml"
    begun = begin_profile(file, source)

    assert begun == load_profile(str(file))
    assert begun.name == "my-team"
    assert begun.pools == load_profile(source).pools


@pytest.mark.parametrize("name", ["Team.toml", "team", "my team.toml", ".toml", "x.json"])
def test_a_file_that_cannot_name_a_team_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot name a team"):
        begin_profile(tmp_path / name, "solo")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "team.toml"
    file.write_text("mine")
    with pytest.raises(InvalidArgument, match="there already"):
        begin_profile(file, "solo")
    assert file.read_text() == "mine"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot be written: No such file"):
        begin_profile(tmp_path / "no" / "team.toml", "solo")


def test_a_profile_with_programs_beside_it_is_not_copied_by_half(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="beside it"):
        begin_profile(tmp_path / "team.toml", "survey")
    assert list(tmp_path.iterdir()) == []
