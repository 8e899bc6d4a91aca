"""What every test stands on: an environment without our own variables, and steady property tests."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings

from tests.docs.feature_page import PAGE, failed_tests, rows_of
from tests.outcomes import ASKED_AT_THE_END, Outcomes
from tests.scheduling import MixedScheduling, number_of_processes

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


TOLD: Final = {"campaigns": CAMPAIGNS, "documentation": LOOKED_UP}


def pytest_configure(config: pytest.Config) -> None:
    if (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):  # begun in the background: programs would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(Outcomes(config), "outcomes")
    config.option.loadscopereorder = False  # the slow ones come first by name, which divides them well


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> MixedScheduling:
    return MixedScheduling(config, log)


def pytest_xdist_auto_num_workers() -> int:
    return number_of_processes()


def pytest_collection_finish() -> None:
    """Look at what was collected never again, and for garbage less often: it is a fifth of the whole time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what a part of a divided session has to tell; where the parts meet, judge the whole."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["told"] = {title: config.stash.get(key, []) for title, key in TOLD.items()}
        return
    outcomes = config.pluginmanager.getplugin("outcomes")
    if outcomes.is_divided and ASKED_AT_THE_END in outcomes.ended:
        rows = rows_of(PAGE.read_text(encoding="utf-8"))
        wrong = list(failed_tests(rows, outcomes.ended.keys(), outcomes.ended))
        named = {test for row in rows for test in row.tests}
        told = config.stash.setdefault(LOOKED_UP, [])
        told.append(
            f"{len(named & outcomes.ended.keys())} of the {len(named)} tests that docs/features.md names ran"
        )
        told += wrong
        if wrong:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take in what a part has to tell."""
    for title, lines in getattr(node, "workeroutput", {}).get("told", {}).items():
        node.config.stash.setdefault(TOLD[title], []).extend(lines)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", type=int, default=1, metavar="N", help="run the campaigns N times as long")
    parser.addoption("--point", type=int, metavar="N", help="run only point N of each campaign")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    for title, told in TOLD.items():
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
