"""Fault 34: the profile is read again while agents are being restarted.

Only agents whose spec changed are restarted, and what is still told of a former owner of a name reaches
nobody: in pm2 (#6142) the exit of the old process was taken for the new one's.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.model.agent import AgentState
from supervisor.supervision.notices import Exited, Notice, Order, Prepared, TreeEnded
from supervisor.supervision.roster import Roster
from supervisor.supervision.slot import Slot
from supervisor.testing.processes import PaperExit, PaperLauncher, PaperTree
from tests.unit.supervision.conftest import RunTeam, Team, child

A, B, C = child("a"), child("b"), child("c")
NEW_B = replace(B, intensity=9)


async def test_only_what_changed_is_restarted_while_others_wait_for_their_restart(run_team: RunTeam) -> None:
    async with run_team(A, B, C) as team:
        team.last("a").kill()
        team.last("b").kill()
        await team.advance(0.5)
        team.supervisor.reload((A, NEW_B, C))
        await team.settle()
        assert [team.starts(agent) for agent in "abc"] == [1, 2, 1]
        await team.advance(0.5)
        assert [team.starts(agent) for agent in "abc"] == [2, 2, 1]
        assert team.last("c").stops == []


async def test_a_name_has_one_process_at_a_time_however_often_the_plan_changes(run_team: RunTeam) -> None:
    launcher = PaperLauncher(obeys=False)
    async with run_team(A, B, launcher=launcher) as team:
        for intensity in range(9, 19):
            team.supervisor.reload((A, replace(B, intensity=intensity)))
            await team.advance(0.2)
        assert team.starts("b") == 1
        team.last("b").exit(0)
        await team.settle()
        assert (team.starts("b"), launcher.most_alive) == (2, 1)
        assert team.slot("b").spec.intensity == 18


async def late_news(team: Team) -> list[Notice]:
    """Bring `b` to a new owner; return what could still be told of the old one's process."""
    old = team.slot("b")
    live, attempt = old._live, old._attempt
    assert live is not None
    team.supervisor.reload((A, NEW_B))
    await team.settle()
    assert team.slot("b") is not old
    await team.make_ready("b")
    assert team.state("b") is AgentState.IDLE
    ended = Exited(of=live, exit=PaperExit(signal=9))
    return [ended, TreeEnded(of=live, tree=PaperTree()), Prepared(attempt=attempt - 1, incarnation=1)]


async def test_what_is_told_of_the_old_owner_does_not_reach_the_new_one(run_team: RunTeam) -> None:
    async with run_team(A, B) as team:
        for notice in await late_news(team):
            team.slot("b")._mailbox.put_nowait(notice)
        await team.advance(30.0)
        assert (team.state("b"), team.starts("b")) == (AgentState.IDLE, 2)
        assert (team.last("b").alive, team.launcher.most_alive) == (True, 1)


async def test_canary_an_owner_that_believes_old_news_gives_up_a_living_process(
    run_team: RunTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_team(A, B) as team:
        ended = (await late_news(team))[0]
        monkeypatch.setattr(Slot, "_is_stale", lambda self, notice: False)
        team.slot("b")._mailbox.put_nowait(ended)
        await team.advance(30.0)
        assert (team.state("b"), team.last("b").alive) == (AgentState.EXITED, True)


async def test_canary_a_new_owner_that_does_not_wait_for_the_old_one_doubles_the_agent(
    run_team: RunTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(self: Roster, slot: Slot, child: object, *, changed: bool) -> None:
        if slot.spec != child:
            self.dismiss(slot, Order.QUIT)
            self.slots.pop(slot.spec.name)
            monkeypatch.setattr(Roster, "_forget", lambda self, slot: None)

    monkeypatch.setattr(Roster, "_become", at_once)
    launcher = PaperLauncher(obeys=False)
    async with run_team(A, B, launcher=launcher) as team:
        team.supervisor.reload((A, NEW_B))
        await team.settle()
        assert launcher.most_alive == 2
        launcher.processes["b"][0].exit(0)
