"""F1: whatever stands in the arguments of any tool, it is refused in our words or done, never half done.

Each tool, new ones too, is called 10,000 times with arguments made from its schema. The calls run in the
writer's thread, each in a savepoint as the store gives it, most of them undone so that the scene stays what
it is; a part of them goes through the desk as every call does.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final
from zlib import crc32

import pytest

from supervisor.coordinator import coordinator
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.scope import Scope
from supervisor.errors import Forbidden, RequestError
from supervisor.store.transaction import Transaction
from supervisor.transports import strict_json
from supervisor.transports.mcp.tools.table import TOOLS, WAIT
from supervisor.transports.mcp.tools.tool import Mutation, Tool
from tests.attacks.hostile_arguments import HOSTILE, Attacker
from tests.team_door import SCENE_CALLS, TeamDoor, mark, set_scene, team_door

CASES: Final = 10_000
THROUGH_THE_DESK: Final = 40
KEPT: Final = 0.01
"""The share of successful calls whose effect stays: the scene changes, but does not grow without end."""

MAKES_SEVERAL: Final = frozenset({"plan_create", "plan_push", "help"})
"""Tools that find out about a later part only when the earlier ones stand; the savepoint undoes those."""

CALLERS: Final = ("worker-1", "planner", "judge", "chief", "solo", "watcher")
SQL_WORDS: Final = re.compile(
    "sqlite|syntax error|no such (table|column)|unrecognized|constraint|traceback|mismatch|too big|binding"
)


def attacker(tool: str, rng: Random) -> Attacker:
    """Make the attacker of a tool; it knows a call that succeeds if the scene has one."""
    return Attacker(rng, TOOLS[tool].spec().input_schema, SCENE_CALLS.get(tool, ("", {}))[1])


def callers(door: TeamDoor, tool: str) -> list[Actor]:
    """Name who calls: whoever the scene is set for most often, and one of each role that sees the tool."""
    known = [SCENE_CALLS[tool][0]] * 5 if tool in SCENE_CALLS else []
    actors = [door.team[name] for name in (*known, *CALLERS)]
    return [actor for actor in actors if TOOLS[tool].visible_to(actor.role)]


def carry_out(tool: Tool, scope: Scope, actor: Actor, arguments: dict[str, Any]) -> Any:
    """Do what the desk does with a call, within the transaction that is open."""
    asked = tool.parse(arguments)
    if tool.name == WAIT:
        wanted = coordinator.checked_conditions(actor, tuple(asked.wanted))  # type: ignore[attr-defined]  # its own
        return coordinator._look(scope, actor, wanted)

    def use_case(scope: Scope) -> dict[str, Any]:
        return tool.handler(scope, actor, asked)

    if isinstance(asked, Mutation):
        return coordinator._once(scope, actor, tool.name, use_case, asked.idempotency_key)
    return coordinator._seen(scope, actor, use_case)


class Campaign:
    """Calls one tool again and again in one transaction, and counts what it was answered."""

    def __init__(self, tool: Tool, rng: Random, actors: list[Actor]) -> None:
        self.outcomes: Counter[str] = Counter()
        self._tool = tool
        self._rng = rng
        self._actors = actors

    def run(self, tx: Transaction, scope: Scope, calls: list[dict[str, Any]]) -> None:
        """Make the calls; raise AssertionError at one that breaks what every call must keep."""
        for arguments in calls:
            end, count = tx.end, len(tx.events)
            tx._connection.execute("SAVEPOINT hostile")
            if not self._succeeds(tx, scope, arguments) or self._rng.random() > KEPT:
                tx._connection.execute("ROLLBACK TO hostile")
                tx.end = end
                del tx.events[count:]
            tx._connection.execute("RELEASE hostile")

    def _succeeds(self, tx: Transaction, scope: Scope, arguments: dict[str, Any]) -> bool:
        before = tx._connection.total_changes
        shown = f"{self._tool.name} {arguments!r:.2000}"
        try:
            answer = carry_out(self._tool, scope, self._rng.choice(self._actors), arguments)
        except RequestError as refusal:
            self.outcomes[refusal.code] += 1
            check_words(refusal)
            written = tx._connection.total_changes - before
            assert written == 0 or self._tool.name in MAKES_SEVERAL, f"{shown} wrote, then refused"
            return False
        except Exception as error:
            raise AssertionError(f"{shown} broke it") from error
        strict_json.dumps(answer)
        self.outcomes["done"] += 1
        return True


def check_words(refusal: RequestError) -> None:
    """Assert that a refusal is in our words and not longer than a page."""
    assert SQL_WORDS.search(refusal.message) is None
    assert len(refusal.message) < 5000


async def campaign(directory: Path, tool: str, cases: int, seed: int = 0) -> Counter[str]:
    """Attack one tool; the team's door looks at the invariants when it closes."""
    async with team_door(directory) as door:
        await set_scene(door)
        rng = Random(crc32(f"{tool} {seed}".encode()))
        calls = list(attacker(tool, rng).calls(cases))
        attack = Campaign(TOOLS[tool], rng, callers(door, tool))
        run = door.team.coordinator
        await door.team.store.write(lambda tx: attack.run(tx, run.scope(tx), calls))
        rows = await door.team.store.read(lambda tx: tx.all("task.all"))
        assert len(rows) >= 4
        return attack.outcomes


