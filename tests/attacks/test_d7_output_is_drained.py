"""D7: output is always drained, in bounded memory; no flood and no disk stops an agent or the others."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from supervisor.logs.chain import older_files
from supervisor.logs.line_index import LineIndex
from supervisor.logs.log_file import LogFile
from supervisor.logs.writer import AgentLog
from supervisor.model.team import StopLadder
from supervisor.runtime.exits import ProcessExit
from supervisor.runtime.proc_table import read_stat
from supervisor.testing.chaos import ChaosTeam, gone

MIB = 1_048_576
NOW = StopLadder()


def own_rss() -> int:
    stat = read_stat(os.getpid())
    assert stat is not None
    return stat.rss_bytes


class Growth:
    """How much memory we gained at most while it was watched."""

    bytes = 0


@asynccontextmanager
async def memory_watched() -> AsyncIterator[Growth]:
    growth, before = Growth(), own_rss()
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.005):
            growth.bytes = max(growth.bytes, own_rss() - before)

    watching = asyncio.get_running_loop().run_in_executor(None, watch)
    yield growth
    is_over.set()
    await watching


def size_on_disk(path: Path) -> int:
    return sum(file.stat().st_size for file in (path, *older_files(path)))


async def test_a_flood_of_half_a_gigabyte_stays_in_bounded_memory_and_disk(tmp_path: Path) -> None:
    log = AgentLog(tmp_path / "a.log", max_bytes=4 * MIB, keep=2)
    async with ChaosTeam() as team, memory_watched() as growth:
        process = team.start("flood", str(512 * MIB), on_output=log.write).process
        async with asyncio.timeout(60):
            assert await process.wait() == ProcessExit(code=0)
        assert (await process.clean_up()).empty
    log.close()
    assert log.dropped_bytes == 0, "it is held back, not cut"
    assert size_on_disk(log.path) <= 12 * MIB
    assert growth.bytes < 50 * MIB


async def test_a_line_of_100_mib_without_a_newline_is_kept_whole_and_shown_in_pieces(tmp_path: Path) -> None:
    log = AgentLog(tmp_path / "a.log", max_bytes=200 * MIB, keep=1)
    async with ChaosTeam() as team, memory_watched() as growth:
        process = team.start("huge-line", str(100 * MIB), on_output=log.write).process
        async with asyncio.timeout(60):
            assert await process.wait() == ProcessExit(code=0)
        await process.clean_up()
    log.close()
    assert growth.bytes < 50 * MIB
    assert log.dropped_bytes == 0
    with LineIndex(log.path) as index:
        assert index.extend() == 100
        assert index.lines(99, 100) == [b"y" * MIB]
        assert index.goes_on(0)
        assert not index.goes_on(99)


async def test_one_line_of_200_kb_arrives_whole() -> None:
    async with ChaosTeam() as team:
        child = team.start("huge-line", "200000")
        await child.process.wait()
        assert child.output == b"y" * 200_000
        await child.process.clean_up()


class StuckFile(LogFile):
    """A file on a disk that hangs until it is freed."""

    freed = threading.Event()

    def append(self, data: bytes) -> tuple[int, str]:
        self.freed.wait(60)
        return super().append(data)


async def test_a_stuck_disk_stops_neither_the_agent_nor_the_loop(tmp_path: Path) -> None:
    StuckFile.freed.clear()
    log = AgentLog(tmp_path / "a.log", file=StuckFile(tmp_path / "a.log", max_bytes=100 * MIB, keep=1))
    try:
        async with ChaosTeam() as team, memory_watched() as growth:
            process = team.start("flood", str(100 * MIB), on_output=log.write).process
            async with asyncio.timeout(30):
                assert await process.wait() == ProcessExit(code=0)
            await process.clean_up()
    finally:
        StuckFile.freed.set()
    log.close()
    assert log.dropped_bytes > 0
    assert growth.bytes < 50 * MIB
    assert b"bytes of output were dropped: the disk is too slow]\n" in log.path.read_bytes()


async def test_writing_on_the_loop_would_stop_everything(tmp_path: Path) -> None:
    """The canary: the same disk, written to by whoever reads the pipe."""
    file = StuckFile(tmp_path / "a.log", max_bytes=MIB, keep=1)
    StuckFile.freed.clear()
    threading.Timer(0.3, StuckFile.freed.set).start()
    async with ChaosTeam() as team:
        child = team.start("flood", "1000", on_output=file.append)
        began = time.monotonic()
        await child.process.wait()
        assert time.monotonic() - began >= 0.25
        await child.process.clean_up()
    file.close()


async def test_a_death_is_seen_at_once_beside_flooders(tmp_path: Path) -> None:
    logs = [AgentLog(tmp_path / f"{number}.log", max_bytes=MIB, keep=1) for number in range(4)]
    delays = []
    async with ChaosTeam() as team:
        flooders = [
            team.start("flood", agent=f"flooder-{number}#1", on_output=log.write)
            for number, log in enumerate(logs)
        ]
        for number in range(11):
            child = team.start("idle", agent=f"quiet-{number}#1")
            (pid,) = await child.ready()
            os.kill(pid, signal.SIGKILL)
            killed_at = time.monotonic()
            await child.process.wait()
            delays.append(time.monotonic() - killed_at)
            await child.process.clean_up()
        await asyncio.gather(*(flooder.process.stop(NOW, now=True) for flooder in flooders))
    for log in logs:
        log.close()
    assert statistics.median(delays) <= 0.05
    assert all(size_on_disk(log.path) <= 2 * MIB for log in logs)


async def test_closing_the_reader_of_a_log_changes_nothing_for_the_agent(tmp_path: Path) -> None:
    log = AgentLog(tmp_path / "a.log")
    async with ChaosTeam() as team:
        process = team.start("flood", str(10 * MIB), on_output=log.write).process
        with LineIndex(log.path) as index:
            while not index.extend():
                await asyncio.sleep(0.001)
        async with asyncio.timeout(30):
            assert await process.wait() == ProcessExit(code=0)
        await process.clean_up()
    log.close()
    assert size_on_disk(log.path) == 10 * MIB


async def test_an_agent_that_closes_its_output_lives_on() -> None:
    async with ChaosTeam() as team:
        child = team.start("close-output")
        (pid,) = await child.ready()
        assert not await gone(pid, within_s=0.1)
        assert (await child.process.stop(NOW, now=True)).empty
