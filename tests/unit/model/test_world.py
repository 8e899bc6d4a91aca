from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.errors import InvalidArgument
from supervisor.model.agent import Agent, AgentState, Role
from supervisor.model.allowance import Allowance
from supervisor.model.approval import Approval, ApprovalState, Mode
from supervisor.model.driving import BudgetScope
from supervisor.model.event import Event
from supervisor.model.evidence import Evidence
from supervisor.model.handoff import Handoff
from supervisor.model.ids import ApprovalId, MessageId, QuestionId, TaskId, VoteId, milestone_id, rule_id
from supervisor.model.memory import MemoryEntry
from supervisor.model.message import Delivery, DeliveryState, Message
from supervisor.model.milestone import Milestone
from supervisor.model.outside_key import OutsideKey
from supervisor.model.question import Question, QuestionState
from supervisor.model.rule import RuleScope, StandingRule
from supervisor.model.scale import Pool
from supervisor.model.task import Board, Checkpoint, Note, Task, TaskState
from supervisor.model.team import Run, RunState
from supervisor.model.turn import Turn, TurnKind, turn_id
from supervisor.model.vote import Ballot, Vote
from supervisor.model.wire import to_wire
from supervisor.model.work_state import WorkState
from supervisor.model.world import ENTITIES, EngineInfo, Snapshot, World, key_of

ENGINE = EngineInfo(
    team="survey",
    description="",
    project="project",
    mode=Mode.HEADLESS,
    pid=7,
    started_at=0.0,
    pools=(),
    log_dir="logs",
    report_dir="reports",
)
RUN = Run(id=1, team="survey", profile="survey", digest="d")
AGENT = Agent(name="worker-1", pool="worker", role=Role.WORKER)
TASK = Task(id=TaskId("T1"), run=1, title="measure")
NOTE = Note(id=1, task=TaskId("T1"), author="worker-1", body="begun", at=1.0)
CHECKPOINT = Checkpoint(task=TaskId("T1"), author="worker-1", token=1, percent=40)
MESSAGE = Message(id=MessageId("M1"), run=1, sender="planner", to="all", body="hello")
DELIVERY = Delivery(message=MessageId("M1"), recipient="worker-1")
VOTE = Vote(
    id=VoteId("V1"),
    run=1,
    question="which?",
    options=("a", "b"),
    electorate=("worker-1",),
    quorum=1,
    opened_by="planner",
    opened_at=0.0,
    deadline=9.0,
)
RULE = StandingRule(
    id=rule_id(1),
    scope=RuleScope.TEAM,
    target="",
    act="{}",
    title="run the tests",
    tier=2,
    approval="A1",
    created_at=1.0,
    expires_at=9.0,
    created_by="human",
)
BALLOT = Ballot(vote=VoteId("V1"), voter="worker-1", choice="a")
APPROVAL = Approval(
    id=ApprovalId("A1"),
    run=1,
    agent="worker-1",
    incarnation=1,
    kind="file.write",
    tier=1,
    title="write",
    payload="{}",
    digest="d",
)
QUESTION = Question(id=QuestionId("Q1"), run=1, agent="worker-1", incarnation=1, question="which?")
EVIDENCE = Evidence(
    task=TASK.id, token=2, check="tests", argv=("make",), exit_code=0, started_at=1.0, duration_s=2.0
)
TURN = Turn(id=turn_id(4), run=1, agent="worker-1", incarnation=1, pool="worker", kind=TurnKind.MAIL)
BUDGET = Allowance(id="team:1:*", scope=BudgetScope.TEAM, pools="*", subject="1", run=1, tokens=9)
HANDOFF = Handoff(id=7, run=1, task="T1", sender="worker-1", to="role:judge", notes="look", at=1.0)
MEMORY = MemoryEntry(scope="team", key="languages", value="py", version=1, author="worker-1", at=0.0)

