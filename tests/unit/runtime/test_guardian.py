"""The guardian: when the engine is gone, however it went, nothing of its session is left."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from supervisor.model.team import StopLadder
from supervisor.runtime import guardian as guardian_module
from supervisor.runtime.exits import ProcessExit
from supervisor.runtime.guardian import Guardian, end_guardians
from supervisor.runtime.spawn import SpawnFailed
from supervisor.runtime.sweep import marked, sweep_session
from supervisor.testing.chaos import ChaosTeam, gone, is_alive

PROGRAM = Path(guardian_module.__file__).with_name("guardian_main.py")


class Engine:
    """A miniature engine in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, line: bytes) -> None:
        told = json.loads(line)
        self.process = process
        self.guardian: int = told["guardian"]
        self.pids: list[int] = told["pids"]

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


async def start_engine(session: str, mode: str, count: int, guardian: str = str(PROGRAM)) -> Engine:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "supervisor.testing.doomed_engine", session, mode, str(count), guardian),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return Engine(process, await process.stdout.readline())


async def test_a_killed_engine_leaves_nothing_within_a_second() -> None:
    async with ChaosTeam() as team:
        engine = await start_engine(team.session, "tree", 5)
        assert len(engine.pids) == 30
        assert all(is_alive(pid) for pid in engine.pids)
        await engine.kill()
        assert await gone(*engine.pids, within_s=1.0)
        assert await gone(engine.guardian, within_s=2.0)
        assert marked(team.session) == []


async def test_without_its_sweep_it_would_leave_some(tmp_path: Path) -> None:
    """The canary: a guardian that only notices."""
    broken = tmp_path / "guardian.py"
    source = PROGRAM.read_text()
    broken.write_text(source.replace("while clean < CLEAN_PASSES and", "while False and"))
    assert broken.read_text() != source
    async with ChaosTeam() as team:
        engine = await start_engine(team.session, "tree", 2, str(broken))
        await engine.kill()
        assert await gone(engine.guardian, within_s=2.0)
        assert any(is_alive(pid) for pid in engine.pids)


async def test_it_ignores_the_signals_of_a_terminal() -> None:
    async with ChaosTeam() as team:
        engine = await start_engine(team.session, "setsid", 1)
        for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            os.kill(engine.guardian, signum)
        await engine.kill()
        assert await gone(*engine.pids, within_s=1.0)


async def test_an_engine_killed_with_its_guardian_is_cleared_by_the_next_start() -> None:
    async with ChaosTeam() as team:
        engine = await start_engine(team.session, "tree", 2)
        os.kill(engine.guardian, signal.SIGKILL)
        await engine.kill()
        assert all(is_alive(pid) for pid in engine.pids)
        assert (await sweep_session(team.session)).empty
        assert not any(is_alive(pid) for pid in engine.pids)


async def test_its_death_is_noticed_another_takes_over_and_children_live_on() -> None:
    async with ChaosTeam() as team:
        child = team.start("setsid")
        pids = await child.ready()
        first = await Guardian.start(team.session)
        os.kill(first.pid, signal.SIGKILL)
        async with asyncio.timeout(5):
            assert await first.exited == ProcessExit(signal=signal.SIGKILL)
        assert await first.close()
        second = await Guardian.start(team.session)
        assert all(is_alive(pid) for pid in pids)
        assert not second.exited.done()
        assert await second.close()
        assert await child.process.wait() == ProcessExit(signal=signal.SIGKILL)
        assert (await child.process.clean_up()).empty
        assert not any(is_alive(pid) for pid in pids)


async def test_closing_it_sweeps_a_last_time_and_reaps_it() -> None:
    async with ChaosTeam() as team:
        guardian = await Guardian.start(team.session)
        assert await guardian.close()
        assert await guardian.exited == ProcessExit(code=0)
        assert not Path(f"/proc/{guardian.pid}").exists()
        assert await guardian.close(), "closing twice is harmless"


async def test_a_guardian_that_does_not_end_in_time_is_told() -> None:
    async with ChaosTeam() as team:
        guardian = await Guardian.start(team.session)
        os.kill(guardian.pid, signal.SIGSTOP)
        assert not await guardian.close(timeout_s=0.05)
        os.kill(guardian.pid, signal.SIGCONT)
        assert await guardian.close()


async def test_it_spares_other_sessions() -> None:
    async with ChaosTeam() as team, ChaosTeam() as other:
        child = other.start("tree")
        pids = await child.ready()
        guardian = await Guardian.start(team.session)
        assert await guardian.close()
        assert all(is_alive(pid) for pid in pids)
        await child.process.stop(StopLadder(), now=True)


async def test_one_that_is_stopped_is_ended_with_its_dead_session_and_others_are_not() -> None:
    async with ChaosTeam() as team, ChaosTeam() as other:
        doomed, spared = await Guardian.start(team.session), await Guardian.start(other.session)
        os.kill(doomed.pid, signal.SIGSTOP)
        await end_guardians({team.session})
        assert (await doomed.exited).signal == signal.SIGKILL
        assert not spared.exited.done()
        await doomed.close()
        await spared.close()


def test_it_is_small_and_stands_alone() -> None:
    source = PROGRAM.read_text()
    assert "supervisor" not in source.split('"""', 2)[2]
    assert len(source.splitlines()) <= 110


async def test_it_stays_small_in_memory() -> None:
    async with ChaosTeam() as team:
        guardian = await Guardian.start(team.session)
        while b"pipe_read" not in Path(f"/proc/{guardian.pid}/wchan").read_bytes():
            await asyncio.sleep(0.005)
        rollup = Path(f"/proc/{guardian.pid}/smaps_rollup").read_text()
        pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        assert pss < 8 * 1024
        assert await guardian.close()


@pytest.mark.parametrize("broken", ["os.pipe", "subprocess.Popen", "os.pidfd_open"])
async def test_a_guardian_that_cannot_be_started_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def refused(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(f"supervisor.runtime.guardian.{broken}", refused)
    with pytest.raises(SpawnFailed, match="guardian: ") as caught:
        await Guardian.start("session")
    assert not caught.value.permanent
    assert len(list(Path("/proc/self/fd").iterdir())) == before
