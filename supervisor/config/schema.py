"""The JSON Schema of a profile, drawn from the key tables, for editors that complete TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, assert_never

from supervisor.config.keys import PROFILE
from supervisor.config.kinds import (
    Choice,
    Flag,
    Key,
    Kind,
    Number,
    Numbers,
    Table,
    Tables,
    Text,
    TextMap,
    Texts,
)


def profile_schema() -> str:
    """Spell the schema as it stands in `docs/profile.schema.json`."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A team's profile for supervisor",
        **_schema_of(PROFILE),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema_of(kind: Kind) -> dict[str, Any]:
    match kind:
        case Text():
            return _text(kind)
        case Choice():
            return {"enum": [str(word) for word in kind.words]}
        case Number():
            return _number(kind)
        case Flag():
            return {"type": "boolean"}
        case Texts():
            limits = {"minItems": kind.min_items, "maxItems": kind.max_items, "uniqueItems": kind.unique}
            return {"type": "array", "items": _text(kind.item), **_told(limits)}
        case Numbers():
            items = {"type": "array", "items": _number(kind.item), "uniqueItems": True}
            return items | {"maxItems": kind.max_items}
        case TextMap():
            names = _text(kind.names)
            values = _text(kind.values)
            return {
                "type": "object",
                "propertyNames": names,
                "additionalProperties": values,
                "maxProperties": kind.max_items,
            }
        case Table():
            return _table(kind)
        case Tables():
            limits = {"minItems": kind.min_items, "maxItems": kind.max_items}
            return {"type": "array", "items": _table(kind.table), **_told(limits)}
        case _:
            assert_never(kind)


def _told(limits: Mapping[str, int]) -> dict[str, int]:
    return {name: limit for name, limit in limits.items() if limit}


def _text(kind: Text) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if kind.pattern is not None:
        return schema | {"pattern": f"^(?:{kind.pattern})$"}
    return schema | _told({"minLength": kind.min_length, "maxLength": kind.max_length})


def _number(kind: Number) -> dict[str, Any]:
    return {"type": "integer" if kind.whole else "number", "minimum": kind.low, "maximum": kind.high}


def _table(kind: Table) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key.name: _described(key) for key in kind.keys},
        "required": [key.name for key in kind.keys if key.required],
        "additionalProperties": False,
    }


def _described(key: Key) -> dict[str, Any]:
    schema = {"description": key.meaning, **_schema_of(key.kind)}
    if key.default is None or key.required or isinstance(key.kind, (Table, Tables)):
        return schema
    default = list(key.default) if isinstance(key.default, tuple) else key.default
    return schema | {"default": default}
