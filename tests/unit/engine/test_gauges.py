"""What is measured each second: of real trees, of the engine itself, and for whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

from supervisor.engine.gauges import CLOSE_EVERY_S, Gauges
from supervisor.engine.self_gauge import SelfGauge
from supervisor.engine.staff import Staff
from supervisor.engine.vitals import Vital, Vitals
from supervisor.model.team import StopLadder
from supervisor.runtime.loop_lag import Lag
from supervisor.testing.chaos import ChaosTeam
from supervisor.testing.clock import VirtualClock
from supervisor.transports.control.frame_hub import FrameHub
from supervisor.transports.control.protocol import MetricsFrame

_LADDER = StopLadder()


class Crew:
    """As much of a staff as is measured."""

    def __init__(self, leaders: Mapping[str, int]) -> None:
        self._leaders = dict(leaders)

    def leaders(self) -> dict[str, int]:
        return self._leaders

    def outside_calls(self) -> dict[str, float]:
        return {"lens": 5.0}

    def last_output_at(self, _agent: str) -> float | None:
        return 3.0

    def last_call_of(self, _agent: str) -> float | None:
        return 4.0


class Measured:
    """Gauges in virtual time, and what they told."""

    def __init__(self, session: str, leaders: Mapping[str, int]) -> None:
        self.clock, self.hub, self.vitals = VirtualClock(), FrameHub(), Vitals(lambda _agent: "pool")
        self.heard: list[Mapping[str, Vital]] = []
        self.something = asyncio.Event()
        self.vitals.listen(self._hear)
        staff = cast("Staff", Crew(leaders))
        self.gauges = Gauges(staff, self.hub, self.clock, self.vitals, session=session)

    def _hear(self, vitals: Mapping[str, Vital]) -> None:
        self.heard.append(vitals)
        self.something.set()

    async def seconds(self, count: int) -> MetricsFrame:
        """Let seconds pass, each once what was measured in the one before is told."""
        for _ in range(count):
            told = len(self.heard)
            await self.clock.advance(1.0)
            async with asyncio.timeout(10):
                while len(self.heard) == told:
                    self.something.clear()
                    await self.something.wait()
            await asyncio.sleep(0)
        assert self.hub.metrics is not None
        return self.hub.metrics


@asynccontextmanager
async def measuring(session: str, leaders: Mapping[str, int]) -> AsyncIterator[Measured]:
    measured = Measured(session, leaders)
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(measured.gauges.measure())
        await asyncio.sleep(0)
        yield measured
        work.cancel()


async def test_a_tree_is_sampled_each_second_and_closely_every_ten() -> None:
    async with ChaosTeam() as team:
        child = team.start("group")
        await child.ready()
        async with measuring(team.session, {"worker-1": child.process.pid}) as measured:
            first = (await measured.seconds(1)).agents[0]
            assert (first.name, first.processes, first.threads) == ("worker-1", 2, 2)
            assert first.pss_bytes is None, "a new one is given a second to start"
            assert (first.last_output_at, first.last_call_at) == (3.0, 4.0)
            second = (await measured.seconds(1)).agents[0]
            assert second.pss_bytes is not None
            assert 0 < second.pss_bytes < second.rss_bytes
            assert second.open_files is not None
            look = measured.heard[-1]["worker-1"].close
            await measured.seconds(int(CLOSE_EVERY_S) - 1)
            assert measured.heard[-1]["worker-1"].close is look
            await measured.seconds(1)
            assert measured.heard[-1]["worker-1"].close is not look
        await child.process.stop(_LADDER, now=True)


async def test_engine_machine_and_outside_agents_are_in_the_frame() -> None:
    async with measuring("s", {}) as measured:
        frame = await measured.seconds(1)
    assert [(agent.name, agent.last_call_at) for agent in frame.agents] == [("lens", 5.0)]
    assert frame.engine is not None
    assert frame.engine.rss_bytes > 1_000_000
    assert frame.machine is not None
    assert frame.machine.memory_bytes > 0
    assert measured.vitals.machine == frame.machine


async def test_the_engine_measures_itself() -> None:
    clock = VirtualClock()
    gauge = SelfGauge(clock, close_every_s=10.0)
    await clock.advance(1.0)
    first = gauge.read(Lag(p99_ms=1.26, max_ms=7.0))
    assert (first.lag_p99_ms, first.lag_max_ms) == (1.3, 7.0)
    assert first.pss_bytes is not None
    assert gauge.read(Lag()).cpu_percent == 0.0, "no time has passed"
    sum(range(3_000_000))
    await clock.advance(1.0)
    assert gauge.read(Lag()).cpu_percent > 0
