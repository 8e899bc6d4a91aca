"""Fault 18: the machine has no room for another process (EAGAIN) or no memory for one (ENOMEM).

The start counts as a failed one and is tried again with backoff; the agent is not parked at once.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import Any

import pytest

from supervisor.model.agent import ExitClass
from supervisor.testing.chaos import chaos_argv
from tests.workshop import Workshop, agent, at_work

SCRIPT = """
import asyncio, os, resource
from supervisor.clock import SystemClock
from supervisor.runtime.spawn import Launch, SpawnFailed, spawn
async def main():
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    try:
        spawn(
            Launch(argv=("/bin/sleep", "60"), cwd="/", env={}, session="s", agent="a#1"),
            on_output=print,
            clock=SystemClock(),
        )
    except SpawnFailed as failure:
        print(failure.permanent, failure.detail)
asyncio.run(main())
"""


def test_a_user_with_too_many_processes_is_told_so_and_may_try_again() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "False cannot start /bin/sleep: Resource temporarily unavailable\n", done.stderr


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM], ids=["EAGAIN", "ENOMEM"])
async def test_it_is_tried_again_with_backoff(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Workshop(agent("a"), commands={"a": chaos_argv("idle")})
    popen, left = subprocess.Popen, [OSError(number, os.strerror(number)) for _ in range(2)]

    def scarce(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        if left:
            raise left.pop()
        return popen(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", scarce)
    async with at_work(shop):
        await shop.tree("a#3")
        ends = [change.last_exit for change in shop.changes if change.last_exit is not None]
        assert {end.kind for end in ends} == {ExitClass.SPAWN_ERROR}
        assert ends[0].detail.endswith(os.strerror(number))
        assert any(change.next_start_at is not None for change in shop.changes)
