"""What every test stands on: an environment without our own variables, and steady property tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from tests.outcomes import Outcomes

settings.register_profile(
    "house",
    deadline=None,  # a busy machine is no failure
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")

for name in [each for each in os.environ if each.startswith(("SUPERVISOR_", "SUP_"))]:
    del os.environ[name]


CAMPAIGNS: Final = pytest.StashKey[list[str]]()
LOOKED_UP: Final = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Outcomes(), "outcomes")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", type=int, default=1, metavar="N", help="run the campaigns N times as long")
    parser.addoption("--point", type=int, metavar="N", help="run only point N of each campaign")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    for title, told in (("campaigns", CAMPAIGNS), ("documentation", LOOKED_UP)):
        lines = config.stash.get(told, [])
        if lines:
            terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def campaign(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say at the end of the test run what a campaign did: its figures, its seeds."""
    return request.config.stash.setdefault(CAMPAIGNS, []).append


@pytest.fixture(scope="session")
def looked_up(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say at the end of the test run how much of what a page claims was run, and how much only looked up."""
    return request.config.stash.setdefault(LOOKED_UP, []).append


@pytest.fixture(scope="session")
def points(request: pytest.FixtureRequest, long: int) -> Callable[[int], range]:
    """Number the points of a campaign: so many, times `--long`, or the one that `--point` names."""
    only: int | None = request.config.getoption("--point")
    return lambda count: range(count * long) if only is None else range(only, only + 1)


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> int:
    times: int = request.config.getoption("--long")
    return times
