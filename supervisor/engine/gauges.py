"""What agents, engine and machine use, once a second, for whoever watches and whoever decides."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from supervisor.clock import Clock
from supervisor.engine.self_gauge import SelfGauge
from supervisor.engine.staff import Staff
from supervisor.engine.vitals import Vital, Vitals
from supervisor.model.agent import AgentMetrics, EngineMetrics, MachineMetrics
from supervisor.runtime.close_look import CloseLook, look_closely
from supervisor.runtime.loop_lag import Lag, lag_of_running_loop
from supervisor.runtime.machine import read_machine
from supervisor.runtime.trees import Sampler
from supervisor.transports.control.frame_hub import FrameHub
from supervisor.transports.control.protocol import MetricsFrame

PERIOD_S: Final = 1.0
CLOSE_EVERY_S: Final = 10.0
_NOT_YET: Final = CloseLook()


class Gauges:
    """Samples all process trees in one pass, each closely every ten seconds; nothing is stored."""

    def __init__(self, staff: Staff, hub: FrameHub, clock: Clock, vitals: Vitals, *, session: str) -> None:
        """Measure the staff's processes; `vitals` hears of every sample."""
        self._staff = staff
        self._hub = hub
        self._clock = clock
        self._vitals = vitals
        self._sampler = Sampler(session=session, clock=clock)
        self._engine = SelfGauge(clock, close_every_s=CLOSE_EVERY_S)
        self._close: dict[int, tuple[float, CloseLook]] = {}

    async def measure(self) -> None:
        """Sample and publish a frame each second, until cancelled."""
        while True:
            await self._clock.sleep(PERIOD_S)
            leaders, callers = self._staff.leaders(), self._staff.outside_calls()
            vitals, engine, machine = await asyncio.to_thread(self._sample, leaders, lag_of_running_loop())
            self._vitals.note(vitals, machine)
            agents = [self._metrics(name, vital) for name, vital in vitals.items()]
            agents += [AgentMetrics(name=name, last_call_at=at) for name, at in callers.items()]
            self._hub.publish(
                MetricsFrame(at=self._clock.now(), agents=tuple(agents), engine=engine, machine=machine)
            )

    def _sample(
        self, leaders: Mapping[str, int], lag: Lag
    ) -> tuple[dict[str, Vital], EngineMetrics, MachineMetrics]:
        """Look at all trees, and closely at those whose turn it is; a new one had a second to start."""
        uses = self._sampler.sample(leaders) if leaders else {}
        now = self._clock.monotonic()
        close = {}
        for agent, use in uses.items():
            leader = leaders[agent]
            due_at, look = self._close.get(leader, (now, _NOT_YET))
            if leader in self._close and now >= due_at:
                due_at, look = now + CLOSE_EVERY_S, look_closely(use.pids)
            close[leader] = (due_at, look)
        self._close = close
        vitals = {
            agent: Vital(at=now, leader=leaders[agent], use=use, close=close[leaders[agent]][1])
            for agent, use in uses.items()
        }
        return vitals, self._engine.read(lag), read_machine()

    def _metrics(self, name: str, vital: Vital) -> AgentMetrics:
        use, close = vital.use, vital.close
        return AgentMetrics(
            name=name,
            cpu_percent=round(use.cpu_percent, 1),
            rss_bytes=use.rss_bytes,
            pss_bytes=close.pss_bytes,
            processes=use.processes,
            threads=use.threads,
            open_files=close.open_files,
            read_bytes=close.read_bytes,
            written_bytes=close.written_bytes,
            is_stopped=use.is_stopped,
            last_output_at=self._staff.last_output_at(name),
            last_call_at=self._staff.last_call_of(name),
        )