@pytest.mark.parametrize("tool", TOOLS)
async def test_no_argument_breaks_a_tool(tmp_path: Path, tool: str, long: int) -> None:
    for seed in range(long):
        directory = tmp_path / str(seed)
        directory.mkdir()
        outcomes = await campaign(directory, tool, CASES, seed)
        assert outcomes.total() == CASES
        assert outcomes["invalid_argument"] > 0
        assert outcomes["done"] > 0 or tool not in SCENE_CALLS


@pytest.mark.parametrize("tool", TOOLS)
async def test_no_argument_breaks_the_desk(tmp_path: Path, tool: str) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        for arguments in attacker(tool, Random(crc32(tool.encode()))).calls(THROUGH_THE_DESK):
            await door.team.clock.advance(1)
            before = await door.team.store.read(mark)
            patient = arguments if tool != WAIT else arguments | {"timeout_s": 0}
            try:
                await door.desk.call(callers(door, tool)[0], tool, patient)
            except RequestError as refusal:
                check_words(refusal)
                assert await door.team.store.read(mark) == before


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[1:40])
async def test_what_looks_like_sql_is_a_value_like_any_other(tmp_path: Path, text: str) -> None:
    key = text.encode()[:100].decode(errors="ignore")
    text = text[:5000]
    async with team_door(tmp_path) as door:
        await set_scene(door)
        everything = (await door.call("watcher", "task_list"))["tasks"]
        listed = (await door.call("watcher", "task_list", tag=text))["tasks"]
        assert listed == [task for task in everything if text in task["tags"]]
        if key.strip():
            await door.call("worker-1", "memory_set", key=key, value=text)
            assert (await door.call("judge", "memory_get", key=key))["entry"]["value"] == text
            await door.call("worker-1", "message_send", to="judge", body=text, thread=key)
            assert (await door.call("judge", "message_ack", thread=key))["acked"] == 1


def spliced(self: Transaction, kind: Any, query: str, **params: Any) -> Any:
    """Look a memory up by a statement that is put together from its key."""
    if query == "memory.get":
        self._connection.execute(f"SELECT * FROM memory WHERE key = '{params['key']}'")
    return found(self, kind, query, **params)


found: Final = Transaction.value


async def test_canary_text_that_becomes_sql_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Transaction, "value", spliced)
    with pytest.raises((AssertionError, sqlite3.Error)):
        await campaign(tmp_path, "memory_get", 500)


def writes_then_refuses(scope: Scope, actor: Actor, asked: Any) -> dict[str, Any]:
    scope.tx.tell("canary.sang", "x", actor=actor.name)
    raise Forbidden("too late")


def stumbles(scope: Scope, actor: Actor, asked: Any) -> dict[str, Any]:
    return {"nth": [][len(asked.vote_id) % 7]}


def tells_its_inside(scope: Scope, actor: Actor, asked: Any) -> dict[str, Any]:
    raise Forbidden("UNIQUE constraint failed: task.n")


@pytest.mark.parametrize("handler", [writes_then_refuses, stumbles, tells_its_inside])
async def test_canary_a_tool_that_is_careless_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handler: Callable[..., dict[str, Any]]
) -> None:
    monkeypatch.setitem(TOOLS, "vote_cast", replace(TOOLS["vote_cast"], handler=handler))
    with pytest.raises(AssertionError):
        await campaign(tmp_path, "vote_cast", 500)
