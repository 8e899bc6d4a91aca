"""Model values as JSON data and back, strictly: an unknown or ill-typed field is an error."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial
from operator import attrgetter
from typing import Any, Final, TypeVar, cast

from supervisor.errors import InvalidArgument

T = TypeVar("T")


_PLAIN: Final = frozenset({bool, float, int, str, type(None)})
"""What JSON spells as it is. Compared by exact type: an Enum may be a str too."""

_SPELLED: Final = _PLAIN | {dict, list}
"""What wire data consists of."""

_ENCODER: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
)

Reader = Callable[[Any, str], Any]
"""Builds a value from wire data; the text names the place for whoever must mend the data."""

Writer = Callable[[Any], Any]
"""Spells a value as wire data."""


def to_wire(value: Any) -> Any:
    """Turn a model value into dicts, lists and scalars that JSON can spell."""
    return _writer(cast("Hashable", type(value)))(value)


def to_json(wire: Any) -> str:
    """Spell wire data as JSON text, keys in order: what is equal is spelled the same."""
    return _ENCODER.encode(wire)


def from_wire(kind: type[T], data: Any, where: str = "") -> T:
    """Build a `kind` from wire data; raise InvalidArgument that names the place of the first mistake."""
    built: T = _reader(cast("Hashable", kind))(data, where or kind.__name__)
    return built


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldForm:
    """How one field is read: values of the `exact` types as they are, all others by `read`."""

    name: str
    exact: frozenset[type]
    read: Reader


def forms_of(kind: type) -> tuple[FieldForm, ...]:
    """Return how each field of a dataclass is read, for who has the fields in another form."""
    readers, exact = _field_readers(kind), _exact_types(kind)
    return tuple(FieldForm(name=name, exact=exact[name], read=read) for name, read in readers.items())


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


@cache
def _writer(kind: type) -> Writer:
    """Return what spells a `kind`; looked up once for each, because every change is spelled whole."""
    if issubclass(kind, Enum):
        return attrgetter("value")
    if dataclasses.is_dataclass(kind):
        composite = tuple(name for name, exact in _exact_types(kind).items() if not exact)
        return partial(_write_dataclass, tuple(_hints(kind)), composite)
    if issubclass(kind, list | tuple):
        return lambda value: [to_wire(item) for item in value]
    if issubclass(kind, dict):
        return lambda value: {key: to_wire(item) for key, item in value.items()}
    return lambda value: value


def _write_dataclass(names: tuple[str, ...], composite: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Spell the fields that are not plain by their annotation, and all if one is not what it says."""
    wire = {name: getattr(value, name) for name in names}
    for name in composite:
        wire[name] = to_wire(wire[name])
    if _SPELLED.issuperset(map(type, wire.values())):
        return wire
    return {name: to_wire(each) for name, each in wire.items()}


@cache
def _reader(kind: Any) -> Reader:
    """Return what reads a `kind`; looked up once for each, because a stored row has dozens of fields."""
    if kind is Any:
        return lambda data, _where: data
    if isinstance(kind, typing.NewType):
        return _reader(kind.__supertype__)
    origin = typing.get_origin(kind)
    if origin in {typing.Union, types.UnionType}:
        return _union_reader(kind)
    if origin is tuple:
        (item,) = (arg for arg in typing.get_args(kind) if arg is not Ellipsis)
        return _tuple_reader(_reader(item))
    if origin is dict:
        _, item = typing.get_args(kind)
        return _dict_reader(_reader(item))
    if dataclasses.is_dataclass(kind):
        return partial(_read_dataclass, kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return partial(_read_enum, kind, {member.value: member for member in kind})
    return partial(_read_scalar, kind)


def _union_reader(kind: Any) -> Reader:
    options = [option for option in typing.get_args(kind) if option is not type(None)]
    optional = len(options) < len(typing.get_args(kind))
    read = _reader(options[0])
    return lambda data, where: None if data is None and optional else read(data, where)


def _tuple_reader(read: Reader) -> Reader:
    def read_tuple(data: Any, where: str) -> tuple[Any, ...]:
        items = _expect(list, data, where)
        return tuple([read(each, f"{where}[]") for each in items]) if items else ()

    return read_tuple


def _dict_reader(read: Reader) -> Reader:
    return lambda data, where: {
        key: read(each, f"{where}.{key}") for key, each in _expect(dict, data, where).items()
    }


@cache
def _field_readers(kind: type) -> dict[str, Reader]:
    return {name: _reader(hint) for name, hint in _hints(kind).items()}


@cache
def _exact_types(kind: type) -> dict[str, frozenset[type]]:
    """Name for each field the types that are right as they come; none where a reader has to look."""
    exact = {}
    for name, hint in _hints(kind).items():
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        found = {getattr(option, "__supertype__", option) for option in options}
        exact[name] = frozenset(found) if found <= _PLAIN else frozenset[type]()
    return exact


def _read_dataclass(kind: Any, data: Any, where: str) -> Any:
    readers, exact = _field_readers(kind), _exact_types(kind)
    given = _expect(dict, data, where)
    unknown = given.keys() - readers.keys()
    if unknown:
        raise InvalidArgument(f"{where}: unknown field `{min(unknown)}`")
    try:
        try:
            fields = {
                name: each if type(each) in exact[name] else readers[name](each, where)
                for name, each in given.items()
            }
        except InvalidArgument:  # once more, to name the place
            fields = {name: readers[name](each, f"{where}.{name}") for name, each in given.items()}
        return kind(**fields)
    except TypeError as error:
        raise InvalidArgument(f"{where}: {error}") from error


def _read_enum(kind: type[Enum], words: dict[Any, Enum], data: Any, where: str) -> Enum:
    try:
        return words[data] if type(data) in _PLAIN and data in words else kind(data)
    except ValueError as error:
        raise InvalidArgument(f"{where}: `{data}` is none of {[option.value for option in kind]}") from error


def _read_scalar(kind: Any, data: Any, where: str) -> Any:
    if type(data) is kind:
        return data
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(data, bool) and kind is not bool:
        raise InvalidArgument(f"{where}: expected {kind.__name__}, got a boolean")
    return _expect(kind, data, where)


def _expect(kind: type[T], data: Any, where: str) -> T:
    if not isinstance(data, kind):
        raise InvalidArgument(f"{where}: expected {kind.__name__}, got {type(data).__name__}")
    return data
