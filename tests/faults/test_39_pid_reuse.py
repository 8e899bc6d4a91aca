"""Fault 39: the number of a process that ended comes to mean a stranger. The stranger is left alone.

The numbers are really used again: a PID namespace of its own counts from where it is told to. Where that is
not allowed, no such number can be forced, and the processes are told apart by their start times only.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from supervisor.model.health import Containment
from supervisor.runtime.probe import probe_containment
from supervisor.runtime.proc_table import ProcRef, read_stat
from supervisor.runtime.sweep import kill_refs

SCRIPT = r"""
import asyncio, json, os, signal, subprocess, time
from supervisor.clock import SystemClock
from supervisor.engine.recovery import Remains
from supervisor.model.team import StopLadder
from supervisor.runtime.proc_table import read_stat
from supervisor.testing.chaos import ChaosTeam, chaos_argv, gone

QUICK = StopLadder(leader_s=0.2, group_s=0.2, sweep_s=3.0)

def recycle(pid, argv):
    with open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write(str(pid - 1))
    return subprocess.Popen(argv, env={}, stdout=subprocess.DEVNULL, start_new_session=True)

async def main():
    told = {}
    async with ChaosTeam() as team:
        child = team.start("setsid")
        leader, member = await child.ready()
        await child.process._tree.members()  # from now on the member is known by its number
        before = read_stat(member)
        os.kill(member, signal.SIGKILL)
        assert await gone(member, within_s=10)
        while read_stat(member) is not None:  # its parent never waits: end that too, and bury what came to us
            os.kill(leader, signal.SIGKILL)
            await child.process.wait()
            try:
                os.waitpid(member, 0)
            except ChildProcessError:
                await asyncio.sleep(0.01)
        while time.clock_gettime(time.CLOCK_BOOTTIME) * 100 - before.start_time < 3:
            time.sleep(0.01)
        stranger = recycle(member, chaos_argv("setsid"))
        told["same_number"] = stranger.pid == member
        told["known_by_number"] = member in {ref.pid for ref in child.process._tree._kin}
        told["ended"] = (await child.process.stop(QUICK)).empty
        told["remains_empty"] = (await Remains(sessions=frozenset({team.session}),
                                               leaders=frozenset({before.ref})).end()).empty
        told["stranger_lives"] = stranger.poll() is None
        os.kill(member, signal.SIGKILL)  # the canary: whoever believed the bare number
        told["a_bare_number_kills_it"] = stranger.wait(10) == -signal.SIGKILL
        held = team.start("idle", agent="b#1")
        (pid,) = await held.ready()
        held.process.signal_leader(signal.SIGKILL)
        await held.process.wait()
        other = recycle(pid, ["sleep", "60"])
        told["a_dead_leader_keeps_its_number"] = other.pid != pid
        told["group_end"] = (await held.process.clean_up()).empty
        told["other_lives"] = other.poll() is None
        other.kill()
        other.wait()
    print(json.dumps(told))

asyncio.run(main())
"""
INSIDE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc")
CAN_NAMESPACE = probe_containment().of(Containment.PIDNS).available


def test_a_stranger_with_a_number_used_again_is_left_alone() -> None:
    if not CAN_NAMESPACE:
        told_apart_by_start_time()
        return
    done = subprocess.run(
        [*INSIDE, sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told.values()) == {True}, told


def told_apart_by_start_time() -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        stat = read_stat(stranger.pid)
        assert stat is not None
        assert ProcRef(pid=stranger.pid, start_time=stat.start_time - 1) != stat.ref
        stranger.kill()


@pytest.mark.parametrize("is_same", [False, True], ids=["another start time", "the same"])
async def test_identity_is_number_and_start_time(is_same: bool) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        stat = read_stat(stranger.pid)
        assert stat is not None
        await kill_refs([ProcRef(pid=stranger.pid, start_time=stat.start_time - (0 if is_same else 1))])
        assert (stranger.poll() is None) is not is_same
        stranger.kill()
