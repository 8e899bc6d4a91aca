"""What the durability campaigns stand on."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.testing.zygote import Zygote, zygote
from tests.integration.past import Past, past_at

MEMORY = Path("/dev/shm")

BATCHES = 10
"""Into how many tests a campaign against a model is cut, so that they can run side by side."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each batch, ten times `--long` of them, or of the one that `--point` names."""
    if "batch" in metafunc.fixturenames:
        only, long = metafunc.config.getoption("--point"), metafunc.config.getoption("--long")
        metafunc.parametrize("batch", range(BATCHES * long) if only is None else [only])


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Path]:
    """Give a directory in memory where there is such: kills and cuts are played there, no disk is asked."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    directory = Path(tempfile.mkdtemp(dir=MEMORY))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def lives() -> Iterator[Zygote]:
    """Give the process that forks lives."""
    with zygote() as running:
        yield running


@pytest.fixture
async def past(ground: Path) -> Past:
    """Give a project with a copy of its past."""
    return await past_at(ground)
