"""Model values as rows and back: lists and values as JSON text, booleans as 0 and 1."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from supervisor.errors import DatabaseCorrupt, InvalidArgument
from supervisor.model.ids import number_of
from supervisor.model.wire import from_wire, to_wire

T = TypeVar("T")

NUMBERED = {"task": "T", "message": "M", "vote": "V", "approval": "A"}
"""The nouns whose rows are numbered, and the letter of their spelled ids."""


def to_params(noun: str, value: Any) -> dict[str, Any]:
    """Spell a model value as the parameters of its `put` statement."""
    wire = to_wire(value)
    params = {name: _to_column(each) for name, each in wire.items()}
    if noun in NUMBERED:
        params["n"] = number_of(wire["id"], NUMBERED[noun])
    return params


def from_row(kind: type[T], row: sqlite3.Row) -> T:
    """Build a model value from its row; raise DatabaseCorrupt if the row makes none."""
    try:
        data = {name: _from_column(row[name], form) for name, form in _forms(cast("Hashable", kind))}
        return from_wire(kind, data)
    except (InvalidArgument, ValueError) as error:
        raise DatabaseCorrupt(f"a stored {kind.__name__} cannot be read: {error}") from error


def _to_column(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return value


def _from_column(value: Any, form: str) -> Any:
    if value is None:
        return None
    if form == "json":
        return json.loads(value)
    return bool(value) if form == "bool" else value


@cache
def _forms(kind: Hashable) -> tuple[tuple[str, str], ...]:
    """Say for each field whether its column is JSON text, a boolean or plain."""
    forms = []
    for field in dataclasses.fields(cast("Any", kind)):
        spelled = str(field.type)
        is_json = spelled.startswith(("tuple", "dict", "ExitInfo"))
        forms.append((field.name, "json" if is_json else "bool" if spelled == "bool" else "plain"))
    return tuple(forms)
