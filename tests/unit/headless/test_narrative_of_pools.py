"""The story of scaled pools: what changed, and why."""

from __future__ import annotations

from dataclasses import replace

from supervisor.headless.narrative import sentence
from supervisor.headless.printer import StoryPrinter
from supervisor.model.scale import Pool, Scale
from supervisor.model.world import PoolInfo, World
from supervisor.testing.scripted_team import ScriptedTeam


def told(team: ScriptedTeam) -> list[str | None]:
    world, lines = World(), []
    for event in team.events:
        lines.append(sentence(event, world))
        world.apply(event)
    return lines


def test_every_change_of_a_pool_is_told_with_its_reason() -> None:
    team = ScriptedTeam()
    pool = Pool(name="worker", wanted=0)
    team.record("pool.scaled", pool, reason="as the profile begins it")
    team.record("pool.scaled", replace(pool, wanted=4), reason="12 waiting, 0 of 0 busy\x1b[2J")
    team.record("pool.scaled", replace(pool, wanted=4), reason="held: the machine waits for memory")
    team.record("pool.ordered", replace(pool, wanted=4, manual=2), actor="human", reason="a person asked")
    team.record("pool.ordered", replace(pool, wanted=4), actor="human", reason="given back")
    assert told(team) == [
        None,
        "pool worker: 0 → 4: 12 waiting, 0 of 0 busy\\x1b[2J",
        "pool worker stays at 4: held: the machine waits for memory",
        "human: pool worker is set to 2",
        "human: pool worker follows its work again",
    ]


def test_the_first_line_tells_between_which_bounds_the_team_moves() -> None:
    team = ScriptedTeam()
    team.start_run()
    scaled = PoolInfo(name="hand", role="worker", size=8, scale=Scale(min=1, max=8))
    team.engine = replace(team.engine, pools=(*team.engine.pools, scaled))
    (line,) = StoryPrinter().opened(team.snapshot(), team.world)
    assert "team survey, run 1: 3 to 10 agents on" in line
