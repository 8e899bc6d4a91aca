"""A fresh small team for each test; its invariants are checked when the test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from supervisor.testing.small_team import SmallTeam, small_team


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[SmallTeam]:
    async with small_team(tmp_path) as running:
        yield running
