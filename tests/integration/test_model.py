"""Random histories of a team against plain dicts that promise the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from tests.integration.histories import play
from tests.integration.team_machine_base import DONE

BATCHES: Final = 10
HISTORIES: Final = 100


def test_random_histories_end_as_the_plain_team_says(
    points: Callable[[int], range], campaign: Callable[[str], None]
) -> None:
    DONE.clear()
    began = time.monotonic()
    for number in points(BATCHES):
        try:
            play(number, HISTORIES)
        except BaseException as wrong:
            wrong.add_note(f"play it again: pytest tests/integration/test_model.py --point {number}")
            raise
    campaign(
        f"model: {DONE['histories']} histories, {DONE['steps']} steps, {DONE['calls']} calls compared in "
        f"{time.monotonic() - began:.0f} s"
    )
