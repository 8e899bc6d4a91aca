"""A project to keep state in, and a runtime directory of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.workspace.state_dir import StateDir, open_state


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    return directory


@pytest.fixture
def state(project: Path) -> StateDir:
    return open_state(project, create=True)
