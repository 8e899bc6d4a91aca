"""How the tests of this very session went, for the tests that ask: those run last.

A session that is divided among processes knows it only where the reports come together, so there the
question is asked again when all have ended.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import pytest

RANK: Final = ("passed", "skipped", "failed")
"""What can come of a test, from good to bad."""


ASKED_AT_THE_END: Final = (
    "tests/docs/test_features.py::test_every_named_test_that_was_chosen_passed_in_this_very_session"
)
"""The test whose question a divided session asks when all its parts have ended."""


def plain(nodeid: str) -> str:
    """Return the node id of a test without its parameters."""
    return nodeid.partition("[")[0]


class Outcomes:
    """Which tests this session selected, and the worst outcome of each over its phases and parameters."""

    def __init__(self, config: pytest.Config | None = None) -> None:
        """Begin before the collection."""
        self.is_part = hasattr(config, "workerinput")
        self.is_divided = config is not None and bool(config.getoption("numprocesses", None))
        self.selected: frozenset[str] = frozenset()
        self.ended: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what the processes of a divided session report."""
        if self.is_divided:
            self._note(report.nodeid, report.outcome)

    def _note(self, nodeid: str, outcome: str) -> None:
        before = self.ended.get(plain(nodeid), RANK[0])
        self.ended[plain(nodeid)] = max(before, outcome, key=RANK.index)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the tests that ask how the others went behind them."""
        items.sort(key=lambda item: "outcomes" in getattr(item, "fixturenames", ()))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what is left after every choice."""
        self.selected = frozenset(plain(item.nodeid) for item in session.items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note what came of a phase of a test."""
        report = yield
        self._note(item.nodeid, report.outcome)
        return report

    @pytest.fixture(scope="session")
    def outcomes(self) -> Outcomes:
        """Say how the tests of this session went, so far."""
        return self
