"""Random histories of a team against plain dicts that promise the same, and seeded bugs that must show."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture.engine import ConjectureRunner
from hypothesis.stateful import run_state_machine_as_test

from supervisor.errors import SupervisorError
from supervisor.store import database
from tests.integration.seeded_bugs import BUGS
from tests.integration.team_machine import TeamMachine
from tests.integration.team_machine_base import DONE

BATCHES, HISTORIES, STEPS = 10, 120, 50
BUDGET: Final = 150
"""How many histories a seeded bug may live."""


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed process wrote is in the files; only a power cut could tell these pragmas apart."""
    fast = tuple(each.replace("synchronous = FULL", "synchronous = OFF") for each in database._PRAGMAS)
    monkeypatch.setattr(database, "_PRAGMAS", fast)


@pytest.fixture(autouse=True)
def without_near_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each history be a fresh one: five of six are small variations of the one before otherwise."""
    monkeypatch.setattr(ConjectureRunner, "generate_mutations_from", lambda *_: None)


def play(number: int, histories: int, *, phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink)) -> None:
    """Play one batch of histories; the same number plays the same ones."""
    machine = seed(number)(type("TeamMachine", (TeamMachine,), {}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=STEPS,
            phases=phases,
            report_multiple_bugs=False,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_random_histories_end_as_the_plain_team_says(
    points: Callable[[int], range], campaign: Callable[[str], None]
) -> None:
    DONE.clear()
    began = time.monotonic()
    for number in points(BATCHES):
        try:
            play(number, HISTORIES)
        except BaseException as wrong:
            wrong.add_note(f"repeat it: pytest tests/integration/test_model.py --point {number} -k histories")
            raise
    campaign(
        f"model: {DONE['histories']} histories, {DONE['steps']} steps, {DONE['calls']} calls compared in "
        f"{time.monotonic() - began:.0f} s"
    )


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
    with pytest.raises((AssertionError, SupervisorError, sqlite3.Error, TypeError, KeyError, ValueError)):
        play(1, BUDGET, phases=(Phase.generate,))
    campaign(f"model: `{bug}` lived {DONE['histories']} histories of {BUDGET}")
