"""scale, and what status tells of scaled pools: asked of a scripted engine over the real socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import Result

from supervisor.errors import InvalidArgument
from supervisor.model.agent import AgentState
from supervisor.model.scale import Pool, Scale
from supervisor.model.wire import to_wire
from supervisor.model.world import PoolInfo
from supervisor.testing.scripted_engine import ScriptedEngine

Run = Callable[..., Result]

SET = Pool(name="worker", wanted=1, manual=4, reason="a person asked for 4")


def test_a_number_is_sent_and_the_way_back_is_told(run: Run, engine: ScriptedEngine) -> None:
    engine.answers = {"scale": {"pool": to_wire(SET)}}
    ended = run("scale", "worker", "4")
    assert engine.asked[-1] == ("scale", {"pool": "worker", "number": 4})
    assert "pool worker is set to 4" in ended.output
    assert "supervisor scale worker auto" in ended.output


def test_auto_gives_the_pool_back(run: Run, engine: ScriptedEngine) -> None:
    engine.answers = {"scale": {"pool": to_wire(replace(SET, manual=None))}}
    assert "pool worker follows its work again" in run("scale", "worker", "auto").output
    assert engine.asked[-1] == ("scale", {"pool": "worker", "number": None})


def test_scripts_get_the_pool(ask: Any, engine: ScriptedEngine) -> None:
    engine.answers = {"scale": {"pool": to_wire(SET)}}
    told = ask("scale", "worker", "4")
    assert (told["type"], told["pool"]["manual"], told["pool"]["wanted"]) == ("scale", 4, 1)


@pytest.mark.parametrize("word", ["four", "-1", "1.5", "٤", "1" * 10])
def test_what_is_no_number_is_refused_before_anything_is_asked(
    run: Run, engine: ScriptedEngine, word: str
) -> None:
    ended = run("scale", "worker", "--", word)
    assert ended.exit_code == 2
    assert engine.asked == []


def test_a_refusal_of_the_engine_is_shown(run: Run, engine: ScriptedEngine) -> None:
    engine.answers = {"scale": InvalidArgument("pool worker has 1 to 4 agents; 9 is beyond that")}
    assert "9 is beyond that" in run("scale", "worker", "9").stderr


def scale_worker(engine: ScriptedEngine, pool: Pool) -> None:
    team = engine.team
    scaled = PoolInfo(name="worker", role="worker", size=8, scale=Scale(min=1, max=8))
    silent = PoolInfo(name="later", role="worker", size=2, scale=Scale(max=2))
    team.engine = replace(team.engine, pools=(*team.engine.pools[1:], scaled, silent))
    team.agent("worker-1", state=AgentState.IDLE)
    team.record("pool.scaled", pool)


def test_status_tells_how_many_there_are_how_many_there_may_be_and_why(
    run: Run, engine: ScriptedEngine
) -> None:
    scale_worker(engine, Pool(name="worker", wanted=3, reason="2 waiting, 1 of 2 busy; \x1b[2J 3 wanted"))
    (line,) = [line for line in run("status").stdout.splitlines() if line.startswith("pool ")]
    assert line == "pool worker: 2 agents, 3 wanted (1 to 8): 2 waiting, 1 of 2 busy; \\x1b[2J 3 wanted"


def test_status_tells_of_a_persons_number_and_the_way_back(run: Run, engine: ScriptedEngine) -> None:
    scale_worker(engine, replace(SET, reason=""))
    (line,) = [line for line in run("status").stdout.splitlines() if line.startswith("pool ")]
    assert line.endswith("(1 to 8), set to 4; let it follow its work: supervisor scale worker auto")


def test_status_as_json_has_the_pools(ask: Any, engine: ScriptedEngine) -> None:
    assert ask("status")["pools"] == []
    scale_worker(engine, SET)
    (worker,) = ask("status")["pools"]
    assert (worker["name"], worker["agents"], worker["wanted"], worker["manual"]) == ("worker", 2, 1, 4)
    assert (worker["scale"]["min"], worker["scale"]["max"]) == (1, 8)
