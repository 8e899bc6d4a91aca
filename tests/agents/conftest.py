from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.testing.driver_exam import KEY
from supervisor.testing.scripted_coordinator import ScriptedCoordinator, coordinator_apart
from supervisor.testing.scripted_model import ScriptedModel, serving_apart
from tests.acceptance.project import Project
from tests.agents.demo_team import MakeTeam, demo_at, make_repository
from tests.agents.programs import search_path


@pytest.fixture(scope="session")
def model() -> Iterator[ScriptedModel]:
    with serving_apart() as serving:
        yield serving


@pytest.fixture(scope="session")
def coordinator() -> Iterator[ScriptedCoordinator]:
    with coordinator_apart(KEY) as serving:
        yield serving


@pytest.fixture
def make_team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeTeam]:
    """Make git repositories with a team for each; nobody is logged in anywhere."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("PATH", search_path())
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    made: list[Project] = []

    def make(*, scenes: str = "", profile: str = "") -> Project:
        place = tmp_path / str(len(made))
        place.mkdir()
        team = Project(
            root=place / "project", profile=demo_at(place / "profiles", scenes=scenes, profile=profile)
        )
        make_repository(team.root)
        made.append(team)
        return team

    yield make
    for team in made:
        team.end_detached()
        for engine in team.engines:
            if engine.poll() is None:
                engine.kill()
            engine.communicate()
