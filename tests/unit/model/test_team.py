from __future__ import annotations

import dataclasses

import pytest

from supervisor.model.agent import Role
from supervisor.model.ids import MessageId
from supervisor.model.message import Delivery
from supervisor.model.task import Task
from supervisor.model.team import PoolSpec, TeamSpec
from supervisor.model.world import ENTITIES


def pool(name: str, size: int = 1) -> PoolSpec:
    return PoolSpec(name=name, role=Role.WORKER, command=("true",), size=size)


def test_a_single_agent_is_named_like_its_pool() -> None:
    assert pool("judge").agent_names == ("judge",)


def test_several_agents_are_numbered_from_one() -> None:
    assert pool("worker", 3).agent_names == ("worker-1", "worker-2", "worker-3")


@pytest.mark.parametrize("size", [1, 3, 12])
def test_a_pool_holds_the_agents_that_it_names_and_no_other(size: int) -> None:
    strangers = (
        "worker-0",
        "worker-01",
        "worker-13",
        "worker-",
        "worker--1",
        "worker-१",
        "work-1",
        "worker-1-1",
    )
    crowd = pool("worker", size)

    assert all(crowd.holds(name) for name in crowd.agent_names)
    assert not any(crowd.holds(name) for name in (*strangers, "worker-" + "9" * 5000))
    assert crowd.holds("worker") == (size == 1)


def test_a_team_knows_the_pool_of_each_agent() -> None:
    team = TeamSpec(
        name="survey", description="", pools=(pool("judge"), pool("worker", 2)), source="", digest=""
    )

    assert team.pool_of("worker-2").name == "worker"
    with pytest.raises(KeyError):
        team.pool_of("worker")


def test_a_delivery_is_named_after_its_message_and_recipient() -> None:
    assert Delivery(message=MessageId("M5"), recipient="worker-1").key == "M5/worker-1"


@pytest.mark.parametrize("kind", [*ENTITIES.values(), PoolSpec, TeamSpec], ids=lambda kind: kind.__name__)
def test_values_are_frozen_and_take_keywords_only(kind: type) -> None:
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # each of them is a dataclass
    assert "__slots__" in vars(kind)
    assert all(field.kw_only for field in dataclasses.fields(kind))


def test_a_change_is_a_new_value() -> None:
    task = Task(id="T1", run=1, title="x")  # type: ignore[arg-type]  # the spelling does not matter here

    with pytest.raises(dataclasses.FrozenInstanceError):
        task.title = "y"  # type: ignore[misc]  # that it is refused is the point
