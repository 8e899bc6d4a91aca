"""The engine's verbs about the log: pages through the archive, and archiving by hand."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import messages, runs
from supervisor.dispatch.archivist import Archivist
from supervisor.engine.backend import Backend
from supervisor.engine.stopping import StopSwitch
from supervisor.model.event import Event, verify_chain
from supervisor.model.wire import from_wire
from supervisor.store import archive
from supervisor.supervision.child_spec import children_of
from supervisor.supervision.supervisor import Supervisor
from supervisor.testing.processes import ChangeLog, PaperLauncher
from supervisor.testing.small_team import SmallTeam, small_team
from supervisor.transports.control.frame_hub import FrameHub


@pytest.fixture
async def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SmallTeam]:
    monkeypatch.setattr(archive, "SEGMENT", 20)
    async with small_team(tmp_path) as running:
        await running.finish("worker-1", await running.claim("worker-1", (await running.add_task()).id))
        await running.do(lambda scope: runs.finish_run(scope, words="done"))
        await running.do(lambda scope: scope.tx.tell("engine.stopped", "4711", actor="supervisor"))
        yield running


@pytest.fixture
def backend(team: SmallTeam) -> Backend:
    nobody = Supervisor(
        children_of(team.coordinator.team), PaperLauncher(), ChangeLog(), team.clock, random.Random(1)
    )

    def info() -> Any:
        raise AssertionError("nobody asks for it")

    return Backend(
        coordinator=team.coordinator,
        supervisor=nobody,
        hub=FrameHub(),
        switch=StopSwitch(),
        info=info,
        archivist=Archivist(team.store, team.store.path.with_name("archive"), team.clock, hurry=True),
    )


async def page(backend: Backend, **asked: Any) -> tuple[list[Event], dict[str, Any]]:
    answer = await backend.call("events", asked)
    return [from_wire(Event, each) for each in answer["events"]], answer


async def test_a_client_pages_through_archive_and_rows_without_a_seam(
    backend: Backend, team: SmallTeam
) -> None:
    before = await team.events()
    for _ in range(3):
        await backend.call("archive", {"before": team.clock.now() + 1})
    seen: list[Event] = []
    while True:
        events, answer = await page(backend, since=seen[-1].seq if seen else 0, limit=7)
        seen += events
        if answer["until"] >= answer["last"]:
            break
    assert seen[: len(before)] == before
    assert verify_chain(seen) == team.store.last_seq
    assert answer["gone"] == []


async def test_pages_hold_what_was_asked_for(backend: Backend, team: SmallTeam) -> None:
    whole = await team.events()
    assert (await page(backend, kinds=["task"]))[0] == [event for event in whole if event.noun == "task"]
    assert (await page(backend, actor="planner", run=1))[0] == [
        event for event in whole if event.actor == "planner"
    ]
    assert (await page(backend, since=3, upto=5))[0] == whole[3:5]
    assert (await page(backend, since_time=team.clock.now()))[0] == []
    assert (await page(backend, since=2, since_time=0.0))[0] == whole[2:]


async def test_an_act_tells_which_incarnation_acted_in_which_session(
    backend: Backend, team: SmallTeam
) -> None:
    team.store.session = "s1"
    actor = team["worker-2"]

    def speak(scope: Any) -> dict[str, Any]:
        messages.send(scope, actor, to="worker-1", body="hello")
        scope.tx.tell("engine.noted", "x", actor="supervisor")
        return {}

    await team.coordinator.call(actor, "message_send", speak)
    *_, sent, _, noted = await team.events()
    assert (sent.kind, sent.actor, sent.incarnation, sent.session) == (
        *("message.sent", "worker-2", actor.incarnation, "s1"),
    )
    assert (noted.incarnation, noted.session) == (0, "s1")
    await team.do(lambda scope: messages.send(scope, actor, to="worker-1", body="not by a call"))
    assert (await team.events())[-1].incarnation == 0


async def test_a_person_archives_file_by_file(backend: Backend, team: SmallTeam) -> None:
    asked = {"before": team.clock.now() + 1}
    dry = await backend.call("archive", asked | {"dry_run": True})
    assert dry["moved"] is None
    assert dry["left"]["first"] == 1
    moved = await backend.call("archive", asked)
    assert (moved["moved"]["first"], moved["moved"]["last"]) == (1, 20)
    assert moved["left"] == {"first": 21, "last": dry["left"]["last"]}
    await backend.call("archive", asked)
    assert (await backend.call("archive", asked))["moved"] is None


async def test_without_a_time_the_profile_decides(backend: Backend, team: SmallTeam) -> None:
    assert (await backend.call("archive", {}))["moved"] is None
    team.clock.jump(31 * 86_400.0)
    assert (await backend.call("archive", {}))["moved"] is not None
