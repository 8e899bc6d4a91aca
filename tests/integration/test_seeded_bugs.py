"""Broken variants of the product: the random histories must find each within its budget."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import Phase

from supervisor.errors import SupervisorError
from tests.integration.histories import play
from tests.integration.seeded_bugs import BUGS
from tests.integration.team_machine_base import DONE

BUDGET: Final = 150
"""How many histories a seeded bug may live."""

FOUND: Final = (AssertionError, SupervisorError, sqlite3.Error, TypeError, KeyError, ValueError)
"""A broken variant shows in another state or answer, or by breaking down."""


@pytest.mark.parametrize("bug", BUGS)
def test_a_seeded_bug_is_caught(
    bug: str, monkeypatch: pytest.MonkeyPatch, campaign: Callable[[str], None]
) -> None:
    for place, name, broken in BUGS[bug]:
        if isinstance(place, dict):
            monkeypatch.setitem(place, name, broken)
        else:
            monkeypatch.setattr(place, name, broken, raising=False)
    DONE.clear()
    with pytest.raises(FOUND):
        play(1, BUDGET, phases=(Phase.generate,))
    campaign(f"model: `{bug}` lived {DONE['histories']} histories of {BUDGET}")
