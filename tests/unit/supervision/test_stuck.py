"""Who is stuck is known by name, as long as it is."""

from __future__ import annotations

from supervisor.supervision.lifecycle import STUCK_RECHECK_S
from tests.unit.supervision.conftest import RunTeam, child


async def test_agents_whose_processes_cannot_be_ended_are_named_until_they_are_gone(
    run_team: RunTeam,
) -> None:
    async with run_team(child("a"), child("b")) as team:
        process = team.last("a")
        process.leftovers = (77,)
        process.kill()
        await team.settle()
        assert team.supervisor.stuck == ("a",)
        process.leftovers = ()
        await team.advance(STUCK_RECHECK_S)
        assert not team.supervisor.stuck
