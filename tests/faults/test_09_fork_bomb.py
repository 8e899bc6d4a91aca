"""Fault 9: an agent is a fork bomb, in its own group or hopping from session to session.

All of it dies at every level of containment; against hoppers the group alone does not help.
"""

from __future__ import annotations

import asyncio

import pytest

from supervisor.model.health import Containment
from supervisor.model.team import StopLadder
from supervisor.runtime.census import Census
from supervisor.runtime.probe import probe_containment
from supervisor.runtime.proc_table import read_stat
from supervisor.runtime.sweep import marked
from supervisor.testing.chaos import ChaosTeam, confined

NOW = StopLadder(sweep_s=10.0)
LEVELS = [
    each.level
    for each in probe_containment().levels
    if each.available and each.level is not Containment.GROUP
]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("mode", [("bomb", "300"), ("hopper", "20")], ids=["in the group", "hopping"])
async def test_all_of_it_dies(level: Containment, mode: tuple[str, ...]) -> None:
    async with confined(level) as team:
        child = team.start(*mode)
        await child.ready()
        async with asyncio.timeout(20):
            while len(marked(team.session)) < (30 if mode[0] == "bomb" else 2):
                await asyncio.sleep(0)
        end = await child.process.stop(NOW, now=True)
        assert end.empty
        assert marked(team.session) == []


async def test_a_kill_of_the_group_alone_misses_hoppers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary."""
    async with ChaosTeam() as team:
        child = team.start("hopper", "20")
        (leader,) = await child.ready()
        async with asyncio.timeout(20):
            while not hopped(team.session, leader):
                await asyncio.sleep(0)
        with monkeypatch.context() as patch:
            patch.setattr(Census, "tree", lambda census, leader, *_, **__: census.group(leader))
            await child.process.stop(NOW, now=True)
        async with asyncio.timeout(20):  # one that is between two hops can be missed by a look
            while not marked(team.session):
                await asyncio.sleep(0)


def hopped(session: str, leader: int) -> bool:
    stats = [read_stat(ref.pid) for ref in marked(session)]
    return any(stat is not None and stat.group != leader for stat in stats)
