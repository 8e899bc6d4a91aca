"""The table of tools: fixed words and schemas, strict arguments, who sees what."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.errors import InvalidArgument, UnknownTool
from supervisor.model.agent import Role
from supervisor.model.permissions import Operation, may
from supervisor.transports.mcp.tools.table import TOOLS, tool_named
from supervisor.transports.mcp.tools.tool import Mutation

TABLE: Final = Path(__file__).with_name("tools.json")
READERS: Final = {
    "whoami",
    "task_list",
    "task_get",
    "task_next",
    "task_why",
    "task_expand",
    "complexity_report",
    "milestone_list",
    "milestone_get",
    "review_list",
    "team_load",
    "group_list",
    "dead_letters",
    "memory_get",
    "memory_list",
    "vote_get",
    "vote_list",
    "approval_get",
    "state_get",
    "question_get",
    "handoff_list",
    "agent_register",
    "agent_list",
    "wait",
}


def spelled() -> dict[str, Any]:
    return {
        name: {
            "title": tool.title,
            "description": tool.description,
            "schema": tool.spec().input_schema,
            "read_only": tool.spec().read_only,
            "destructive": tool.spec().destructive,
            "idempotent": tool.spec().idempotent,
            "roles": [role.value for role in Role if tool.visible_to(role)],
        }
        for name, tool in TOOLS.items()
    }


def test_names_schemas_descriptions_and_roles_are_what_they_were() -> None:
    table = json.dumps(spelled(), indent=2) + "\n"
    if "UPDATE_TOOLS" in os.environ:
        TABLE.write_text(table, encoding="utf-8")
    assert TABLE.read_text(encoding="utf-8") == table, "a client may rely on it: set UPDATE_TOOLS=1 if meant"


def test_the_tools_that_change_nothing_are_known_and_only_the_others_take_an_idempotency_key() -> None:
    assert {name for name, tool in TOOLS.items() if not tool.mutates} == READERS
    for tool in TOOLS.values():
        assert ("idempotency_key" in tool.spec().input_schema["properties"]) == tool.mutates
        assert issubclass(tool.arguments, Mutation) == tool.mutates


def test_every_operation_is_behind_some_tool_and_every_tool_behind_one() -> None:
    assert {operation for tool in TOOLS.values() for operation in tool.operations} == set(Operation)


@pytest.mark.parametrize("role", Role)
def test_a_role_sees_the_tools_of_its_operations(role: Role) -> None:
    for name, tool in TOOLS.items():
        if any(may(role, operation) for operation in tool.operations):
            assert tool_named(name, role) is tool
        else:
            with pytest.raises(UnknownTool, match=f"no tool `{name}` for a {role.value}"):
                tool_named(name, role)


@pytest.mark.parametrize("name", TOOLS)
def test_unknown_arguments_are_refused_and_the_known_ones_named(name: str) -> None:
    with pytest.raises(InvalidArgument, match="unknown argument `zzz`") as refusal:
        TOOLS[name].parse({"zzz": 1})
    for known in TOOLS[name].spec().input_schema["properties"]:
        assert known in refusal.value.message
    assert TOOLS[name].spec().input_schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("tool", "given", "says"),
    [
        (
            "task_get",
            {"taskid": "T1"},
            "task_get: `task_id`: Field required; unknown argument `taskid`; did you mean",
        ),
        ("wait", {"wanted": ["mail"]}, "there are: for, timeout_s"),
        ("wait", {"for": "mail"}, "`for`: Input should be a valid list"),
        (
            "task_progress",
            {"task_id": "T1", "token": "1", "percent": 5},
            "`token`: Input should be a valid integer",
        ),
        (
            "task_progress",
            {"task_id": "T1", "token": True, "percent": 5},
            "`token`: Input should be a valid integer",
        ),
        ("task_progress", {"task_id": "T1", "token": 1, "percent": 101}, "less than or equal to 100"),
        (
            "task_fail",
            {"task_id": "T1", "token": 1, "error": "x", "permanent": 1},
            "`permanent`: Input should be",
        ),
        ("task_create", {"title": "x", "tags": ["a", 1]}, "`tags.1`: Input should be a valid string"),
        (
            "approval_request",
            {"kind": "k", "title": "t", "payload": []},
            "`payload`: Input should be a valid dict",
        ),
        ("message_send", {"to": "a", "body": "b", "idempotency_key": "k" * 101}, "at most 100 characters"),
    ],
)
def test_a_wrong_argument_is_named_with_what_it_should_be(
    tool: str, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        TOOLS[tool].parse(given)
    assert says in refusal.value.message


def test_only_the_first_problems_are_looked_into_and_told_and_none_repeats_a_value() -> None:
    given = {f"secret{number}": "hunter2" for number in range(50_000)}
    with pytest.raises(InvalidArgument) as refusal:
        TOOLS["task_get"].parse(given)
    assert refusal.value.message.count("`secret") == 4
    assert "hunter2" not in refusal.value.message
