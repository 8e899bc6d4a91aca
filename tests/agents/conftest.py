from __future__ import annotations

from collections.abc import Iterator

import pytest

from supervisor.testing.driver_exam import KEY
from supervisor.testing.scripted_coordinator import ScriptedCoordinator, coordinator_apart
from supervisor.testing.scripted_model import ScriptedModel, serving_apart


@pytest.fixture(scope="session")
def model() -> Iterator[ScriptedModel]:
    with serving_apart() as serving:
        yield serving


@pytest.fixture(scope="session")
def coordinator() -> Iterator[ScriptedCoordinator]:
    with coordinator_apart(KEY) as serving:
        yield serving
