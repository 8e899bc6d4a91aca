"""A project for each test; what a failing test left running is ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.project import Project, write_profile


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(root=tmp_path / "project", profile=write_profile(tmp_path / "mini.toml"))
    yield made
    made.end_detached()
    for engine in made.engines:
        if engine.poll() is None:
            engine.kill()
        engine.communicate()
