"""Model values as rows and back: lists and values as JSON text, booleans as 0 and 1."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any, Final, TypeVar, cast

from supervisor.errors import DatabaseCorrupt, InvalidArgument
from supervisor.model.ids import number_of
from supervisor.model.wire import from_wire, to_json

T = TypeVar("T")

_BOUND: Final = frozenset({float, int, str, type(None)})
"""What a column holds as it is. A bool is bound by its exact type too, but far slower."""


NUMBERED = {"task": "T", "milestone": "P", "message": "M", "vote": "V", "approval": "A", "question": "Q"}
"""The nouns whose rows are numbered, and the letter of their spelled ids."""


def to_params(noun: str, wire: dict[str, Any]) -> dict[str, Any]:
    """Spell a model value on the wire as the parameters of its `put` statement."""
    params = {name: each if type(each) in _BOUND else _SPELL[type(each)](each) for name, each in wire.items()}
    if noun in NUMBERED:
        params["n"] = number_of(wire["id"], NUMBERED[noun])
    return params


def from_row(kind: type[T], row: sqlite3.Row) -> T:
    """Build a model value from its row; raise DatabaseCorrupt if the row makes none."""
    columns = _columns(cast("Hashable", kind), tuple(row.keys()))
    data = dict(zip(columns.names, columns.pick(row), strict=True))
    try:
        for name, is_json in columns.spelled:
            each = data[name]
            if each is not None:
                data[name] = bool(each) if not is_json else [] if each == "[]" else json.loads(each)
        return from_wire(kind, data)
    except (InvalidArgument, ValueError) as error:
        raise DatabaseCorrupt(f"a stored {kind.__name__} cannot be read: {error}") from error


_SPELL: Final[dict[type, Callable[[Any], Any]]] = {
    bool: int,
    dict: lambda value: to_json(value) if value else "{}",
    list: lambda value: to_json(value) if value else "[]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Where a kind's fields stand in a row, and which are spelled as JSON text or as a boolean."""

    names: tuple[str, ...]
    pick: itemgetter[tuple[Any, ...]]
    spelled: tuple[tuple[str, bool], ...]


@cache
def _columns(kind: Hashable, row: tuple[str, ...]) -> _Columns:
    """Look up once where the fields stand: a row finds a column by its name only by comparing them all."""
    forms = _forms(kind)
    return _Columns(
        names=tuple(name for name, _ in forms),
        pick=itemgetter(*(row.index(name) for name, _ in forms)),
        spelled=tuple((name, form == "json") for name, form in forms if form != "plain"),
    )


def _forms(kind: Hashable) -> tuple[tuple[str, str], ...]:
    """Say for each field whether its column is JSON text, a boolean or plain."""
    forms = []
    for field in dataclasses.fields(cast("Any", kind)):
        spelled = str(field.type)
        is_json = spelled.startswith(("tuple", "dict", "ExitInfo", "LastTask"))
        forms.append((field.name, "json" if is_json else "bool" if spelled == "bool" else "plain"))
    return tuple(forms)
