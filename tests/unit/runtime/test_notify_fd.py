"""The pipe on which a newline means ready, with real children."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from supervisor.runtime import notify_fd
from supervisor.runtime.launch import Launch
from supervisor.runtime.notify_fd import NotifyPipe
from supervisor.testing.chaos import ChaosChild, ChaosTeam


@pytest.fixture
async def team() -> AsyncIterator[ChaosTeam]:
    async with ChaosTeam() as made:
        yield made


@pytest.fixture
async def pipe() -> AsyncIterator[NotifyPipe]:
    made = NotifyPipe()
    yield made
    made.close()


def start(team: ChaosTeam, pipe: NotifyPipe, program: str) -> ChaosChild:
    plain = team.launch(
        sys.executable, "-S", "-E", "-c", f"import os, time\nfd = int(os.environ['NOTIFY_FD'])\n{program}"
    )
    launch = Launch(
        argv=plain.argv,
        cwd=plain.cwd,
        env={**plain.env, notify_fd.VARIABLE: str(pipe.child_end)},
        session=plain.session,
        agent=plain.agent,
        pass_fds=(pipe.child_end,),
    )
    child = ChaosChild(launch, None)
    pipe.give_up_child_end()
    return child


async def test_a_newline_means_ready_and_is_told_once(team: ChaosTeam, pipe: NotifyPipe) -> None:
    came, times = asyncio.Event(), 0

    def ready() -> None:
        nonlocal times
        times += 1
        came.set()

    child = start(
        team, pipe, "os.write(fd, b'almost '); os.write(fd, b'there\\n\\n\\n'); print('on', flush=True)"
    )
    pipe.listen(ready)
    async with asyncio.timeout(10):
        await came.wait()
        await child.process.wait()
    assert times == 1


async def test_the_end_without_a_newline_is_no_readiness(team: ChaosTeam, pipe: NotifyPipe) -> None:
    told: list[str] = []
    child = start(team, pipe, "os.write(fd, b'no'); os.close(fd); print('on', flush=True)")
    pipe.listen(lambda: told.append("ready"))
    async with asyncio.timeout(10):
        await child.process.wait()
        await asyncio.sleep(0)
    assert told == []


async def test_who_writes_without_end_and_newline_is_not_read_for_ever(
    team: ChaosTeam, pipe: NotifyPipe
) -> None:
    told: list[str] = []
    child = start(
        team,
        pipe,
        "for _ in range(20): os.write(fd, b'x' * 4096)\nos.write(fd, b'\\n')\nprint('on', flush=True)",
    )
    pipe.listen(lambda: told.append("ready"))
    async with asyncio.timeout(10):
        await child.process.wait()
    assert pipe._read == notify_fd.READ_MAX
    assert told == []


async def test_who_writes_on_after_the_newline_is_not_killed_by_it(team: ChaosTeam, pipe: NotifyPipe) -> None:
    came = asyncio.Event()
    child = start(
        team, pipe, "os.write(fd, b'\\n'); [os.write(fd, b'more') for _ in range(99)]; raise SystemExit(7)"
    )
    pipe.listen(came.set)
    async with asyncio.timeout(10):
        await came.wait()
        assert (await child.process.wait()).code == 7


async def test_other_children_do_not_hold_the_pipe(team: ChaosTeam, pipe: NotifyPipe) -> None:
    other = team.start("idle")
    await other.ready()
    held = {fd.readlink() for fd in Path(f"/proc/{other.process.pid}/fd").iterdir()}
    assert Path(f"/proc/self/fd/{pipe.child_end}").readlink() not in held


async def test_it_can_be_closed_at_any_time_and_twice() -> None:
    pipe = NotifyPipe()
    ours = pipe._fd
    pipe.close()
    pipe.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(ours)
