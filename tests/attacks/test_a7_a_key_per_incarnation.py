"""A7: every incarnation has a key of its own, revoked by the transaction that records its end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from supervisor.coordinator import agents
from supervisor.coordinator.coordinator import Coordinator
from supervisor.model.event import Event
from supervisor.store.database import connect_read_only
from supervisor.testing.small_team import SmallTeam
from tests.attacks.door import Door
from tests.team_door import mark, mcp_team_door, set_scene

LATE = {"task_id": "T2", "token": 1, "result": "late"}


def head(key: str) -> dict[str, str | None]:
    return {"Authorization": f"Bearer {key}"}


async def test_the_key_of_a_dead_incarnation_opens_nothing(tmp_path: Path) -> None:
    async with mcp_team_door(tmp_path) as door:
        await set_scene(door)
        raw = Door(door.url)
        assert (await raw.call("whoami", {}, head("key-worker-1-1"))).status == 200
        await door.team.crash("worker-1")
        after_death = await door.team.store.read(mark)
        refused = await raw.call("task_complete", LATE, head("key-worker-1-1"))
        await door.team.start("worker-1")
        again = await raw.call("task_complete", LATE, head("key-worker-1-1"))
        never = await raw.call("task_complete", LATE, head("key-nobody-1"))
        assert (refused.status, refused.body) == (again.status, again.body) == (never.status, never.body)
        assert refused.status == 401
        assert after_death[1:3] == (await door.team.store.read(mark))[1:3]
        assert (await raw.call("whoami", {}, head("key-worker-1-2"))).status == 200


async def test_key_and_end_are_one_transaction(tmp_path: Path) -> None:
    """At the instant at which the end is committed, the files hold no living incarnation of the agent."""
    seen: list[int] = []

    async with mcp_team_door(tmp_path) as door:

        def committed(events: list[Event]) -> None:
            if any(event.kind == "agent.backoff" for event in events):
                for suffix in ("", "-wal"):
                    shutil.copy(tmp_path / f"coordinator.db{suffix}", tmp_path / f"copy.db{suffix}")
                copied = connect_read_only(tmp_path / "copy.db")
                query = "SELECT count(*) FROM incarnation WHERE agent = 'worker-1' AND ended_at IS NULL"
                seen.append(copied.execute(query).fetchone()[0])
                copied.close()

        door.team.store.listen(committed)
        await door.team.crash("worker-1")
    assert seen == [0]


async def test_every_key_is_new_and_only_its_hash_is_stored(tmp_path: Path) -> None:
    async with mcp_team_door(tmp_path) as door:
        for _ in range(3):
            await door.team.crash("worker-1")
            await door.team.start("worker-1")
        rows = await door.team.store.read(
            lambda tx: tx._connection.execute("SELECT key_hash FROM incarnation").fetchall()
        )
        assert len({row["key_hash"] for row in rows}) == len(rows)
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"key-worker-1" not in stored


async def test_canary_a_key_that_is_not_revoked_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Coordinator, "dismiss", lambda *_: None)
    monkeypatch.setattr(agents, "end_incarnation", lambda *_: False)
    async with mcp_team_door(tmp_path) as door:
        await set_scene(door)
        await SmallTeam.crash(door.team, "worker-1")
        answer = await Door(door.url).call("task_complete", LATE, head("key-worker-1-1"))
        assert answer.message["result"]["isError"] is False
