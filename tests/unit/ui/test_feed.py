"""The live picture: snapshot, events, gaps, losses and returns."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Self

from supervisor.model.agent import AgentMetrics
from supervisor.testing import sample_team
from supervisor.testing.clock import VirtualClock
from supervisor.testing.fake_feed import FakeEngine
from supervisor.ui.feed import LiveTeam
from supervisor.ui.glyphs import UNICODE
from supervisor.ui.scene import Link


class Following:
    """A live team that follows a fake engine for the length of a test."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.engine = FakeEngine(self.clock)
        self.live = LiveTeam(self.clock)
        sample_team.fill(self.engine)

    async def __aenter__(self) -> Self:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._task = self._group.create_task(self.live.follow(self.engine.connect))
        await self.clock.settle()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._task.cancel()
        await self._group.__aexit__(None, None, None)


async def test_a_snapshot_and_then_events_make_the_picture() -> None:
    async with Following() as team:
        scene = team.live.scene(UNICODE)
        assert scene.link is Link.LIVE
        assert len(scene.world.agents) == 9
        team.engine.put(replace(scene.world.agents["worker-1"], restarts=7))
        await team.clock.settle()
        assert team.live.scene(UNICODE).world.agents["worker-1"].restarts == 7


async def test_every_change_raises_the_version_and_quiet_does_not() -> None:
    async with Following() as team:
        before = team.live.version
        await team.clock.advance(60)
        assert team.live.version == before
        team.engine.measure(AgentMetrics(name="worker-1", cpu_percent=3.0))
        await team.clock.settle()
        assert team.live.version > before


async def test_the_events_before_the_snapshot_can_be_read() -> None:
    async with Following() as team:
        assert [event.seq for event in team.live.scene(UNICODE).recent] == list(
            range(1, team.engine.world.seq + 1)
        )


async def test_a_lost_engine_is_noticed_and_tried_again_until_it_is_back() -> None:
    async with Following() as team:
        team.engine.drop()
        await team.clock.settle()
        assert team.live.scene(UNICODE).link is Link.LOST
        assert len(team.live.scene(UNICODE).world.agents) == 9
        await team.clock.advance(30)
        assert team.live.scene(UNICODE).link is Link.LOST
        team.engine.is_up = True
        await team.clock.advance(3)
        assert team.live.scene(UNICODE).link is Link.LIVE


async def test_an_engine_that_says_goodbye_has_ended_and_says_why() -> None:
    async with Following() as team:
        team.engine.end("the work is done")
        await team.clock.advance(10)
        scene = team.live.scene(UNICODE)
        assert (scene.link, scene.link_reason) == (Link.ENDED, "the work is done")


async def test_waiting_for_an_engine_changes_nothing_on_screen() -> None:
    async with Following() as team:
        team.engine.drop()
        await team.clock.advance(5)
        before = team.live.version
        await team.clock.advance(60)
        assert team.live.version == before


async def test_the_engine_can_ask_for_the_bell() -> None:
    async with Following() as team:
        seq = team.live.scene(UNICODE).world.seq
        team.engine.ring()
        await team.clock.settle()
        assert team.live.rings == 1
        assert team.live.scene(UNICODE).world.seq == seq
