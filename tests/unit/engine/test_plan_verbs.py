"""The operator's verbs for scripts on a real coordinator: a rehearsal changes nothing, a wait is held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from supervisor.coordinator.coordinator import Coordinator
from supervisor.engine.plan_verbs import PLAN_VERBS
from supervisor.engine.task_verbs import TASK_VERBS
from supervisor.errors import DependencyCycle, InvalidArgument, NotFound
from supervisor.model.agent import AgentState
from supervisor.model.wire import from_wire
from supervisor.testing.small_team import SmallTeam, small_team


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[SmallTeam]:
    async with small_team(tmp_path) as running:
        yield running


class Desk:
    """Carries out the verbs as the engine does, without the rest of an engine."""

    def __init__(self, coordinator: Coordinator) -> None:
        self.coordinator = coordinator

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        form, carry_out = (PLAN_VERBS | TASK_VERBS)[verb]
        return await carry_out(cast("Any", self), from_wire(form, args, verb))


@pytest.fixture
def backend(team: SmallTeam) -> Desk:
    return Desk(team.coordinator)


def a_plan(*keys: str) -> dict[str, Any]:
    tasks = [{"title": key, "key": key, "depends_on": list(keys[:at][-1:])} for at, key in enumerate(keys)]
    return {"name": "a plan", "key": "plan.md", "tasks": tasks}


async def test_a_rehearsal_tells_what_pushing_would_do_and_does_none_of_it(
    backend: Desk, team: SmallTeam
) -> None:
    seq = team.store.last_seq

    rehearsed = await backend.call("plan_preview", a_plan("one", "two"))
    assert (rehearsed["created"], team.store.last_seq) == ({"one": "T1", "two": "T2"}, seq)

    assert await backend.call("plan_push", a_plan("one", "two")) == rehearsed
    again = await backend.call("plan_preview", a_plan("one", "three"))
    assert (again["created"], again["unchanged"], again["only_here"]) == (
        {"three": "T3"},
        {"one": "T1"},
        ["two"],
    )


async def test_a_rehearsal_is_refused_as_the_push_would_be(backend: Desk) -> None:
    plan = a_plan("one", "two")
    plan["tasks"][0]["depends_on"] = ["two"]

    with pytest.raises(DependencyCycle, match="one → two → one"):
        await backend.call("plan_preview", plan)


async def held(backend: Desk, team: SmallTeam, *conditions: str, **more: Any) -> asyncio.Future[Any]:
    """Begin a wait and return once it is held."""
    args = {"conditions": list(conditions), "timeout_s": 25, **more}
    waiting = asyncio.ensure_future(backend.call("wait", args))
    while not len(team.coordinator.waiting):
        await asyncio.sleep(0)
    await team.store.read(lambda _tx: None)
    return waiting


async def test_a_person_waits_until_one_of_several_things_is_so(backend: Desk, team: SmallTeam) -> None:
    await team.add_task()
    await team.add_task()
    waiting = await held(backend, team, "task:T1", "task:2")

    await team.finish("worker-1", await team.claim("worker-1"))

    assert await waiting == {"holding": ["task:T1"], "held": True, "ending": False}


async def test_all_of_them_is_more_than_one(backend: Desk, team: SmallTeam) -> None:
    await team.add_task()
    await team.add_task()
    waiting = await held(backend, team, "task:T1", "task:T2", everything=True)

    await team.finish("worker-1", await team.claim("worker-1"))
    assert not waiting.done()
    await team.finish("worker-1", await team.claim("worker-1"))

    assert (await waiting)["holding"] == ["task:T1", "task:T2"]


async def test_after_the_time_the_answer_says_what_holds_so_far(backend: Desk, team: SmallTeam) -> None:
    await team.add_task()
    await team.add_task()
    await team.finish("worker-1", await team.claim("worker-1"))

    wanted = {"conditions": ["task:T1", "task:T2"], "timeout_s": 0, "everything": True}

    assert await backend.call("wait", wanted) == {"holding": ["task:T1"], "held": False, "ending": False}


async def test_a_person_waits_for_agents_to_be_idle(backend: Desk, team: SmallTeam) -> None:
    await team.add_task()
    claim = await team.claim("worker-1")
    assert (await team.coordinator.read(lambda scope: scope.agent("worker-1"))).state is AgentState.WORKING
    now = {"timeout_s": 0}

    busy = await backend.call("wait", {"conditions": ["idle", "idle:worker-2"], **now})
    await team.finish("worker-1", claim)
    quiet = await backend.call("wait", {"conditions": ["idle", "idle:role:worker"], **now})

    assert (busy["holding"], quiet["holding"]) == (["idle:worker-2"], ["idle", "idle:role:worker"])


async def test_a_person_waits_for_a_milestone(backend: Desk, team: SmallTeam) -> None:
    await backend.call("plan_create", a_plan("one"))
    waiting = await held(backend, team, "milestone:P1")

    await team.finish("worker-1", await team.claim("worker-1"))

    assert (await waiting)["held"]


@pytest.mark.parametrize("condition", ["mail", "task", "review", "ballot", "approval:A1", "vote:", "", "x"])
async def test_what_only_agents_wait_for_is_refused(backend: Desk, condition: str) -> None:
    with pytest.raises(InvalidArgument, match="cannot wait for"):
        await backend.call("wait", {"conditions": [condition], "timeout_s": 0})


async def test_a_wait_for_what_does_not_exist_is_refused(backend: Desk) -> None:
    for condition in ("task:T9", "milestone:P9", "vote:V9", "idle:nobody"):
        with pytest.raises(NotFound):
            await backend.call("wait", {"conditions": [condition], "timeout_s": 0})


@pytest.mark.parametrize("timeout_s", [-1, 26])
async def test_one_call_is_held_no_longer_than_a_client_waits(backend: Desk, timeout_s: float) -> None:
    with pytest.raises(InvalidArgument, match="is not between 0 and 25"):
        await backend.call("wait", {"conditions": ["idle"], "timeout_s": timeout_s})


async def test_a_wait_ends_and_says_so_when_the_engine_stops(backend: Desk, team: SmallTeam) -> None:
    await team.add_task()
    waiting = await held(backend, team, "task:T1")

    team.coordinator.close()

    assert await waiting == {"holding": [], "held": False, "ending": True}
