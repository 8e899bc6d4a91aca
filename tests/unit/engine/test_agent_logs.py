"""The agents' logs as the engine keeps them: last words, losses told now and then, the cap told once."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from supervisor.engine.agent_logs import AgentLogs
from supervisor.model.event import Event
from supervisor.testing.small_team import SmallTeam, small_team


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[SmallTeam]:
    async with small_team(tmp_path) as running:
        yield running


class Ear:
    """Hears what is committed."""

    def __init__(self, team: SmallTeam) -> None:
        self.events: list[Event] = []
        self._heard = asyncio.Event()
        team.store.listen(self._take)

    def _take(self, events: list[Event]) -> None:
        self.events += events
        self._heard.set()

    async def told(self, kind: str, *, times: int) -> list[Event]:
        """Return the events of a kind once there are so many."""
        async with asyncio.timeout(10):
            while len(found := [event for event in self.events if event.kind == kind]) < times:
                self._heard.clear()
                await self._heard.wait()
        return found


def test_last_words_are_those_of_the_newest_incarnation(tmp_path: Path) -> None:
    logs = AgentLogs(tmp_path)
    assert logs.last_words("worker-1") == ()
    logs.begin("worker-1").write(b"first\n")
    logs.begin("worker-1").write("zwei\r\n\x1b[31mred \xff\n".encode("latin-1"))
    assert logs.last_words("worker-1") == ("zwei", "\x1b[31mred \ufffd")


def test_last_words_are_short_whatever_was_said(tmp_path: Path) -> None:
    logs = AgentLogs(tmp_path)
    log = logs.begin("worker-1")
    log.write(b"".join(b"%d\n" % number for number in range(200)))
    assert logs.last_words("worker-1") == tuple(str(number) for number in range(150, 200))
    log.write(b"x" * 10_000 + b"\nend\n")
    assert logs.last_words("worker-1") == ("x" * 4_092, "end")


def test_an_agent_keeps_its_file_over_incarnations(tmp_path: Path) -> None:
    logs = AgentLogs(tmp_path)
    assert logs.begin("worker-1") is logs.begin("worker-1")
    assert logs.begin("worker-1").path == tmp_path / "worker-1.log"


async def test_what_was_dropped_is_told_once_a_minute(
    team: SmallTeam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    logs, ear = AgentLogs(tmp_path), Ear(team)
    log = logs.begin("worker-1")
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(logs.keep_watch(team.coordinator, team.clock))
        monkeypatch.setattr("supervisor.logs.log_file.os.write", full)
        log.write(b"lost\n")
        log.flush()
        await team.clock.advance(1.5)
        (first,) = await ear.told("engine.output_dropped", times=1)
        for _ in range(2):
            log.write(b"lost\n")
            log.flush()
            await team.clock.advance(1.5)
        assert first.subject == "worker-1"
        assert first.after == {"dropped_bytes": 5}
        assert first.reason == "5 bytes of its output were dropped: No space left on device"
        await team.clock.advance(60)
        both = await ear.told("engine.output_dropped", times=2)
        assert [each.after["dropped_bytes"] for each in both] == [5, 10]
        watch.cancel()


async def test_that_the_cap_was_reached_is_told_once(team: SmallTeam, tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    directory.mkdir()
    (directory / "former.log.1").write_bytes(b"x" * (2 << 20))
    logs, ear = AgentLogs(directory, cap_mib=1), Ear(team)
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(logs.keep_watch(team.coordinator, team.clock))
        log = logs.begin("worker-1")
        log.write(b"hello\n")
        assert await asyncio.to_thread(log.flush)
        await team.clock.advance(5)
        await ear.told("engine.logs_capped", times=1)
        await team.clock.advance(5)
        (only,) = await ear.told("engine.logs_capped", times=1)
        assert only.after == {"cap_mib": 1}
        watch.cancel()
    await logs.close()
    assert not (directory / "former.log.1").exists()
