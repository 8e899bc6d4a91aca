"""Five hundred starts and ends of trees that flee and do not listen: nobody is left, no stranger is touched.

Half of the trees are stopped, half are left by a leader that crashes. Strangers with the same command line,
and one that says every signal it gets, stand by. A number that is used again: `test_39_pid_reuse.py`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from supervisor.model.health import Containment
from supervisor.model.team import StopLadder
from supervisor.runtime.census import Census
from supervisor.runtime.probe import probe_containment
from supervisor.runtime.sweep import marked
from supervisor.testing.chaos import ChaosChild, ChaosTeam, chaos_argv, confined

CYCLES = 500
AT_ONCE = 10
LADDER = StopLadder(leader_s=0.05, group_s=0.05, sweep_s=10.0)
SHAPES = {
    "double fork": '(setsid sh -c "sleep 3600 & sleep 3600 &" &); echo up; exec sleep 3600',
    "setsid": "setsid sleep 3600 & echo up; exec sleep 3600",
    "deaf": 'trap "" TERM INT HUP; sleep 3600 & echo up; wait',
    "deaf and fled": 'trap "" TERM INT HUP; (setsid sleep 3600 &); setsid sleep 3600 & echo up; wait',
    "deaf member": '(trap "" TERM INT HUP; exec sleep 3600) & echo up; exec sleep 3600',
}
LEVELS = [
    each.level
    for each in probe_containment().levels
    if each.available and each.level in {Containment.CGROUP, Containment.GROUP_MARKER}
]


async def cycle(team: ChaosTeam, number: int) -> bool:
    """Start one tree, end it in one of two ways, and say whether it is told to be empty."""
    script = list(SHAPES.values())[number % len(SHAPES)]
    child = ChaosChild(team.launch("sh", "-c", script, agent=f"w#{number}"), None, team.confinement)
    await child.says(b"up\n")
    if number % 2:
        return (await child.process.stop(LADDER)).empty
    child.process.signal_leader(signal.SIGKILL)
    return (await child.process.clean_up()).empty


async def cycles(team: ChaosTeam, count: int) -> int:
    """Run so many cycles, some at once; return how many trees were told to be empty."""
    numbers, ends = iter(range(count)), []

    async def go_on() -> None:
        for number in numbers:
            ends.append(await cycle(team, number))  # noqa: PERF401 - several take from one iterator

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(go_on())
    return sum(ends)


@asynccontextmanager
async def strangers() -> AsyncIterator[tuple[int, Callable[[], bytes]]]:
    """Let strangers stand by that look like ours, and give the witness's pid and what it heard.

    All must live at the end.
    """
    with subprocess.Popen(
        chaos_argv("witness"), stdout=subprocess.PIPE, start_new_session=True, env={}
    ) as witness:
        assert witness.stdout is not None
        witness.stdout.readline()
        standing = [witness]
        for shape in ("deaf", "deaf member"):
            command = ["sh", "-c", SHAPES[shape]]
            standing.append(
                subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True, env={})
            )
        try:
            yield witness.pid, lambda: _heard(witness)
            assert [each.poll() for each in standing] == [None] * len(standing)
        finally:
            for each in standing:
                os.killpg(each.pid, signal.SIGKILL)
                each.wait()


def _heard(witness: subprocess.Popen[bytes]) -> bytes:
    """Send the witness the signal with the highest number, which it says last; return what comes before."""
    assert witness.stdout is not None
    witness.send_signal(signal.SIGRTMAX)
    heard = b""
    while (line := witness.stdout.readline()) != b"signal %d\n" % signal.SIGRTMAX:
        heard += line
    return heard


@pytest.mark.parametrize("level", LEVELS)
async def test_nobody_is_left_and_no_stranger_is_touched(
    level: Containment, campaign: Callable[[str], None], long: int
) -> None:
    async with strangers() as (_, heard), confined(level) as team:
        assert await cycles(team, CYCLES * long) == CYCLES * long
        assert marked(team.session) == []
        assert heard() == b""
    campaign(f"{CYCLES * long} starts and ends of fleeing trees held by {level.value}: nobody left")


async def test_without_the_sweep_many_would_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: ten cycles by the process group alone."""
    async with ChaosTeam() as team:
        with monkeypatch.context() as patch:
            patch.setattr(Census, "tree", lambda census, leader, *_, **__: census.group(leader))
            assert await cycles(team, 10) == 10
        assert len(marked(team.session)) >= 6


async def test_a_signal_to_a_stranger_would_be_heard() -> None:
    """The canary of the witness."""
    async with strangers() as (witness, heard):
        os.kill(witness, signal.SIGTERM)
        assert heard() == b"signal 15\n"
