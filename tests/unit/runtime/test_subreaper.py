"""Orphans come to us and are buried by name."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from supervisor.model.team import StopLadder
from supervisor.runtime.proc_table import read_stat, read_table
from supervisor.runtime.subreaper import adopted, become_subreaper, birth, bury, disown, own, reap_adopted
from supervisor.runtime.sweep import sweep_strays
from supervisor.testing.chaos import ChaosTeam, gone, is_alive

PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(autouse=True)
def subreaper() -> Iterator[None]:
    assert become_subreaper()
    yield
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


async def test_an_orphan_becomes_our_child_and_its_death_leaves_no_zombie() -> None:
    async with ChaosTeam() as team:
        child = team.start("daemon")
        leader, orphan = await child.ready()
        assert orphan in {stat.pid for stat in adopted(read_table())}
        assert (await child.process.stop(StopLadder())).empty
        assert read_stat(orphan) is None
        assert read_stat(leader) is None


async def test_strays_of_any_agent_can_be_killed_in_the_end() -> None:
    async with ChaosTeam() as team:
        child = team.start("unmarked")
        leader, stray = await child.ready()
        os.kill(leader, 9)
        await child.process.clean_up()
        assert is_alive(stray), "nothing tells whose it was once its parent is gone"
        assert (await sweep_strays()).empty
        assert read_stat(stray) is None


async def test_children_that_somebody_waits_for_are_left_to_them() -> None:
    ours = subprocess.Popen([sys.executable, "-S", "-c", "pass"], start_new_session=True)
    own(ours.pid)
    helper = subprocess.Popen([sys.executable, "-S", "-c", "pass"])
    assert await gone(ours.pid, helper.pid, within_s=5)
    buried = reap_adopted()
    bury(ours.pid)
    assert ours.pid not in buried
    assert helper.pid not in buried
    assert ours.wait() == 0
    assert helper.wait() == 0
    disown(ours.pid)


async def test_a_child_just_born_is_no_orphan_for_another_thread() -> None:
    is_burying = threading.Event()

    def bury_it() -> None:
        is_burying.set()
        bury(child.pid)

    with birth:
        child = subprocess.Popen([sys.executable, "-S", "-c", "pass"], start_new_session=True)
        thread = threading.Thread(target=bury_it)
        thread.start()
        is_burying.wait(5)
        assert await gone(child.pid, within_s=5)
        own(child.pid)
    thread.join()
    assert child.wait() == 0
    disown(child.pid)


async def test_without_the_register_a_status_would_be_stolen() -> None:
    """The canary: an unregistered child in a session of its own looks like an orphan."""
    with subprocess.Popen(
        [sys.executable, "-S", "-c", "raise SystemExit(3)"], start_new_session=True
    ) as child:
        assert await gone(child.pid, within_s=5)
        assert child.pid in reap_adopted()
        assert child.wait() == 0, "Popen found no status and made one up"


def test_elsewhere_there_is_no_subreaper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not become_subreaper()
