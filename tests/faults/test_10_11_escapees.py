"""Faults 10 and 11: a tool leaves the session of its agent (setsid), or daemonises by a double fork.

It is gone after a stop, and after a crash of the agent too.
"""

from __future__ import annotations

import os
import signal

import pytest

from supervisor.model.health import Containment
from supervisor.model.team import StopLadder
from supervisor.runtime.census import Census
from supervisor.runtime.probe import probe_containment
from supervisor.runtime.sweep import marked
from supervisor.testing.chaos import ChaosTeam, confined, is_alive

QUICK = StopLadder(leader_s=0.3, group_s=0.3, sweep_s=5.0)
LEVELS = [
    each.level
    for each in probe_containment().levels
    if each.available and each.level is not Containment.GROUP
]


@pytest.mark.parametrize("way", ["stop", "crash"])
@pytest.mark.parametrize("mode", ["setsid", "daemon"])
@pytest.mark.parametrize("level", LEVELS)
async def test_it_is_gone(level: Containment, mode: str, way: str) -> None:
    async with confined(level) as team:
        child = team.start(mode)
        await child.ready()
        assert len(marked(team.session)) >= 2
        if way == "stop":
            assert (await child.process.stop(QUICK)).empty
        else:
            child.process.signal_leader(signal.SIGKILL)
            assert (await child.process.clean_up()).empty
        assert marked(team.session) == []


@pytest.mark.parametrize("mode", ["setsid", "daemon"])
async def test_a_kill_of_the_group_alone_misses_it(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary."""
    monkeypatch.setattr(Census, "tree", lambda census, leader, *_, **__: census.group(leader))
    async with ChaosTeam() as team:
        child = team.start(mode)
        leader, escapee = await child.ready()
        os.killpg(leader, signal.SIGKILL)
        assert (await child.process.clean_up()).empty
        assert is_alive(escapee)
