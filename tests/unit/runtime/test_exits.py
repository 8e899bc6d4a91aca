"""Exits without pidfd, stolen statuses, and signals to nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess

import pytest

from supervisor.runtime import exits
from supervisor.runtime.exits import ExitWatch, ProcessExit


class Watched:
    """A sleeping child and what its watch told."""

    def __init__(self) -> None:
        self.child = subprocess.Popen(["sleep", "60"], start_new_session=True)
        self.told: asyncio.Future[ProcessExit] = asyncio.get_running_loop().create_future()
        self.watch = ExitWatch(self.child.pid, self.told.set_result)
        self.child.returncode = 0

    async def end(self) -> ProcessExit:
        async with asyncio.timeout(5):
            return await self.told


def no_pidfd(pid: int) -> int:
    raise NotImplementedError


@pytest.fixture(params=["pidfd", "refused", "absent"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "refused":
        monkeypatch.setattr(os, "pidfd_open", no_pidfd)
    if request.param == "absent":
        monkeypatch.setattr(exits, "HAS_PIDFD", False)


@pytest.mark.usefixtures("kernel")
async def test_an_exit_is_told_and_the_zombie_kept_until_reaped() -> None:
    watched = Watched()
    assert not watched.watch.reap()
    watched.watch.send(signal.SIGTERM)
    assert await watched.end() == ProcessExit(signal=signal.SIGTERM)
    watched.watch.send_group(signal.SIGKILL)  # still ours to signal, and nobody else's
    assert watched.watch.reap()
    assert watched.watch.reap()
    with pytest.raises(ChildProcessError):
        os.waitpid(watched.child.pid, os.WNOHANG)


@pytest.mark.usefixtures("kernel")
async def test_a_status_that_somebody_stole_is_no_status_and_stops_all_signals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = Watched()
    watched.watch.send_group(signal.SIGKILL)
    os.waitpid(watched.child.pid, 0)  # faster than the loop
    exit_told = await watched.end()
    assert exit_told in (ProcessExit(), ProcessExit(signal=signal.SIGKILL))
    assert watched.watch.reap()
    monkeypatch.setattr(os, "killpg", lambda *_: pytest.fail("that group may be anybody's"))
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("that pid may be anybody's"))
    watched.watch.send_group(signal.SIGKILL)
    watched.watch.send(signal.SIGKILL)
