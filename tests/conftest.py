"""What every test stands on: an environment without our own variables, and steady property tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "house",
    deadline=None,  # a busy machine is no failure
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")

for name in [each for each in os.environ if each.startswith(("SUPERVISOR_", "SUP_"))]:
    del os.environ[name]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", type=int, default=1, metavar="N", help="run the campaigns N times as long")


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> int:
    times: int = request.config.getoption("--long")
    return times
