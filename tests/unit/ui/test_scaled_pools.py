"""Scaled pools in the fleet: their heading tells bounds, number and reason, and stays while they sleep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.model.agent import AgentState
from supervisor.model.scale import Pool, Scale
from supervisor.model.world import PoolInfo
from supervisor.testing import sample_team
from supervisor.testing.clock import VirtualClock
from supervisor.testing.fake_feed import FakeEngine
from supervisor.ui.scene import Link, Scene
from supervisor.ui.spans import text_of
from supervisor.ui.view_models import fleet

BOUNDS = Scale(min=0, max=8)


@pytest.fixture
def engine() -> FakeEngine:
    made = FakeEngine(VirtualClock())
    sample_team.fill(made)
    return made


def headings(engine: FakeEngine, wanted: str = "", **sizes: Scale) -> dict[str, str]:
    infos = {pool.name: pool for pool in engine.engine.pools}
    for name, scale in sizes.items():
        infos[name] = PoolInfo(name=name, role="worker", size=scale.max, scale=scale)
    scene = Scene(
        world=engine.world,
        engine=replace(engine.engine, pools=tuple(infos.values())),
        link=Link.LIVE,
        now=engine.clock.now(),
        heard_at=engine.clock.now(),
    )
    return {row.key: text_of(row.heading) for row in fleet.fleet_rows(scene, wanted) if row.heading}


def test_a_scaled_pool_tells_its_number_its_bounds_and_why(engine: FakeEngine) -> None:
    engine.put(Pool(name="worker", wanted=6, reason="2 waiting, 4 of 4 busy\x1b[2J; 6 wanted"))
    told = headings(engine, worker=BOUNDS)["pool worker"]
    assert told == "worker  3 agents (0 to 8), 6 wanted  2 waiting, 4 of 4 busy\\x1b[2J; 6 wanted"


def test_a_persons_number_stands_out(engine: FakeEngine) -> None:
    engine.put(Pool(name="worker", wanted=4, manual=4, reason="a person asked for 4"))
    told = headings(engine, worker=BOUNDS)["pool worker"]
    assert told == "worker  3 agents (0 to 8), 4 wanted, set to 4  a person asked for 4"


def test_a_sleeping_pool_keeps_its_heading_but_not_in_a_search(engine: FakeEngine) -> None:
    engine.put(Pool(name="expert", wanted=0, reason="no work for 300 s"))
    assert headings(engine, expert=BOUNDS)["pool expert"].startswith("expert  0 agents (0 to 8)")
    assert "pool expert" not in headings(engine, "churn", expert=BOUNDS)


def test_a_scaled_pool_of_which_nothing_is_known_yet_is_shown_as_any_other(engine: FakeEngine) -> None:
    assert headings(engine, worker=BOUNDS)["pool worker"] == headings(engine)["pool worker"]


def test_agents_that_have_left_are_not_counted(engine: FakeEngine) -> None:
    one = engine.world.agents["worker-1"]
    engine.put(replace(one, state=AgentState.EXITED, pid=None))
    engine.put(Pool(name="worker", wanted=3))
    assert headings(engine, worker=BOUNDS)["pool worker"].startswith("worker  2 agents (0 to 8), 3 wanted")
