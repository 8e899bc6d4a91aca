"""Fault 24: a line of 100 MB that never ends. It is kept whole in the raw log, shown in pieces of 1 MiB that
say so, and costs no more memory than other output."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from supervisor.logs.chain import older_files
from supervisor.logs.line_index import LineIndex
from supervisor.logs.tail import GOES_ON, last_lines
from supervisor.logs.writer import AgentLog
from supervisor.runtime.exits import ProcessExit
from supervisor.testing.chaos import ChaosTeam, chaos_argv
from tests.attacks.test_d7_output_is_drained import memory_watched

MIB = 1_048_576
SIZE = 100_000_000


async def test_no_byte_of_it_is_lost_and_memory_stays_bounded(tmp_path: Path) -> None:
    log = AgentLog(tmp_path / "a.log", max_bytes=10 * MIB, keep=12)
    async with ChaosTeam() as team, memory_watched() as growth:
        process = team.start("huge-line", str(SIZE), on_output=log.write).process
        async with asyncio.timeout(60):
            assert await process.wait() == ProcessExit(code=0)
        await process.clean_up()
    log.close()
    files = [log.path, *older_files(log.path)]
    assert sum(file.stat().st_size for file in files) == SIZE
    assert log.dropped_bytes == 0
    assert growth.bytes < 32 * MIB
    with LineIndex(log.path) as index:
        assert index.extend() > 95, "pieces of a mebibyte"
        assert index.goes_on(0)
        assert all(len(line) <= MIB for number in range(3) for line in index.lines(number, number + 1))
    last = last_lines(log.path, 3)
    assert last[0] == b"y" * MIB + GOES_ON
    assert not last[-1].endswith(GOES_ON)


async def test_a_reader_of_lines_loses_it() -> None:
    """The canary: the library's own way to read lines gives up where a line is longer than it likes."""
    child = await asyncio.create_subprocess_exec(
        *chaos_argv("huge-line", "1000000"), stdout=asyncio.subprocess.PIPE, stderr=sys.stderr.fileno()
    )
    assert child.stdout is not None
    with pytest.raises(ValueError, match="limit"):
        await child.stdout.readline()
    child.kill()
    while await child.stdout.read(MIB):
        pass
    await child.wait()
