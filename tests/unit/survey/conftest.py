"""The survey's programs import the modules beside them, as they do when they run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).resolve().parents[3] / "profiles" / "survey"
sys.path.insert(0, str(PROGRAMS))

from tests.unit.survey.project import Project  # noqa: E402 - it imports those modules


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    return Project(root=root)
