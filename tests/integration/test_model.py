"""Random histories of a team against plain dicts that promise the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from tests.integration.histories import play
from tests.integration.team_machine_base import DONE

HISTORIES: Final = 100


@pytest.fixture(scope="module")
def told(campaign: Callable[[str], None]) -> Iterator[None]:
    """Say at the end how much was played."""
    DONE.clear()
    began = time.monotonic()
    yield
    campaign(
        f"model: {DONE['histories']} histories, {DONE['steps']} steps, {DONE['calls']} calls compared in "
        f"{time.monotonic() - began:.0f} s"
    )


@pytest.mark.usefixtures("told")
def test_random_histories_end_as_the_plain_team_says(batch: int) -> None:
    play(batch, HISTORIES)