ROWS: dict[str, tuple[Any, str]] = {
    "run": (RUN, "1"),
    "agent": (AGENT, "worker-1"),
    "task": (TASK, "T1"),
    "note": (NOTE, "1"),
    "milestone": (Milestone(id=milestone_id(2), run=1, name="Sprint 1"), "P2"),
    "board": (Board(task=TASK.id, text="half way", author="worker-1", at=1.0), "T1"),
    "checkpoint": (CHECKPOINT, "T1"),
    "message": (MESSAGE, "M1"),
    "delivery": (DELIVERY, "M1/worker-1"),
    "vote": (VOTE, "V1"),
    "ballot": (BALLOT, "V1/worker-1"),
    "approval": (APPROVAL, "A1"),
    "memory": (MEMORY, "team/languages"),
    "work_state": (WorkState(agent="worker-1"), "worker-1"),
    "question": (QUESTION, "Q1"),
    "handoff": (HANDOFF, "7"),
    "outside_key": (OutsideKey(name="lens", role=Role.JUDGE), "lens"),
    "pool": (Pool(name="worker", wanted=3), "worker"),
    "rule": (RULE, "R1"),
    "evidence": (EVIDENCE, "T1/2/tests"),
    "turn": (TURN, "U4"),
    "budget": (BUDGET, "team:1:*"),
}


def told(seq: int, noun: str, value: Any, *, verb: str = "changed", run: int = 1) -> Event:
    return Event(
        seq=seq,
        at=float(seq),
        run=run,
        kind=f"{noun}.{verb}",
        subject=key_of(noun, value),
        actor="test",
        after=to_wire(value),
    )


def snapshot_of(world: World) -> Snapshot:
    return Snapshot(version=world.seq, at=0.0, run=world.run, engine=ENGINE, tables=world.wire_tables())


def world_after(events: list[Event]) -> World:
    world = World()
    for event in events:
        world.apply(event)
    return world


@pytest.mark.parametrize("noun", ENTITIES)
def test_each_noun_stands_in_its_table_under_its_id(noun: str) -> None:
    value, key = ROWS[noun]

    world = world_after([told(1, noun, value)])

    assert world.tables[noun] == {key: value}


def test_a_later_event_replaces_the_value() -> None:
    done = replace(TASK, state=TaskState.DONE)

    world = world_after([told(1, "task", TASK), told(2, "task", done)])

    assert world.tasks == {"T1": done}


def test_an_event_of_another_noun_changes_no_table_but_counts() -> None:
    heard = Event(seq=2, at=2.0, run=1, kind="engine.started", subject="engine", actor="supervisor")

    world = world_after([told(1, "task", TASK), heard])

    assert (world.seq, list(world.tasks)) == (2, ["T1"])


@pytest.mark.parametrize("seq", [1, 3, 0])
def test_an_event_that_does_not_follow_is_refused_and_changes_nothing(seq: int) -> None:
    world = world_after([told(1, "task", TASK)])

    with pytest.raises(InvalidArgument, match="take a new snapshot"):
        world.apply(told(seq, "task", replace(TASK, title="forged")))

    assert (world.seq, world.tasks["T1"]) == (1, TASK)


def test_an_event_whose_value_is_ill_formed_is_refused() -> None:
    event = replace(told(1, "task", TASK), after={"id": "T1"})

    with pytest.raises(InvalidArgument, match=r"Task: .*missing"):
        World().apply(event)


EDITS = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from(TaskState), st.integers(0, 100)), min_size=1, max_size=30
)


@given(edits=EDITS, data=st.data())
def test_a_snapshot_and_the_events_after_it_give_the_same_world_as_all_events(
    edits: list[tuple[int, TaskState, int]], data: st.DataObject
) -> None:
    events = [
        told(seq, "task", replace(TASK, id=TaskId(f"T{number}"), state=state, percent=percent))
        for seq, (number, state, percent) in enumerate(edits, 1)
    ]
    cut = data.draw(st.integers(0, len(events)))

    world = World.of(snapshot_of(world_after(events[:cut])))
    for event in events[cut:]:
        world.apply(event)

    assert world == world_after(events)


