from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.errors import InvalidArgument
from supervisor.model.agent import Agent, AgentMetrics, ExitClass, ExitInfo, Role
from supervisor.model.approval import Approval
from supervisor.model.event import Event
from supervisor.model.ids import TaskId
from supervisor.model.memory import MemoryEntry
from supervisor.model.message import Delivery, Message
from supervisor.model.task import Checkpoint, Note, Priority, Task, TaskState
from supervisor.model.team import Run, TeamSpec
from supervisor.model.vote import Ballot, Vote
from supervisor.model.wire import from_wire, to_json, to_wire
from supervisor.model.world import EngineInfo, Snapshot

KINDS = (
    Agent,
    AgentMetrics,
    Approval,
    Ballot,
    Checkpoint,
    Delivery,
    EngineInfo,
    MemoryEntry,
    Message,
    Note,
    Run,
    Task,
    TeamSpec,
    Vote,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
JSON_OBJECTS = st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4)

st.register_type_strategy(float, NUMBERS)


def over_the_wire(value: object) -> Any:
    return json.loads(json.dumps(to_wire(value), allow_nan=False))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_value_survives_the_wire(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))

    assert from_wire(kind, over_the_wire(value)) == value


@given(after=JSON_OBJECTS)
def test_an_event_carries_free_json_unchanged(after: dict[str, Any]) -> None:
    event = Event(seq=1, at=2.0, run=1, kind="task.created", subject="T1", actor="planner", after=after)

    assert from_wire(Event, over_the_wire(event)) == event


def test_a_snapshot_survives_the_wire() -> None:
    engine = EngineInfo(
        team="survey",
        description="",
        project="here",
        mode="headless",  # type: ignore[arg-type]  # the wire spells enums by their words
        pid=1,
        started_at=1.0,
        pools=(),
        log_dir="logs",
        report_dir="reports",
    )
    snapshot = Snapshot(
        version=4, at=1.5, run=1, engine=from_wire(EngineInfo, to_wire(engine)), tables={"task": []}
    )

    assert from_wire(Snapshot, over_the_wire(snapshot)) == snapshot


def test_enums_travel_as_their_words_and_numbers() -> None:
    task = Task(id=TaskId("T1"), run=1, title="x", priority=Priority.HIGH, state=TaskState.IN_REVIEW)

    spelled = to_wire(task)

    assert (spelled["priority"], spelled["state"]) == (1, "in_review")


def test_a_nested_value_is_rebuilt_as_its_class() -> None:
    ended = ExitInfo(kind=ExitClass.SIGNAL, signal=9)
    agent = Agent(name="worker-1", pool="worker", role=Role.WORKER, last_exit=ended)

    assert from_wire(Agent, over_the_wire(agent)).last_exit == ended


def test_a_whole_number_is_taken_for_seconds() -> None:
    at = from_wire(Note, {"id": 1, "task": "T1", "author": "a", "body": "b", "at": 3}).at

    assert isinstance(at, float)


NOTE = {"id": 1, "task": "T1", "author": "a", "body": "b", "at": 3.0}


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (Note, [], "Note: expected dict, got list"),
        (Note, NOTE | {"colour": "red"}, "Note: unknown field `colour`"),
        (Note, {"id": 1}, "Note: .*missing"),
        (Note, NOTE | {"id": "1"}, "Note.id: expected int, got str"),
        (Note, NOTE | {"id": True}, "Note.id: expected int, got a boolean"),
        (Note, NOTE | {"at": True}, "Note.at: expected float, got a boolean"),
        (Note, NOTE | {"at": None}, "Note.at: expected float, got NoneType"),
        (Note, NOTE | {"body": 7}, "Note.body: expected str, got int"),
        (Task, {"id": "T1", "run": 1, "title": "x", "review": 1}, "Task.review: expected bool, got int"),
        (
            Task,
            {"id": "T1", "run": 1, "title": "x", "state": "dreaming"},
            "Task.state: `dreaming` is none of",
        ),
        (Task, {"id": "T1", "run": 1, "title": "x", "tags": "a,b"}, "Task.tags: expected list, got str"),
        (
            Task,
            {"id": "T1", "run": 1, "title": "x", "tags": ["a", 1]},
            r"Task.tags\[\]: expected str, got int",
        ),
        (Task, {"id": "T1", "run": 1, "title": "x", "holder": 5}, "Task.holder: expected str, got int"),
        (
            TeamSpec,
            {"name": "t", "description": "", "pools": [], "source": "", "digest": "", "settings": {"a": 1}},
            "TeamSpec.settings.a: expected str, got int",
        ),
    ],
)
def test_ill_formed_data_is_refused_with_its_place(kind: type[Any], wrong: object, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        from_wire(kind, wrong)


def test_a_field_that_holds_what_its_annotation_does_not_say_is_spelled_all_the_same() -> None:
    note = Note(id=1, task=TaskId("T1"), author=Role.WORKER, body="b", at=Priority.LOW)

    assert {type(each) for each in to_wire(note).values()} == {int, str}
    assert to_wire(note) == {"id": 1, "task": "T1", "author": "worker", "body": "b", "at": 3}


@given(value=JSON_OBJECTS)
def test_what_is_equal_is_spelled_the_same(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))

    assert to_json(turned) == to_json(value)
    assert json.loads(to_json(value)) == value
