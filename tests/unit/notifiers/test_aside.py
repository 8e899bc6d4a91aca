"""Blocking calls hold up neither the loop nor the end of the process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from supervisor.notifiers.aside import AllBusy, Aside

ROOT = Path(__file__).resolve().parents[3]


async def test_the_answer_and_the_failure_come_back() -> None:
    aside = Aside()

    def fail() -> None:
        raise OSError("broken")

    assert await aside.run(lambda: 42) == 42
    with pytest.raises(OSError, match="broken"):
        await aside.run(fail)


async def test_who_gives_up_waiting_is_free_at_once_and_the_thread_still_counts() -> None:
    aside, gate = Aside(limit=1), threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await aside.run(gate.wait)
    with pytest.raises(AllBusy):
        await aside.run(lambda: 1)
    gate.set()
    async with asyncio.timeout(10):
        while True:
            try:
                assert await aside.run(lambda: 1) == 1
                break
            except AllBusy:
                await asyncio.sleep(0.01)


async def test_a_thread_that_cannot_be_started_is_said_and_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    aside = Aside(limit=1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(AllBusy):
            await aside.run(lambda: 1)
    assert await aside.run(lambda: 1) == 1


PROGRAM = """
import asyncio, contextlib, time
from supervisor.notifiers.aside import Aside

async def main():
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await {how}

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("how", "quick"),
    [
        ("Aside().run(lambda: time.sleep(4))", True),
        ("asyncio.to_thread(time.sleep, 4)", False),  # the canary: what everybody else would use waits
    ],
)
def test_a_process_ends_though_a_call_still_hangs(how: str, quick: bool) -> None:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", PROGRAM.format(how=how)], cwd=ROOT, check=True, timeout=30)
    assert (time.monotonic() - began < 3.5) is quick
