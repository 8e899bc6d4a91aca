"""Model values as rows and back: lists and values as JSON text, booleans as 0 and 1."""

from __future__ import annotations

import dataclasses
import json
import re
import sqlite3
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final, TypeVar, cast

from supervisor.errors import DatabaseCorrupt, InvalidArgument
from supervisor.model.ids import number_of
from supervisor.model.wire import FieldForm, Reader, forms_of, to_json
from supervisor.store.queries import QUERIES

T = TypeVar("T")

_BOUND: Final = frozenset({float, int, str, type(None)})
"""What a column holds as it is. A bool is bound by its exact type too, but far slower."""

_LOOK: Final = frozenset[type]()
_PARAMETER: Final = re.compile(r":(\w+)")

NUMBERED = {
    "task": "T",
    "milestone": "P",
    "message": "M",
    "vote": "V",
    "approval": "A",
    "question": "Q",
    "rule": "R",
    "turn": "U",
}
"""The nouns whose rows are numbered, and the letter of their spelled ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """A statement to which values are bound in order: that takes a third of the time that names take."""

    statement: str
    names: tuple[str, ...]


def in_order(query: str) -> Ordered:
    """Return a named query so that its parameters can be bound in order."""
    named = QUERIES[query]
    return Ordered(statement=_PARAMETER.sub("?", named), names=tuple(_PARAMETER.findall(named)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """How one noun is written: its `put` statement, and the letter of its ids if its rows are numbered."""

    ordered: Ordered
    letter: str

    def values(self, wire: dict[str, Any]) -> list[Any]:
        """Spell a model value on the wire as what is bound."""
        columns = {**wire, "n": number_of(wire["id"], self.letter)} if self.letter else wire
        return [
            each if type(each := columns[name]) in _BOUND else _SPELL[type(each)](each)
            for name in self.ordered.names
        ]


@cache
def put_of(noun: str) -> Put:
    """Return how a noun is written."""
    return Put(ordered=in_order(f"{noun}.put"), letter=NUMBERED.get(noun, ""))


def row_reader(kind: type[T], row: sqlite3.Row) -> Callable[[sqlite3.Row], T]:
    """Return what reads rows that have the columns of this one; see `from_row`."""
    read: Callable[[sqlite3.Row], T] = _row_reader(cast("Hashable", kind), tuple(row.keys()))
    return read


def from_row(kind: type[T], row: sqlite3.Row) -> T:
    """Build a model value from its row; raise DatabaseCorrupt if the row makes none."""
    return row_reader(kind, row)(row)


_SPELL: Final[dict[type, Callable[[Any], Any]]] = {
    bool: int,
    dict: lambda value: to_json(value) if value else "{}",
    list: lambda value: to_json(value) if value else "[]",
}


@cache
def _row_reader(kind: Any, names: tuple[str, ...]) -> Callable[[sqlite3.Row], Any]:
    """Look up once where the fields stand: a row finds a column by its name only by comparing them all."""
    column_forms = _forms(kind)
    places = tuple(
        (
            form.name,
            names.index(form.name),
            *_column_form(form, column_forms[form.name]),
            f"{kind.__name__}.{form.name}",
        )
        for form in forms_of(kind)
    )
    return partial(_read_row, kind, places)


def _column_form(form: FieldForm, column: str) -> tuple[frozenset[type], Reader]:
    read = form.read
    if column == "json":
        return _LOOK, lambda text, where: read(None if text is None else _from_json(text), where)
    if column == "bool":
        return _LOOK, lambda number, where: read(None if number is None else bool(number), where)
    return form.exact, read


def _from_json(text: str) -> Any:
    return [] if text == "[]" else json.loads(text)


def _read_row(
    kind: Any, places: tuple[tuple[str, int, frozenset[type], Reader, str], ...], row: sqlite3.Row
) -> Any:
    """Set the fields of a new value as its `__init__` does, in half the time: a row has them all."""
    value = object.__new__(kind)
    put = object.__setattr__
    try:
        for name, place, exact, read, where in places:
            each = row[place]
            put(value, name, each if type(each) in exact else read(each, where))
    except (InvalidArgument, ValueError) as error:
        raise DatabaseCorrupt(f"a stored {kind.__name__} cannot be read: {error}") from error
    return value


def _forms(kind: Any) -> dict[str, str]:
    """Say for each field whether its column is JSON text, a boolean or plain."""
    forms = {}
    for field in dataclasses.fields(kind):
        spelled = str(field.type)
        is_json = spelled.startswith(("tuple", "dict", "ExitInfo", "LastTask"))
        forms[field.name] = "json" if is_json else "bool" if spelled.startswith("bool") else "plain"
    return forms