def test_a_snapshot_carries_every_table() -> None:
    events = [told(seq, noun, value) for seq, (noun, (value, _)) in enumerate(ROWS.items(), 1)]
    world = world_after(events)

    assert World.of(snapshot_of(world)) == world


def test_the_shortcuts_read_the_tables() -> None:
    world = world_after([told(seq, noun, value) for seq, (noun, (value, _)) in enumerate(ROWS.items(), 1)])

    assert world.current_run == RUN
    assert world.agents == {"worker-1": AGENT}
    assert world.messages == {"M1": MESSAGE}
    assert world.deliveries == {"M1/worker-1": DELIVERY}
    assert world.votes == {"V1": VOTE}
    assert world.approvals == {"A1": APPROVAL}
    assert world.memory == {"team/languages": MEMORY}
    assert world.ballots_of("V1") == (BALLOT,)
    assert world.ballots_of("V2") == ()
    assert world.notes_of("T1") == (NOTE,)
    assert world.notes_of("T2") == ()
    assert world.work_states == {"worker-1": WorkState(agent="worker-1")}
    assert world.questions == {"Q1": QUESTION}
    assert world.handoffs == [HANDOFF]


def test_a_deleted_memory_is_in_its_table_but_not_shown() -> None:
    gone = replace(MEMORY, value="", version=2, deleted=True)

    world = world_after([told(1, "memory", MEMORY), told(2, "memory", gone)])

    assert (world.tables["memory"], world.memory) == ({"team/languages": gone}, {})


def test_only_questions_that_wait_for_a_person_are_open() -> None:
    answered = replace(QUESTION, id=QuestionId("Q2"), state=QuestionState.ANSWERED)

    world = world_after([told(1, "question", QUESTION), told(2, "question", answered)])

    assert world.open_questions() == [QUESTION]


def test_before_the_first_run_there_is_none() -> None:
    assert World().current_run is None


def test_counts_are_of_the_current_run_and_name_every_state() -> None:
    earlier = replace(TASK, id=TaskId("T0"), state=TaskState.DONE)
    second_run = replace(RUN, id=2, state=RunState.ACTIVE)
    world = world_after(
        [
            told(1, "task", earlier),
            told(2, "run", second_run, run=2),
            told(3, "task", replace(TASK, run=2), run=2),
        ]
    )

    counts = world.task_counts()

    assert list(counts) == list(TaskState)
    assert (counts[TaskState.PENDING], counts[TaskState.DONE]) == (1, 0)
    assert world.run_tasks() == [replace(TASK, run=2)]


def test_approvals_wait_highest_tier_first_then_oldest_first() -> None:
    def asked(number: int, tier: int, at: float, state: ApprovalState = ApprovalState.PENDING) -> Approval:
        return replace(APPROVAL, id=ApprovalId(f"A{number}"), tier=tier, created_at=at, state=state)

    requests = [asked(1, 1, 5.0), asked(2, 3, 9.0), asked(3, 1, 2.0), asked(4, 3, 1.0, ApprovalState.DENIED)]
    world = world_after([told(seq, "approval", each) for seq, each in enumerate(requests, 1)])

    assert [each.id for each in world.pending_approvals()] == ["A2", "A3", "A1"]


def test_a_new_delivery_state_is_a_new_value_of_the_same_copy() -> None:
    acked = replace(DELIVERY, state=DeliveryState.ACKED, acked_at=3.0)

    world = world_after([told(1, "delivery", DELIVERY), told(2, "delivery", acked)])

    assert world.deliveries == {"M1/worker-1": acked}


def test_an_agent_keeps_its_row_over_its_incarnations() -> None:
    second = replace(AGENT, incarnation=2, state=AgentState.STARTING)

    world = world_after([told(1, "agent", AGENT), told(2, "agent", second)])

    assert world.agents == {"worker-1": second}
