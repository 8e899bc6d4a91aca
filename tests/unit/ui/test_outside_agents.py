"""Agents that the engine did not start, in Fleet: without a process, but heard of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from supervisor.model.agent import Agent, AgentMetrics, AgentState, Role
from supervisor.model.outside_key import OUTSIDE
from supervisor.testing import sample_team
from supervisor.testing.clock import VirtualClock
from supervisor.testing.fake_feed import FakeEngine
from supervisor.ui.scene import Link, Scene
from supervisor.ui.spans import text_of
from supervisor.ui.view_models import fleet

LENS = Agent(name="lens", pool=OUTSIDE, role=Role.JUDGE, state=AgentState.IDLE, incarnation=2)


@pytest.fixture
def engine() -> FakeEngine:
    made = FakeEngine(VirtualClock())
    sample_team.fill(made)
    made.put(replace(LENS, activity="blocked: \x1b[31mthe port is taken"))
    return made


def scene_of(engine: FakeEngine, **changes: Any) -> Scene:
    now = engine.clock.now()
    return replace(
        Scene(world=engine.world, engine=engine.engine, link=Link.LIVE, now=now, heard_at=now), **changes
    )


def cells(scene: Scene, name: str) -> list[str]:
    (row,) = [row for row in fleet.fleet_rows(scene) if row.key == name]
    return [text_of(cell) for cell in row.cells]


def test_its_own_words_are_shown_harmlessly(engine: FakeEngine) -> None:
    assert cells(scene_of(engine), "lens")[2].startswith("blocked: ")
    details = [text_of(line) for line in fleet.agent_details(scene_of(engine), "lens")]
    assert any(line.startswith("says") and "the port is taken" in line for line in details)
    assert "\x1b" not in "".join([*details, *cells(scene_of(engine), "lens")])


def test_its_last_call_is_its_sign_of_life_and_it_uses_nothing_of_ours(engine: FakeEngine) -> None:
    assert cells(scene_of(engine), "lens")[3:6] == ["-", "-", "-"]
    called = {"lens": AgentMetrics(name="lens", last_call_at=engine.clock.now() - 120)}
    assert cells(scene_of(engine, metrics=called), "lens")[3:6] == ["2m", "-", "-"]


def test_those_of_several_roles_stand_under_one_heading(engine: FakeEngine) -> None:
    engine.put(replace(LENS, name="scout", role=Role.WORKER))
    (heading,) = [row.heading for row in fleet.fleet_rows(scene_of(engine)) if row.key == f"pool {OUTSIDE}"]
    assert heading is not None
    assert text_of(heading) == "outside  2 agents"
