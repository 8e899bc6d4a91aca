"""Broken variants of supervision: the random schedules must find each within their number in CI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.integration.otp_bugs import BUGS
from tests.integration.otp_machine import DONE
from tests.integration.otp_schedules import Failed, play
from tests.integration.otp_tree_bugs import TREE_BUGS

ALL: Final = BUGS | TREE_BUGS

BUDGET: Final = 1000
"""How many schedules a seeded bug may live: as many as are played in each run."""


@pytest.mark.parametrize("bug", ALL)
def test_a_seeded_bug_is_caught(
    bug: str, monkeypatch: pytest.MonkeyPatch, campaign: Callable[[str], None]
) -> None:
    for place, name, broken in ALL[bug]:
        monkeypatch.setattr(place, name, broken)
    DONE.clear()
    with pytest.raises(Failed):
        play(range(BUDGET), shrink=False)
    lived = DONE["schedules"]
    monkeypatch.undo()
    play([lived - 1])  # the product itself goes through it
    campaign(f"supervision: `{bug}` lived {lived} schedules of {BUDGET}")
