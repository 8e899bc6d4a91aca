"""Fault 19, the logs' half: the disk is full. Output is dropped and counted, what was said last is still
known, no agent is held or ended, and the log says what is missing as soon as there is room."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisor.engine.agent_logs import AgentLogs
from supervisor.logs.log_file import LogFile
from supervisor.logs.writer import AgentLog
from supervisor.model.agent import AgentState
from supervisor.runtime.exits import ProcessExit
from supervisor.testing.chaos import ChaosTeam, chaos_argv
from tests.workshop import Workshop, agent, at_work

MIB = 1_048_576


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no log take a byte."""

    def full(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("supervisor.logs.log_file.os.write", full)
        yield


async def test_an_agent_that_writes_much_is_not_held_and_the_log_tells_of_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = AgentLogs(tmp_path)
    log = logs.begin("worker-1")
    async with ChaosTeam() as team:
        with full_disk(monkeypatch):
            child = team.start("flood", str(64 * MIB), on_output=log.write)
            async with asyncio.timeout(30):
                assert await child.process.wait() == ProcessExit(code=0)
            await child.process.clean_up()
            assert await asyncio.to_thread(log.flush)
        assert log.dropped_bytes == 64 * MIB
        assert logs.last_words("worker-1")[-2].endswith("x" * 83), "known though no disk took it"
    log.write(b"there is room\n")
    await logs.close()
    mark = f"[supervisor: {64 * MIB} bytes of output were dropped: No space left on device]\n"
    assert log.path.read_bytes() == mark.encode() + b"there is room\n"


async def test_agents_are_restarted_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AgentLog(tmp_path / "a.log")
    with full_disk(monkeypatch):
        async with at_work(Workshop(agent("a"), commands={"a": chaos_argv("idle")})) as shop:
            hear = shop._hear

            def keep(marker: str, chunk: bytes) -> bool:
                log.write(chunk)
                return hear(marker, chunk)

            monkeypatch.setattr(shop, "_hear", keep)
            (pid,) = await shop.tree("a#1")
            shop.supervisor.ready("a", 1)
            os.kill(pid, 9)
            await shop.tree("a#2")
            assert shop.supervisor.state_of("a") is AgentState.STARTING
    assert log.dropped_bytes > 0
    log.close()


class Insisting(LogFile):
    """A file that tries until it can."""

    def append(self, data: bytes) -> tuple[int, str]:
        while super().append(data)[0] and not self.is_over:
            pass
        return 0, ""

    is_over = False


async def test_whoever_insists_on_writing_loses_more_than_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canary: a log that will not drop has its agent's output wait, and never comes to the next."""
    file = Insisting(tmp_path / "a.log", max_bytes=MIB, keep=1)
    log, other = AgentLog(file.path, file=file), AgentLog(tmp_path / "b.log")
    with full_disk(monkeypatch):
        log.write(b"one\n")
        await asyncio.sleep(0)
        other.write(b"two\n")
        assert not await asyncio.to_thread(other.flush, timeout_s=0.5)
        file.is_over = True
        assert await asyncio.to_thread(other.flush)
    log.close()
    other.close()
