"""The few tools that each role is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.model.agent import Role
from supervisor.model.team import ToolSet
from supervisor.testing.small_team import SMALL_TEAM
from supervisor.transports.mcp.tools.shown import CORE, shown
from supervisor.transports.mcp.tools.table import TOOLS
from tests.team_door import team_door

SIZES = {
    Role.WORKER: 14,
    Role.JUDGE: 8 + 3,
    Role.PLANNER: 8 + 8,
    Role.ORCHESTRATOR: 8 + 8,
    Role.SOLO: 14 + 3 + 8,
    Role.MONITOR: 8,
}


@pytest.mark.parametrize("role", Role)
def test_a_role_is_shown_few_tools_and_may_call_each_of_them(role: Role) -> None:
    assert len(CORE[role]) == SIZES[role]
    assert all(TOOLS[name].visible_to(role) for name in CORE[role])


def test_a_monitor_is_shown_nothing_that_changes_more_than_mailboxes_and_memory() -> None:
    changing = {name for name in CORE[Role.MONITOR] if TOOLS[name].mutates}
    assert changing == {"inbox", "message_send", "memory"}


@pytest.mark.parametrize("role", Role)
def test_the_full_set_is_all_that_a_role_may_call(role: Role) -> None:
    assert shown(role, ToolSet.FULL) == {name for name, tool in TOOLS.items() if tool.visible_to(role)}


async def test_a_pool_may_ask_for_the_full_set_and_tools_that_are_not_shown_can_be_called(
    tmp_path: Path,
) -> None:
    pools = tuple(
        replace(pool, tools=ToolSet.FULL) if pool.name == "judge" else pool for pool in SMALL_TEAM.pools
    )
    async with team_door(tmp_path, pools=pools) as door:
        assert "vote_cast" in door.desk.shown_to(door.team["judge"])
        worker = door.team["worker-1"]
        assert "vote_list" not in door.desk.shown_to(worker)
        assert (await door.call("worker-1", "vote_list"))["votes"] == []
        stranger = replace(worker, name="whose-key-ended")
        assert door.desk.shown_to(stranger) == CORE[Role.WORKER]
