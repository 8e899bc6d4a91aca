"""What the agents use, once a second, for whoever watches."""

from __future__ import annotations

import asyncio
from typing import Final

from supervisor.clock import Clock
from supervisor.engine.staff import Staff
from supervisor.model.agent import AgentMetrics
from supervisor.runtime.trees import Sampler
from supervisor.transports.control.frame_hub import FrameHub
from supervisor.transports.control.protocol import MetricsFrame

PERIOD_S: Final = 1.0


class Gauges:
    """Samples all process trees in one pass and publishes a frame; nothing is stored."""

    def __init__(self, staff: Staff, hub: FrameHub, clock: Clock, *, session: str) -> None:
        """Measure the staff's processes."""
        self._staff = staff
        self._hub = hub
        self._clock = clock
        self._sampler = Sampler(session=session, clock=clock)

    async def measure(self) -> None:
        """Publish a frame each second while agents live or call from outside, until cancelled."""
        while True:
            await self._clock.sleep(PERIOD_S)
            leaders, callers = self._staff.leaders(), self._staff.outside_calls()
            if not leaders and not callers:
                continue
            uses = await asyncio.to_thread(self._sampler.sample, leaders)
            outside = (AgentMetrics(name=name, last_call_at=at) for name, at in callers.items())
            agents = tuple(
                AgentMetrics(
                    name=name,
                    cpu_percent=round(use.cpu_percent, 1),
                    rss_bytes=use.rss_bytes,
                    processes=use.processes,
                    last_output_at=self._staff.last_output_at(name),
                    last_call_at=self._staff.last_call_of(name),
                )
                for name, use in uses.items()
            )
            self._hub.publish(MetricsFrame(at=self._clock.now(), agents=(*agents, *outside)))
