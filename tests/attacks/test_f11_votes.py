"""F11: the electorate is frozen at opening; one ballot each; strangers, late ones, the dead do not count."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator import upkeep
from supervisor.model.agent import Role
from supervisor.model.team import PoolSpec
from supervisor.store.transaction import Transaction
from supervisor.testing.small_team import SMALL_TEAM
from tests.team_door import TeamDoor, team_door

COUNCIL = ("voter-1", "voter-2", "voter-3")


async def opened(door: TeamDoor, **more: Any) -> str:
    wanted = {"question": "?", "options": ["yes", "no"], "electorate": ["group:council"]} | more
    return str((await door.call("planner", "vote_open", **wanted))["vote"]["id"])


async def test_voting_many_times_at_once_counts_once(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        number = await opened(door)
        tries = [
            door.desk.call(door.team["voter-1"], "vote_cast", {"vote_id": number, "choice": choice})
            for choice in ("yes", "no") * 20
        ]
        ends = await asyncio.gather(*tries, return_exceptions=True)
        codes = Counter(getattr(end, "code", "ok") for end in ends)
        assert codes == {"ok": 1, "wrong_state": 39}
        assert sum((await door.call("judge", "vote_get", vote_id=number))["tally"].values()) == 1


async def test_who_joins_later_does_not_vote_and_does_not_change_the_quorum(tmp_path: Path) -> None:
    pools = tuple(
        replace(pool, size=9) if pool.name == "voter" else pool
        for pool in (
            *SMALL_TEAM.pools,
            PoolSpec(name="late", role=Role.JUDGE, command=("x",), groups=("council",)),
        )
    )
    async with team_door(tmp_path) as door:
        number = await opened(door, early=False)
    async with team_door(tmp_path, pools=pools) as door:
        for stranger in ("voter-4", "voter-9", "late"):
            assert await door.code(stranger, "vote_cast", vote_id=number, choice="no") == "forbidden"
        for voter in COUNCIL:
            await door.call(voter, "vote_cast", vote_id=number, choice="yes")
        page = await door.call("judge", "vote_get", vote_id=number)
        assert (page["vote"]["electorate"], page["vote"]["quorum"]) == (list(COUNCIL), 2)
        assert (page["vote"]["state"], page["tally"]) == ("closed", {"yes": 3, "no": 0, "abstain": 0})


async def test_a_dead_voter_casts_nothing_and_its_next_life_has_the_same_single_ballot(
    tmp_path: Path,
) -> None:
    async with team_door(tmp_path) as door:
        number = await opened(door)
        await door.call("voter-1", "vote_cast", vote_id=number, choice="yes")
        await door.team.crash("voter-1")
        assert await door.code("voter-1", "vote_cast", vote_id=number, choice="no") == "unauthenticated"
        await door.team.start("voter-1")
        assert await door.code("voter-1", "vote_cast", vote_id=number, choice="no") == "wrong_state"


async def test_a_restart_in_the_middle_and_the_deadline_keep_the_tally_exact(tmp_path: Path) -> None:
    async with team_door(tmp_path) as door:
        number = await opened(door, deadline_s=60)
        await door.call("voter-1", "vote_cast", vote_id=number, choice="yes")
        await door.team.do(upkeep.engine_was_lost)
        clock = door.team.clock
    async with team_door(tmp_path, clock=clock) as door:
        await door.call("voter-2", "vote_cast", vote_id=number, choice="yes")
        await clock.advance(61)
        assert await door.code("voter-3", "vote_cast", vote_id=number, choice="no") == "vote_closed"
        await door.team.do(lambda scope: upkeep.tick(scope, {}))
        assert await door.code("voter-3", "vote_cast", vote_id=number, choice="no") == "vote_closed"
        page = await door.call("judge", "vote_get", vote_id=number)
        assert (page["tally"], page["vote"]["winner"]) == ({"yes": 2, "no": 0, "abstain": 0}, "yes")


@pytest.mark.parametrize("choice", ["YES", "yes ", "", "abstain ", "yes' OR '1", "maybe"])
async def test_a_choice_that_was_not_on_the_ballot_does_not_count(tmp_path: Path, choice: str) -> None:
    async with team_door(tmp_path) as door:
        number = await opened(door)
        assert await door.code("voter-1", "vote_cast", vote_id=number, choice=choice) == "invalid_argument"


async def test_canary_a_second_ballot_that_replaces_the_first_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Transaction.one

    def one(self: Transaction, query: str, **params: Any) -> Any:
        return None if query == "ballot.get" else found(self, query, **params)

    monkeypatch.setattr(Transaction, "one", one)
    async with team_door(tmp_path) as door:
        number = await opened(door)
        await door.call("voter-1", "vote_cast", vote_id=number, choice="yes")
        again = await door.call("voter-1", "vote_cast", vote_id=number, choice="no")
        assert again["ballot"]["choice"] == "no"
