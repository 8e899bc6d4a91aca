from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.testing.driver_conformance import CASES, Case, Subject, cases_for, examine
from supervisor.testing.scripted_coordinator import ScriptedCoordinator
from tests.agents.subjects import DIALECT, FAKES


@pytest.mark.parametrize(
    ("subject", "case"),
    [
        pytest.param(subject, case, id=f"{subject.name}-{case.name}")
        for subject in FAKES
        for case in cases_for(subject, DIALECT.get(subject.name))
    ],
)
async def test_a_scripted_agent_conforms(
    subject: Subject, case: Case, tmp_path: Path, coordinator: ScriptedCoordinator
) -> None:
    await examine(case, subject, tmp_path, url=coordinator.url)


def test_there_are_about_forty_cases() -> None:
    assert len(CASES) >= 40
