"""The JSON Schema and the reference page say what the parser does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from supervisor.config.approval_keys import APPROVAL
from supervisor.config.keys import BACKOFF, POOL, PROFILE, RUN
from supervisor.config.kinds import Key, Table, Tables
from supervisor.config.parse import parse_profile
from supervisor.config.reference import profile_reference
from supervisor.config.schema import profile_schema
from supervisor.config.spelling import NAME
from supervisor.config.supervision_keys import (
    BRANCH,
    DEPENDENCY,
    LIMITS,
    PROBE,
    READY,
    SCALE,
    STALL,
    STOP,
)
from supervisor.errors import ProfileInvalid
from supervisor.model.branch import BranchSpec, Dependency
from supervisor.model.health import Probe, ProcessLimits, Readiness, StallLimits
from supervisor.model.ids import NAME_PATTERN
from supervisor.model.rule import ApprovalRule
from supervisor.model.scale import Scale
from supervisor.model.team import Backoff, PoolSpec, StopLadder, TeamSpec

DOCS = Path(__file__).resolve().parents[3] / "docs"


def keys_of(table: Table, path: str = "") -> Iterator[tuple[str, Key]]:
    for key in table.keys:
        yield f"{path}{key.name}", key
        inner = key.kind.table if isinstance(key.kind, Tables) else key.kind
        if isinstance(inner, Table):
            yield from keys_of(inner, f"{path}{key.name}.")


@pytest.mark.parametrize(
    ("table", "model"),
    [
        (POOL, PoolSpec),
        (BACKOFF, Backoff),
        (STOP, StopLadder),
        (APPROVAL, ApprovalRule),
        (BRANCH, BranchSpec),
        (DEPENDENCY, Dependency),
        (READY, Readiness),
        (PROBE, Probe),
        (STALL, StallLimits),
        (LIMITS, ProcessLimits),
        (SCALE, Scale),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_the_tables_have_exactly_the_keys_of_the_model(table: Table, model: Any) -> None:
    assert {key.name for key in table.keys} == {item.name for item in fields(model)}


def test_a_profile_has_the_keys_of_a_team_but_those_that_are_found_out() -> None:
    ours = {key.name for key in (*PROFILE.keys, *RUN.keys)} - {"run"}

    assert ours == {item.name for item in fields(TeamSpec)} - {"source", "digest", "leaving"}


def test_the_name_rule_is_the_models() -> None:
    assert f"{NAME.pattern}\\Z" == NAME_PATTERN.pattern


def test_the_schema_in_the_docs_is_the_one_of_the_tables() -> None:
    assert (DOCS / "profile.schema.json").read_text(encoding="utf-8") == profile_schema()


def test_the_reference_explains_every_key_under_each_of_its_tables() -> None:
    page = (DOCS / "profile-reference.md").read_text(encoding="utf-8")

    for (name, meaning), times in Counter((key.name, key.meaning) for _, key in keys_of(PROFILE)).items():
        assert len(re.findall(rf"\| `{name}` \| .* \| {re.escape(meaning)} \|", page)) == times, name
    assert page.split("\n", 1)[0] == profile_reference().split("\n", 1)[0]


def test_the_schema_and_the_parser_agree_on_the_sample(survey: str) -> None:
    data = tomllib.loads(survey)

    assert list(violations(json.loads(profile_schema()), data)) == []


@pytest.mark.parametrize(
    "change",
    [
        ('name = "survey"', 'name = "Survey"'),
        ('name = "survey"', ""),
        ("size = 3", "size = 101"),
        ("size = 3", "size = 2.5"),
        ("size = 3", 'size = "3"'),
        ('role = "planner"', 'role = "reviewer"'),
        ('env = { PYTHONHASHSEED = "0" }', 'env = { SUP_SESSION = "0" }'),
        ('env_allow = ["SSL_CERT_FILE"]', 'env_allow = ["A", "A"]'),
        ("jitter = 0", "jitter = 1.1"),
        ("sweep_s = 0.5", "sweep_s = true"),
        ("max_tier = 1", "max_tier = 3"),
        ('on_done = "stop"', 'on_finish = "stop"'),
        ("deadline_s = 1800", "deadline_s = 0"),
    ],
    ids=lambda change: change[1] or "nothing",
)
def test_the_schema_and_the_parser_refuse_the_same(survey: str, change: tuple[str, str]) -> None:
    assert change[0] in survey
    text = survey.replace(*change)

    with pytest.raises(ProfileInvalid):
        parse_profile(text, "t.toml")
    assert list(violations(json.loads(profile_schema()), tomllib.loads(text)))


def test_importing_the_room_loads_no_heavy_library() -> None:
    heavy = ("pydantic", "textual", "mcp", "aiosqlite", "asyncio", "importlib.metadata", "psutil")
    code = (
        f"import sys; sys.path.insert(0, {str(DOCS.parent)!r}); import supervisor.config.profile; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )

    answer = subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True)

    assert answer.stdout.strip() == "[]"


def violations(schema: dict[str, Any], value: Any) -> Iterator[str]:
    """Hold `value` against the few words of JSON Schema that ours uses."""
    known = {
        *["$schema", "title", "description", "default", "type", "properties", "required", "enum", "pattern"],
        *["additionalProperties", "propertyNames", "maxProperties", "items", "minItems", "maxItems"],
        *["uniqueItems", "minimum", "maximum", "minLength", "maxLength"],
    }
    assert set(schema) <= known
    types = {"string": str, "object": dict, "array": list, "integer": int, "number": (int, float)}
    if "enum" in schema and value not in schema["enum"]:
        yield f"{value!r} is none of {schema['enum']}"
    if "type" not in schema:
        return
    if not isinstance(value, types[schema["type"]]) or isinstance(value, bool):  # type: ignore[arg-type]
        yield f"{value!r} is no {schema['type']}"
        return
    match value:
        case dict():
            yield from object_violations(schema, value)
        case list():
            yield from list_violations(schema, value)
        case str():
            if not re.search(schema.get("pattern", ""), value):
                yield f"{value!r} does not match"
        case _:
            if not schema["minimum"] <= value <= schema["maximum"]:
                yield f"{value!r} is out of range"


def object_violations(schema: dict[str, Any], value: dict[str, Any]) -> Iterator[str]:
    yield from (f"{name} is missing" for name in schema.get("required", []) if name not in value)
    for name, item in value.items():
        yield from violations(schema.get("propertyNames", {}), name)
        inner = schema.get("properties", {}).get(name, schema["additionalProperties"])
        if inner is False:
            yield f"{name} is unknown"
        else:
            yield from violations(inner, item)


def list_violations(schema: dict[str, Any], value: list[Any]) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema["maxItems"]:
        yield "too few or too many"
    if schema.get("uniqueItems") and len(set(value)) < len(value):
        yield "not unique"
    for item in value:
        yield from violations(schema["items"], item)
