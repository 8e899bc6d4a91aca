"""F1: whatever stands in the arguments of any tool, it is refused in our words or done, never half done."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from supervisor.errors import RequestError
from supervisor.store.transaction import Transaction
from supervisor.transports.mcp.tools.table import TOOLS
from tests.team_door import SCENE_CALLS, TeamDoor, mark, set_scene, team_door

CASES = 40
"""Cases per history; the histories are one per tool and this many examples."""
HISTORIES = 3

SQL_WORDS: Final = re.compile(
    "sqlite|syntax error|no such (table|column)|unrecognized|constraint|traceback|mismatch|too big|binding"
)
HOSTILE: Final = (
    "' OR 1=1 --",
    "T1; DROP TABLE task",
    "T1 UNION SELECT key_hash FROM incarnation",
    "n DESC",
    "rank; --",
    "%",
    "_",
    "T%",
    "*",
    'task" MATCH "x',
    ":n",
    "?1",
    "@run",
    "$x",
    "T0",
    "T-1",
    "T1.0",
    "T٣",
    "T999999999999999999",
    "T9999999999999999999",
    "team/../../x",
    "agent:",
    "task:T1 OR 1",
    "role:' OR ''='",
    "all\u202e",
    "\u200b",
    "A1",
    "V1",
    "M1",
    "x" * 5000,
    "{}",
    "null",
    "",
    " ",
    "\n",
    "\x1b[2J",
)
texts = st.sampled_from(HOSTILE) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40
)
scalars = (
    texts
    | st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
junk = scalars | st.lists(scalars, max_size=4) | st.dictionaries(texts, scalars, max_size=3)


def likely(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Give values of the kind that a property asks for."""
    options = schema.get("anyOf", [schema])
    kinds = {
        "string": texts,
        "integer": st.integers(-5, 600) | st.integers(-(2**63), 2**63 - 1),
        "number": st.floats(allow_nan=False, allow_infinity=False) | st.just(0),
        "boolean": st.booleans(),
        "array": st.lists(texts, max_size=4),
        "object": st.dictionaries(texts, scalars, max_size=3),
        "null": st.none(),
    }
    return st.one_of([kinds[option["type"]] for option in options])


def arguments_of(tool: str) -> st.SearchStrategy[dict[str, Any]]:
    """Change some arguments of a call that would succeed, leave some out, add some."""
    good = SCENE_CALLS[tool][1]
    properties = TOOLS[tool].spec().input_schema["properties"]
    values = {name: likely(schema) for name, schema in properties.items()}
    of_the_kind = st.one_of([st.fixed_dictionaries({name: each}) for name, each in values.items()])
    of_any_kind = st.fixed_dictionaries({}, optional=dict.fromkeys(values, junk))
    changes = st.just({}) if not values else of_the_kind | st.fixed_dictionaries(values) | of_any_kind
    gone = st.sampled_from((None, None, None, *good))
    added = st.dictionaries(texts, junk, max_size=1)
    return st.builds(
        lambda changed, left_out, more: {
            key: value for key, value in (good | changed | more).items() if key != left_out
        },
        changes,
        gone,
        added,
    )


async def attacked(directory: Path, tool: str, cases: list[dict[str, Any]]) -> None:
    """Make the calls in one scene: a refusal is a RequestError without our insides, and changes nothing."""
    async with team_door(directory) as door:
        await set_scene(door)
        agent = SCENE_CALLS[tool][0]
        for arguments in cases:
            before = await door.team.store.read(mark)
            refusal = await outcome(door, agent, tool, arguments)
            if refusal is not None:
                assert SQL_WORDS.search(refusal.message) is None
                assert len(refusal.message) < 5000
                assert await door.team.store.read(mark) == before
        rows = await door.team.store.read(lambda tx: tx.all("task.all"))
        assert len(rows) >= 4


async def outcome(door: TeamDoor, agent: str, tool: str, arguments: dict[str, Any]) -> RequestError | None:
    """Make one call; anything but an answer or a refusal of the request is a failure of the test."""
    await door.team.clock.advance(1)
    patient = arguments if tool != "wait" else arguments | {"timeout_s": 0}
    try:
        await door.desk.call(door.team[agent], tool, patient)
    except RequestError as error:
        return error
    return None


@pytest.mark.parametrize("tool", TOOLS)
def test_no_argument_breaks_a_tool(tmp_path_factory: pytest.TempPathFactory, tool: str, long: int) -> None:
    @settings(
        max_examples=HISTORIES * long,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(st.lists(arguments_of(tool), min_size=CASES, max_size=CASES))
    def attack(cases: list[dict[str, Any]]) -> None:
        asyncio.run(attacked(tmp_path_factory.mktemp("f1"), tool, cases))

    attack()


@pytest.mark.parametrize("text", HOSTILE)
async def test_what_looks_like_sql_is_a_value_like_any_other(tmp_path: Path, text: str) -> None:
    async with team_door(tmp_path) as door:
        await set_scene(door)
        everything = (await door.call("watcher", "task_list"))["tasks"]
        listed = (await door.call("watcher", "task_list", tag=text))["tasks"]
        assert listed == [task for task in everything if text in task["tags"]]
        if text.strip():
            await door.call("worker-1", "memory_set", key=text[:100], value=text)
            assert (await door.call("judge", "memory_get", key=text[:100]))["entry"]["value"] == text
            await door.call("worker-1", "message_send", to="judge", body=text, thread=text[:50])
            assert (await door.call("judge", "message_ack", thread=text[:50]))["acked"] == 1


async def test_canary_text_that_becomes_sql_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Transaction.value

    def spliced(self: Transaction, kind: Any, query: str, **params: Any) -> Any:
        if query == "memory.get":
            self._connection.execute(f"SELECT * FROM memory WHERE key = '{params['key']}'")
        return found(self, kind, query, **params)

    monkeypatch.setattr(Transaction, "value", spliced)
    with pytest.raises(Exception, match=r"SELECT|syntax error|unrecognized"):
        await attacked(tmp_path, "memory_get", [{"key": "' OR"}])
