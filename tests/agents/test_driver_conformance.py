from __future__ import annotations

import sys
from pathlib import Path

import pytest

from supervisor.adapters.command import CommandAdapter
from supervisor.model.agent import Role
from supervisor.model.driving import OutputForm
from supervisor.model.team import PoolSpec
from supervisor.testing.driver_conformance import CASES, Case, Subject, cases_for, examine
from supervisor.testing.scripted_coordinator import ScriptedCoordinator

LINES = Subject(
    name="json-lines",
    adapter=CommandAdapter(),
    pool=PoolSpec(
        name="worker",
        role=Role.WORKER,
        command=(sys.executable, "-m", "supervisor.testing.scripted_lines"),
        output=OutputForm.JSON,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    ),
    is_fake=True,
    free={"SCRIPTED_ALLOWED": "all"},
)

FAKES = [LINES]


@pytest.mark.parametrize(
    ("subject", "case"),
    [
        pytest.param(subject, case, id=f"{subject.name}-{case.name}")
        for subject in FAKES
        for case in cases_for(subject)
    ],
)
async def test_a_scripted_agent_conforms(
    subject: Subject, case: Case, tmp_path: Path, coordinator: ScriptedCoordinator
) -> None:
    await examine(case, subject, tmp_path, url=coordinator.url)


def test_there_are_about_forty_cases() -> None:
    assert len(CASES) >= 40
