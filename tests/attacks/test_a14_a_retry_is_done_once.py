"""A14: a mutation that is repeated with its key, across a restart of the store too, is done once."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.coordinator.coordinator import Coordinator
from supervisor.model.approval import Mode
from supervisor.store.store import Store
from supervisor.store.transaction import Transaction
from supervisor.testing.clock import VirtualClock
from supervisor.testing.small_team import SMALL_TEAM
from supervisor.transports.mcp.team_desk import TeamDesk
from supervisor.transports.mcp.tools.table import TOOLS
from tests.team_door import SCENE_CALLS, Answer, mark, set_scene, team_door

MUTATIONS = [name for name, tool in TOOLS.items() if tool.mutates]


async def replayed(directory: Path, tool: str) -> list[tuple[Answer, object]]:
    """Call a tool, three times over and again after the store was opened anew; return answers and marks."""
    agent, arguments = SCENE_CALLS[tool]
    seen: list[tuple[Answer, object]] = []
    async with team_door(directory) as door:
        await set_scene(door)
        actor = door.team[agent]
        for _ in range(3):
            answer = await door.desk.call(actor, tool, arguments | {"idempotency_key": "once"})
            seen.append((answer, await door.team.store.read(mark)))
        run = door.team.store.run
    async with Store(directory / "coordinator.db", VirtualClock()) as store:
        store.run = run
        coordinator = Coordinator(store, VirtualClock(), SMALL_TEAM, Mode.INTERACTIVE)
        desk = TeamDesk(coordinator, facts={}, on_call=lambda _: None, stopping=lambda _: False)
        answer = await desk.call(actor, tool, arguments | {"idempotency_key": "once"})
        seen.append((answer, await store.read(mark)))
    return seen


@pytest.mark.parametrize("tool", MUTATIONS)
async def test_a_repeated_mutation_has_one_effect_and_one_answer(tmp_path: Path, tool: str) -> None:
    first, *more = await replayed(tmp_path, tool)
    assert more == [first] * 3


async def test_canary_a_desk_that_forgets_its_answers_does_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed, found = Transaction.execute, Transaction.one

    def one(self: Transaction, query: str, **params: object) -> object:
        return None if query == "answered_call.get" else found(self, query, **params)

    def execute(self: Transaction, query: str, **params: object) -> int:
        return 0 if query == "answered_call.add" else executed(self, query, **params)

    monkeypatch.setattr(Transaction, "one", one)
    monkeypatch.setattr(Transaction, "execute", execute)
    first, *more = await replayed(tmp_path, "message_send")
    assert first not in more
