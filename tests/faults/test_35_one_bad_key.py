"""Fault 35: one bad API key. All agents end with code 1 within three seconds of every start.

The team's circuit breaker holds all of them after two restarts of each, which is said once for the team and
not once for each agent; then one agent tries in a while. With a key that works they all come back.
"""

from __future__ import annotations

import asyncio

import pytest

from supervisor.model.agent import AgentState
from supervisor.model.team import Backoff
from supervisor.supervision.breaker import Breaker
from supervisor.testing.clock import VirtualClock
from supervisor.testing.processes import PaperLauncher, PaperProcess
from tests.unit.supervision.conftest import RunTeam, Team, child

SIZE = 50
AGENTS = tuple(f"w-{number}" for number in range(1, SIZE + 1))
CHILDREN = tuple(child(name, pool="w", single=False, backoff=Backoff()) for name in AGENTS)


class BadKey(PaperLauncher):
    """Starts agents that end with code 1 after two to three seconds, as long as the key is bad."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(on_spawn=self._end_soon)
        self.is_bad = True
        self._clock = clock
        self._ends: set[asyncio.Task[None]] = set()

    def _end_soon(self, agent: str, number: int, process: PaperProcess) -> None:
        if self.is_bad:
            ending = asyncio.get_running_loop().create_task(self._end(agent, process))
            self._ends.add(ending)
            ending.add_done_callback(self._ends.discard)

    async def _end(self, agent: str, process: PaperProcess) -> None:
        await self._clock.sleep(2.0 + AGENTS.index(agent) / SIZE)
        process.exit(1)


def restarts(team: Team) -> int:
    return len(team.launcher.spawned) - SIZE


async def count_messages(team: Team) -> list[str]:
    """Collect what the team is told of the breaker."""
    told: list[str] = []

    async def listen() -> None:
        while not team.running.done():
            told.append(await team.supervisor.starts_held())
            await team.supervisor.starts_free()

    listening = team.tasks.create_task(listen())
    team.running.add_done_callback(lambda _: listening.cancel())
    return told


async def test_a_bad_key_costs_two_restarts_of_each_and_one_message(run_team: RunTeam) -> None:
    clock = VirtualClock(now=0.0, monotonic=0.0)
    launcher = BadKey(clock)
    async with run_team(*CHILDREN, launcher=launcher, clock=clock) as team:
        told = await count_messages(team)
        await team.advance(60.0)
        assert team.supervisor.holds_starts
        assert restarts(team) <= 2 * SIZE
        before = restarts(team)
        await team.advance(600.0)
        assert restarts(team) - before <= 10
        assert len(told) == 1
        assert told[0].startswith("more than 100 restarts in 60 s in the whole team; the last: w-")
        assert told[0].endswith("exited with code 1")


async def test_with_a_good_key_all_come_back(run_team: RunTeam) -> None:
    clock = VirtualClock(now=0.0, monotonic=0.0)
    launcher = BadKey(clock)
    async with run_team(*CHILDREN, launcher=launcher, clock=clock) as team:
        await team.advance(60.0)
        launcher.is_bad = False
        while not any(processes[-1].alive for processes in launcher.processes.values()):
            await team.advance(1.0)
        await team.make_ready(launcher.spawned[-1][0])
        await team.advance(5.0)
        up = [name for name in AGENTS if team.last(name).alive]
        parked = [name for name in AGENTS if team.state(name) is AgentState.PARKED]
        assert (len(up) + len(parked), len(parked) <= 1) == (SIZE, True)
        assert not team.supervisor.holds_starts


async def test_canary_without_the_breaker_they_restart_in_step_until_each_gives_up(
    run_team: RunTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Breaker, "_open", lambda self: None)
    clock = VirtualClock(now=0.0, monotonic=0.0)
    async with run_team(*CHILDREN, launcher=BadKey(clock), clock=clock) as team:
        await team.advance(60.0)
        assert restarts(team) > 2 * SIZE
