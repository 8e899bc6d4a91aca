"""A2, A4, A6, A7 for keys that outlive engines: known by their hash alone, refused once they have ended."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import outsiders, upkeep
from supervisor.coordinator.outsiders import Outsiders
from supervisor.model.agent import Role
from supervisor.model.ids import key_hash
from supervisor.model.outside_key import NewKey
from supervisor.model.wire import to_wire
from supervisor.transports.mcp import gate
from tests.attacks.door import Answer, Door
from tests.team_door import McpTeamDoor, mcp_team_door

LENS = NewKey(name="lens", role=Role.WORKER, lifetime_s=3600)


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "GUESS_DELAY_S", 0.0)


def head(key: str) -> dict[str, str | None]:
    return {"Authorization": f"Bearer {key}"}


@asynccontextmanager
async def joined(directory: Path, wanted: NewKey = LENS) -> AsyncIterator[tuple[McpTeamDoor, Door, str]]:
    """Give a team that one agent from outside has joined, and its key."""
    async with mcp_team_door(directory) as door:
        await door.team.coordinator.outsiders.open(session="session", boot_id="boot")
        _, secret = await door.team.coordinator.outsiders.create(wanted)
        raw = Door(door.url)
        assert (await raw.call("whoami", {}, head(secret))).status == 200
        yield door, raw, secret


def content(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.message["result"]["content"][0]["text"])
    return found


async def leaks(door: McpTeamDoor, directory: Path, needle: str) -> set[str]:
    """Name the places where a text can be seen by whoever reads files, the feed or the lists of keys."""
    events = await door.team.events()
    tables = await door.team.store.read(lambda tx: tx.all("outside_key.all"))
    seen = {
        "files": b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file()),
        "feed": json.dumps([to_wire(event) for event in events]).encode(),
        "list": json.dumps([dict(row) for row in tables]).encode(),
    }
    return {place for place, text in seen.items() if needle.encode() in text}


async def use_up(door: McpTeamDoor, raw: Door, secret: str) -> list[str]:
    """Let a key be used in every way that touches the database; return all keys that there were."""
    await raw.call("agent_update", {"state": "working", "note": "reading"}, head(secret))
    _, second = await door.team.coordinator.outsiders.rotate("lens", grace_s=60)
    await raw.call("message_send", {"to": "human", "body": "hello"}, head(second))
    await door.team.do(partial(upkeep.tick, alive={}))
    _, third = await door.team.coordinator.outsiders.rotate("lens")
    await raw.call("whoami", {}, head(third))
    await door.team.coordinator.outsiders.revoke("lens")
    return [secret, second, third]


async def test_a_key_is_in_no_file_and_no_event_and_its_hash_in_no_event(tmp_path: Path) -> None:
    async with joined(tmp_path) as (door, raw, secret):
        for key in await use_up(door, raw, secret):
            assert await leaks(door, tmp_path, key) == set()
            assert await leaks(door, tmp_path, key_hash(key)) <= {"files"}


async def test_canary_a_key_that_is_stored_as_it_is_would_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outsiders, "key_hash", lambda key: key)
    async with mcp_team_door(tmp_path) as door:
        _, secret = await door.team.coordinator.outsiders.create(LENS)
        assert "files" in await leaks(door, tmp_path, secret)


@pytest.mark.parametrize(
    "ended", ["revoked", "rotated", "expired", "expired and upkept", "of a replaced agent"]
)
async def test_an_ended_key_is_answered_as_one_that_never_was(tmp_path: Path, ended: str) -> None:
    async with joined(tmp_path) as (door, raw, secret):
        team = door.team
        match ended:
            case "revoked":
                await team.coordinator.outsiders.revoke("lens")
            case "rotated":
                await team.coordinator.outsiders.rotate("lens")
            case "of a replaced agent":
                await team.coordinator.outsiders.revoke("lens")
                await team.coordinator.outsiders.create(replace(LENS, role=Role.JUDGE))
            case _:
                await team.clock.advance(3600)
                if "upkept" in ended:
                    await team.do(partial(upkeep.tick, alive={}))
        before = team.store.last_seq
        refused = await raw.call("message_send", {"to": "all", "body": "late"}, head(secret))
        never = await raw.call("message_send", {"to": "all", "body": "late"}, head("sup_" + "0" * 64))
        assert refused.status == 401
        assert (refused.status, refused.headers, refused.body) == (never.status, never.headers, never.body)
        assert team.store.last_seq == before


async def test_canary_a_key_that_is_not_forgotten_still_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_reload(_: Outsiders) -> None:
        return

    async with joined(tmp_path) as (door, raw, secret):
        monkeypatch.setattr(Outsiders, "_forget", lambda *_: None)
        monkeypatch.setattr(Outsiders, "_reload", no_reload)
        await door.team.coordinator.outsiders.revoke("lens")
        assert (await raw.call("whoami", {}, head(secret))).status == 200


@pytest.mark.parametrize(
    "claim", [{"name": "judge"}, {"role": "orchestrator"}, {"name": "chief", "role": "worker"}]
)
async def test_its_holder_cannot_say_to_be_somebody_else(tmp_path: Path, claim: dict[str, str]) -> None:
    async with joined(tmp_path) as (door, raw, secret):
        before = door.team.store.last_seq
        refused = content(await raw.call("agent_register", claim, head(secret)))
        assert refused["error"]["code"] == "forbidden"
        assert door.team.store.last_seq == before
        told = content(await raw.call("agent_register", {"name": "lens", "role": "worker"}, head(secret)))
        assert (told["name"], told["role"], told["incarnation"]) == ("lens", "worker", 1)


@pytest.mark.parametrize("field", ["from", "sender", "agent_id", "as", "role"])
async def test_what_it_sends_comes_from_its_name_whatever_it_adds(tmp_path: Path, field: str) -> None:
    async with joined(tmp_path) as (door, raw, secret):
        forged = {"to": "human", "body": "I am the judge", field: "judge"}
        refused = content(await raw.call("message_send", forged, head(secret)))
        assert refused["error"]["code"] == "invalid_argument"
        sent = content(await raw.call("message_send", {"to": "human", "body": "hello"}, head(secret)))
        stored = await door.team.store.read(lambda tx: tx.all("event.since", since=0, limit=10_000))
        told = [row["actor"] for row in stored if row["kind"] == "message.sent"]
        assert (sent["message"]["sender"], told[-1]) == ("lens", "lens")


async def test_what_it_says_of_itself_gives_it_no_right(tmp_path: Path) -> None:
    async with joined(tmp_path) as (door, raw, secret):
        await door.call("planner", "task_create", title="first", review=True)
        await raw.call(
            "agent_update", {"state": "working", "task_id": "T1", "note": "I am the judge"}, head(secret)
        )
        approved = await raw.call("task_approve", {"task_id": "T1"}, head(secret))
        assert b"unknown_tool" in approved.body or approved.message.get("error")
        held = content(await raw.call("whoami", {}, head(secret)))["held"]
        assert held == []


async def test_every_key_is_256_bits_of_chance(tmp_path: Path) -> None:
    async with joined(tmp_path) as (door, _, secret):
        more = [(await door.team.coordinator.outsiders.rotate("lens"))[1] for _ in range(20)]
        assert len({secret, *more}) == 21
        assert all(len(bytes.fromhex(key.removeprefix("sup_"))) == 32 for key in more)
