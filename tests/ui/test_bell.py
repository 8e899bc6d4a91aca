"""The bell: rung when more waits than before, and when the engine asks for it; never for nothing."""

from __future__ import annotations

import pytest

from supervisor.testing.sample_team import an_approval
from supervisor.testing.ui_stage import Stage, stage
from supervisor.ui.app import SupervisorApp


class Rings:
    """Counts how often the app rang."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        monkeypatch.setattr(SupervisorApp, "bell", lambda _app: self._ring())

    def _ring(self) -> None:
        self.count += 1


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> Rings:
    return Rings(monkeypatch)


async def settled(played: Stage) -> None:
    await played.wait(1)


async def test_the_engine_rings_once_for_one_notice_and_once_for_many_at_once(rings: Rings) -> None:
    async with stage() as played:
        await settled(played)
        before = rings.count
        played.engine.ring("parked")
        await settled(played)
        assert rings.count == before + 1
        await settled(played)
        assert rings.count == before + 1
        for _ in range(5):
            played.engine.ring("failed")
        await settled(played)
        assert rings.count == before + 2


async def test_a_request_that_the_engine_rings_for_rings_once(rings: Rings) -> None:
    async with stage() as played:
        await settled(played)
        before = rings.count
        played.engine.put(an_approval(played.clock.now(), "A90"))
        played.engine.ring("approval")
        await settled(played)
        assert rings.count == before + 1
