"""The engine's verbs on a real coordinator: what a person may do, and how it is refused."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import approvals, ending
from supervisor.dispatch.archivist import Archivist
from supervisor.engine.backend import Backend
from supervisor.engine.stopping import Cause, StopSwitch
from supervisor.errors import DigestMismatch, InvalidArgument, NotFound, RequestError, WrongState
from supervisor.model.agent import AgentMetrics
from supervisor.model.approval import Mode
from supervisor.model.task import TaskState
from supervisor.model.wire import from_wire
from supervisor.model.world import EngineInfo
from supervisor.supervision.child_spec import children_of
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.processes import ChangeLog, PaperLauncher
from supervisor.testing.small_team import SmallTeam, small_team
from supervisor.transports.control.frame_hub import FrameHub
from supervisor.transports.control.protocol import SNAPSHOT, SUBSCRIBE, VERBS, MetricsFrame


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[SmallTeam]:
    async with small_team(tmp_path) as running:
        yield running


@pytest.fixture
def backend(team: SmallTeam) -> Backend:
    info = EngineInfo(
        team="small",
        description="",
        project="/p",
        mode=Mode.INTERACTIVE,
        pid=4711,
        started_at=0.0,
        pools=(),
        log_dir="",
        report_dir="",
    )
    supervisor = Supervisor(
        children_of(team.coordinator.team),
        PaperLauncher(),
        ChangeLog(),
        team.clock,
        random.Random(1),
    )
    return Backend(
        coordinator=team.coordinator,
        supervisor=supervisor,
        hub=FrameHub(),
        switch=StopSwitch(),
        info=lambda: info,
        archivist=Archivist(team.store, team.store.path.with_name("archive"), team.clock),
    )


def test_every_verb_of_the_protocol_is_answered(backend: Backend) -> None:
    assert set(backend.verbs) == set(VERBS) - {SNAPSHOT, SUBSCRIBE}


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {SNAPSHOT, SUBSCRIBE}))
@pytest.mark.parametrize(
    "args", [{"stranger": 1}, {"task_id": 7}, {"agent": None}, {"ids": "M1"}, {"now": "yes"}]
)
async def test_arguments_that_a_verb_does_not_take_are_refused(
    backend: Backend, team: SmallTeam, verb: str, args: dict[str, Any]
) -> None:
    before = team.store.last_seq
    with pytest.raises(RequestError):
        await backend.call(verb, args)
    assert team.store.last_seq == before


async def test_an_unknown_verb_names_the_known_ones(backend: Backend) -> None:
    with pytest.raises(InvalidArgument, match="task_add"):
        await backend.call("drop_tables", {})


async def test_a_person_adds_shows_and_cancels_work(backend: Backend) -> None:
    added = await backend.call("task_add", {"title": "by hand", "tags": ["x"]})
    shown = await backend.call("task_show", {"task_id": added["task"]["id"]})
    assert [event["kind"] for event in shown["events"]] == ["task.created"]
    cancelled = await backend.call("task_cancel", {"task_id": "T1", "reason": "no"})
    assert cancelled["task"]["state"] == "cancelled"


async def test_a_person_frees_what_waits_for_one(backend: Backend, team: SmallTeam) -> None:
    claim = await team.claim("worker-1", (await team.add_task()).id)
    await team.do(
        lambda scope: ending.block_for_help(scope, team["worker-1"], claim.task.id, claim.task.token, "?")
    )
    freed = await backend.call("task_unblock", {"task_id": "T1"})
    assert (freed["task"]["state"], freed["task"]["assignee"]) == ("pending", None)
    with pytest.raises(WrongState):
        await backend.call("task_unblock", {"task_id": "T1"})


async def test_a_person_judges_in_place_of_a_judge(backend: Backend, team: SmallTeam) -> None:
    task = await team.add_task(review=True)
    await team.finish("worker-1", await team.claim("worker-1"))
    with pytest.raises(InvalidArgument, match="feedback"):
        await backend.call("task_judge", {"task_id": "T1", "decision": "reject"})
    with pytest.raises(InvalidArgument, match="neither"):
        await backend.call("task_judge", {"task_id": "T1", "decision": "maybe"})
    await backend.call("task_judge", {"task_id": "T1", "decision": "reject", "feedback": "shorter"})
    await team.finish("worker-1", await team.claim("worker-1"))
    await backend.call("task_judge", {"task_id": "T1", "decision": "approve"})
    assert (await team.task(task.id)).state is TaskState.DONE


async def test_mail_goes_out_and_the_persons_own_is_acked(backend: Backend, team: SmallTeam) -> None:
    sent = await backend.call("send", {"to": "group:builders", "body": "hello", "urgent": True})
    assert sent["recipients"] == ["worker-1", "worker-2"]
    await backend.call("send", {"to": "human", "body": "note to me"})
    assert await backend.call("ack", {"ids": ["M2"]}) == {"acked": 1}
    assert await backend.call("ack", {"ids": ["M1"]}) == {"acked": 0}


async def test_an_answer_needs_the_digest_that_was_shown(backend: Backend, team: SmallTeam) -> None:
    asked = await team.do(
        lambda scope: approvals.request(
            scope, team["worker-1"], kind="shell", title="t", payload={"argv": ["ls"]}, tier=1
        )
    )
    wrong = {"approval_id": "A1", "digest": "0" * 64, "decision": "approve"}
    with pytest.raises(DigestMismatch):
        await backend.call("answer", wrong)
    answered = await backend.call(
        "answer", wrong | {"digest": asked.digest, "decision": "reject", "reason": "no"}
    )
    assert (answered["approval"]["state"], answered["approval"]["answer"]) == ("denied", "no")


async def test_events_come_in_pages_and_the_snapshot_has_their_number(backend: Backend) -> None:
    first = (await backend.call("events", {"since": 0, "limit": 3}))["events"]
    assert [event["seq"] for event in first] == [1, 2, 3]
    rest = (await backend.call("events", {"since": 3, "limit": 99_999}))["events"]
    assert rest[-1]["seq"] == (await backend.snapshot()).version


async def test_agents_are_ordered_by_name_only(backend: Backend) -> None:
    for verb in ("restart", "stop_agent"):
        answer = await backend.call(verb, {"agent": "worker-1"})
        assert answer == {"agents": ["worker-1"], "left_alone": []}
        with pytest.raises(NotFound, match="nobody"):
            await backend.call(verb, {"agent": "nobody"})


async def test_down_throws_the_switch_and_now_hurries(backend: Backend) -> None:
    await backend.call("down", {})
    assert (await backend.switch.asked()).cause is Cause.DOWN
    await backend.call("down", {"now": True})
    await backend.switch.hurried()


async def test_hello_tells_who_answers(backend: Backend) -> None:
    hello = await backend.call("hello", {})
    assert (hello["team"], hello["pid"], hello["protocol"]) == ("small", 4711, 1)


async def test_an_unknown_vote_is_not_found(backend: Backend) -> None:
    with pytest.raises(NotFound):
        await backend.call("vote_show", {"vote_id": "V1"})


async def test_no_slot_is_ordered_about_an_outside_agent(backend: Backend, team: SmallTeam) -> None:
    await team.coordinator.outsiders.open(session="session", boot_id="boot")
    made = await backend.call("key_create", {"name": "lens", "role": "judge"})
    assert made["secret"].startswith("sup_")
    for verb in ("restart", "stop_agent"):
        with pytest.raises(WrongState, match="outside agent"):
            await backend.call(verb, {"agent": "lens"})
    assert await backend.call("endpoint", {}) == {"url": ""}


async def test_what_was_measured_last_can_be_asked_for(backend: Backend) -> None:
    assert await backend.call("metrics", {}) == {"at": None, "agents": []}
    frame = MetricsFrame(at=1.5, agents=(AgentMetrics(name="worker-1", cpu_percent=2.0),))
    backend.hub.publish(frame)
    assert from_wire(MetricsFrame, await backend.call("metrics", {})) == frame
