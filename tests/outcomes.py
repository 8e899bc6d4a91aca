"""How the tests of this very session went, for the tests that ask: those run last."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import pytest

RANK: Final = ("passed", "skipped", "failed")
"""What can come of a test, from good to bad."""


def plain(nodeid: str) -> str:
    """Return the node id of a test without its parameters."""
    return nodeid.partition("[")[0]


class Outcomes:
    """Which tests this session selected, and the worst outcome of each over its phases and parameters."""

    def __init__(self) -> None:
        """Begin before the collection."""
        self.selected: frozenset[str] = frozenset()
        self.ended: dict[str, str] = {}

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
        before = self.ended.get(plain(item.nodeid), RANK[0])
        self.ended[plain(item.nodeid)] = max(before, report.outcome, key=RANK.index)
        return report

    @pytest.fixture(scope="session")
    def outcomes(self) -> Outcomes:
        """Say how the tests of this session went, so far."""
        return self
