"""Scratch directories in memory, where waiting for the disk is not what is tried."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

MEMORY: Final = Path("/dev/shm")
ON_DISK: Final = ("runtime", "store", "workspace", "logs", "adapters", "headless")
"""Rooms whose tests are about files, or start programs that see /dev otherwise."""


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    room = request.path.relative_to(Path(__file__).parent).parts[0]
    if room in ON_DISK or not os.access(MEMORY, os.W_OK | os.X_OK):
        yield tmp_path_factory.mktemp(request.node.originalname[:30])
        return
    with tempfile.TemporaryDirectory(prefix="test-", dir=MEMORY, ignore_cleanup_errors=True) as place:
        yield Path(place)
