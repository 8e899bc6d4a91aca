"""The tools about the team: what they answer, and what they refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.team_door import TeamDoor, set_scene, team_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[TeamDoor]:
    async with team_door(tmp_path) as opened:
        await set_scene(opened)
        yield opened


async def test_registering_confirms_what_the_key_proves(door: TeamDoor) -> None:
    for said in ({}, {"name": "worker-1"}, {"role": "worker"}, {"name": "worker-1", "role": "worker"}):
        told = await door.call("worker-1", "agent_register", **said)
        assert (told["name"], told["role"], told["incarnation"]) == ("worker-1", "worker", 1)
    refused = await door.refused("worker-1", "agent_register", name="judge")
    assert (refused.code, "`worker-1`, not of `judge`" in refused.message) == ("forbidden", True)
    assert await door.code("worker-1", "agent_register", role="judge") == "forbidden"


async def test_an_update_is_shown_beside_the_agent_and_moves_no_task(door: TeamDoor) -> None:
    told = await door.call("worker-1", "agent_update", state="blocked", task_id="T2", note="port taken")
    assert (told["state"], told["activity"]) == ("working", "blocked: T2: port taken")
    (line,) = (await door.call("judge", "agent_list", role="worker", state="working"))["agents"]
    assert (line["name"], line["activity"], line["held"]) == ("worker-1", "blocked: T2: port taken", ["T2"])
    assert (await door.call("watcher", "task_get", task_id="T2"))["task"]["state"] == "in_progress"
    assert await door.code("worker-1", "agent_update", state="asleep") == "invalid_argument"
    assert await door.code("watcher", "agent_update", state="idle") == "unknown_tool"


async def test_the_list_tells_load_unread_mail_and_the_age_of_the_last_call(door: TeamDoor) -> None:
    listed = (await door.call("watcher", "agent_list", sort="load"))["agents"]
    known = {each["name"]: each for each in listed}
    assert {*known["worker-1"]} == {
        *("name", "role", "pool", "state", "groups", "tags", "held", "load", "unread"),
        *("last_call_s", "activity"),
    }
    assert known["worker-1"]["unread"] == 1
    assert known["watcher"]["last_call_s"] == 0.0
    assert known["solo"]["last_call_s"] is None
    assert listed[0]["state"] == "idle"
    assert await door.code("watcher", "agent_list", sort="age") == "invalid_argument"
