"""Fault 26: one agent writes as fast as it is read. It alone is held back; the deaths and the words of the
others are heard at once, memory stays, and the logs keep their cap."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from pathlib import Path

import pytest

from supervisor.clock import SystemClock
from supervisor.engine.agent_logs import AgentLogs
from supervisor.logs.log_file import LogFile
from supervisor.logs.writer import AgentLog
from supervisor.model.team import StopLadder
from supervisor.runtime import output
from supervisor.testing.chaos import ChaosChild, ChaosTeam
from tests.attacks.test_d7_output_is_drained import memory_watched

MIB = 1_048_576
NOW = StopLadder()
SOON_S = 0.05
ENDLESS = 1_000


async def seen_after(team: ChaosTeam, number: int) -> float:
    """Kill a quiet agent and return after how long that is known."""
    child = team.start("idle", agent=f"quiet-{number}#1")
    (pid,) = await child.ready()
    killed_at = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    await child.process.wait()
    delay_s = time.monotonic() - killed_at
    await child.process.clean_up()
    return delay_s


async def flooder_at_work(team: ChaosTeam, log: AgentLog) -> ChaosChild:
    """Start a flooder and return once it has filled a file."""
    child = team.start("flood", agent="flooder#1", on_output=log.write)
    async with asyncio.timeout(60):
        while not log.path.with_name(f"{log.path.name}.1").exists():
            await asyncio.sleep(0.01)
    return child


async def test_deaths_are_seen_beside_it_and_memory_and_disk_are_bounded(tmp_path: Path) -> None:
    logs = AgentLogs(tmp_path, cap_mib=16, agents=1)
    async with ChaosTeam() as team, memory_watched() as growth:
        flooder = await flooder_at_work(team, logs.begin("flooder"))
        delays = [await seen_after(team, number) for number in range(11)]
        assert (await flooder.process.stop(NOW, now=True)).empty
    await logs.close()
    assert statistics.median(delays) <= SOON_S
    assert growth.bytes <= 32 * MIB
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 16 * MIB


async def chunks_in_a_turn() -> int:
    """Count what one turn of the loop takes from a source that never dries up; ENDLESS are enough."""
    taken: list[int] = []

    def take(chunk: bytes) -> bool:
        taken.append(len(chunk))
        return len(taken) < ENDLESS

    read_end, write_end = os.pipe()
    pipe = output.OutputPipe(read_end, take, SystemClock())
    pipe._loop.remove_reader(read_end)
    zero = os.open("/dev/zero", os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(zero, read_end)
    os.close(zero)
    pipe._readable()
    pipe.close()
    os.close(write_end)
    return len(taken)


async def test_a_budget_without_end_would_let_it_hold_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: without a budget one turn lasts as long as there is something to read."""
    assert await chunks_in_a_turn() == output.CHUNKS_PER_TURN
    monkeypatch.setattr(output, "CHUNKS_PER_TURN", 10 * ENDLESS)
    assert await chunks_in_a_turn() == ENDLESS


class SlowFile(LogFile):
    """A file on a disk that takes 20 MiB a second."""

    def append(self, data: bytes) -> tuple[int, str]:
        time.sleep(len(data) / (20 * MIB))
        return super().append(data)


async def test_a_slow_disk_holds_back_who_fills_it_and_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    log = AgentLog(path, file=SlowFile(path, max_bytes=100 * MIB, keep=1))
    async with ChaosTeam() as team:
        flooder = team.start("flood", agent="flooder#1", on_output=log.write)
        delays = []
        for number in range(5):
            begun = time.monotonic()
            talker = team.start("idle", agent=f"talker-{number}#1")
            await talker.ready()
            delays.append(time.monotonic() - begun)
            assert (await talker.process.stop(NOW, now=True)).empty
        assert (await flooder.process.stop(NOW, now=True)).empty
        written = path.stat().st_size
    await asyncio.to_thread(log.close, timeout_s=10)
    assert log.dropped_bytes == 0, "it is held back, not cut"
    assert written < 200 * MIB
    assert statistics.median(delays) < 1.0
