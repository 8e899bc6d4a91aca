"""Fault 13: an agent ignores TERM, INT and HUP. It is killed at the end of the ladder: by default 16 s."""

from __future__ import annotations

import signal
import time

from supervisor.model.team import StopLadder
from supervisor.runtime.exits import ProcessExit
from supervisor.testing.chaos import ChaosTeam, is_alive


def test_the_ladder_takes_at_most_as_long_as_is_promised() -> None:
    ladder = StopLadder()
    assert ladder.leader_s + ladder.group_s + ladder.polite_s == 15.0
    assert ladder.sweep_s <= 2.0


async def test_it_is_killed_when_its_time_is_over_and_not_before() -> None:
    async with ChaosTeam() as team:
        child = team.start("ignore-term")
        (pid,) = await child.ready()
        began = time.monotonic()
        assert (await child.process.stop(StopLadder(leader_s=0.4, group_s=0.3, sweep_s=5.0))).empty
        assert 0.7 <= time.monotonic() - began < 5.0
        assert child.process.exit == ProcessExit(signal=signal.SIGKILL)
        assert not is_alive(pid)


async def test_an_obedient_one_takes_none_of_that_time() -> None:
    """The canary: a ladder that waits out its rungs would take a minute here."""
    async with ChaosTeam() as team:
        child = team.start("idle")
        await child.ready()
        began = time.monotonic()
        assert (await child.process.stop(StopLadder(leader_s=60.0, group_s=60.0))).empty
        assert time.monotonic() - began < 10.0
