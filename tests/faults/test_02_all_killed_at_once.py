"""Fault 2: all fifty agents are killed at once, again and again.

The first time all are back at once. After that they come back spread out, so that the service behind them
does not meet a herd; and when it goes on, the team's circuit breaker lets one try before the others.
"""

from __future__ import annotations

import pytest

from supervisor.model.team import Backoff
from supervisor.supervision import restart
from tests.unit.supervision.conftest import RunTeam, Team, child

FIFTY = tuple(f"w-{number}" for number in range(1, 51))
CHILDREN = tuple(child(name, pool="w", single=False, backoff=Backoff()) for name in FIFTY)


async def kill_all(team: Team) -> None:
    """Let all report for work, live for a while, and be killed in the same moment."""
    await team.make_ready(*FIFTY)
    await team.advance(10.0)
    for name in FIFTY:
        team.last(name).kill()
    await team.settle()


async def starts_over(team: Team, seconds: float, step_s: float) -> list[int]:
    """Let time pass, and say how many started in each step of it."""
    counts = []
    for _ in range(round(seconds / step_s)):
        before = len(team.launcher.spawned)
        await team.advance(step_s)
        counts.append(len(team.launcher.spawned) - before)
    return counts


async def test_all_fifty_are_back_at_once_the_first_time(run_team: RunTeam) -> None:
    async with run_team(*CHILDREN) as team:
        await kill_all(team)
        assert {team.starts(name) for name in FIFTY} == {2}
        assert team.launcher.most_alive == 1


async def test_the_second_time_they_come_back_spread_out(run_team: RunTeam) -> None:
    async with run_team(*CHILDREN) as team:
        await kill_all(team)
        await kill_all(team)
        counts = await starts_over(team, 3.0, 0.1)
        assert (sum(counts), max(counts) <= 15) == (50, True)
        assert not team.supervisor.holds_starts


async def test_the_third_time_one_tries_and_the_others_follow_when_it_is_ready(run_team: RunTeam) -> None:
    async with run_team(*CHILDREN) as team:
        for _ in range(2):
            await kill_all(team)
            await team.advance(3.0)
        held = team.tasks.create_task(team.supervisor.starts_held())
        await kill_all(team)
        assert held.result().startswith("more than 100 restarts in 60 s in the whole team; the last: w-")
        assert sum(await starts_over(team, 59.0, 1.0)) == 0
        assert sum(await starts_over(team, 10.0, 1.0)) == 1
        tried = team.launcher.spawned[-1][0]
        await team.make_ready(tried)
        counts = await starts_over(team, 5.0, 0.5)
        assert (sum(counts), max(counts) <= 15) == (49, True)
        assert all(team.last(name).alive for name in FIFTY)


async def test_canary_without_jitter_they_come_back_as_a_herd(
    run_team: RunTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart, "next_delay", lambda backoff, failures, rng: backoff.base_s)
    async with run_team(*CHILDREN) as team:
        await kill_all(team)
        await kill_all(team)
        assert max(await starts_over(team, 3.0, 0.1)) == 50
