"""Playing random histories of the team machine: numbered batches, each the same whenever it is played."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture.engine import ConjectureRunner
from hypothesis.stateful import run_state_machine_as_test

from supervisor.store import database
from tests.integration.team_machine import TeamMachine

STEPS: Final = 50


def play(number: int, histories: int, *, phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink)) -> None:
    """Play one batch of histories.

    What a killed process wrote is in the files: only a power cut could tell whether the disk was waited for.
    Each history is a fresh one; five of six would be small variations of the one before otherwise.
    """
    machine = seed(number)(type("TeamMachine", (TeamMachine,), {}))
    fast = tuple(each.replace("synchronous = FULL", "synchronous = OFF") for each in database._PRAGMAS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_PRAGMAS", fast)
        patch.setattr(ConjectureRunner, "generate_mutations_from", lambda *_: None)
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
