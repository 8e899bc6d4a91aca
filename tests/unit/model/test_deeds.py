"""The table of deeds is about events that there are, and leaves out no right to change something."""

from __future__ import annotations

from typing import Final

from supervisor.model.agent import AgentState, Role
from supervisor.model.deeds import DEEDS
from supervisor.model.permissions import PERMISSIONS, Operation, may
from supervisor.model.world import ENTITIES

LOOKING: Final = {
    *(Operation.TASK_READ, Operation.VOTE_READ, Operation.MEMORY_READ, Operation.TEAM_READ),
}


def test_every_deed_changes_an_entity() -> None:
    assert {kind.partition(".")[0] for kind in DEEDS} <= set(ENTITIES)


def test_every_right_to_change_something_leaves_its_trace() -> None:
    assert set(Operation) - set().union(*DEEDS.values()) == LOOKING


def test_every_deed_can_be_done_by_some_role() -> None:
    assert all(any(may(role, each) for role in Role for each in rights) for rights in DEEDS.values())


def test_a_slot_is_moved_by_its_agent_only_between_its_own_doings() -> None:
    own = {kind.partition(".")[2] for kind in DEEDS if kind.startswith("agent.")}

    assert own - {"reported"} == {AgentState.IDLE, AgentState.WORKING, AgentState.WAITING_HUMAN}


def test_no_agent_ends_a_run_or_answers_what_a_person_is_asked() -> None:
    people = {"run.finished", "approval.approved", "approval.denied", "question.answered", "vote.decided"}

    assert people & set(DEEDS) == set()


def test_a_monitor_can_only_speak_and_read() -> None:
    done = {kind for kind, rights in DEEDS.items() if rights & PERMISSIONS[Role.MONITOR]}

    assert {kind.partition(".")[0] for kind in done} == {"message", "delivery", "agent"}
