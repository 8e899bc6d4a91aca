"""Model values as JSON data and back, strictly: an unknown or ill-typed field is an error."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Hashable
from enum import Enum
from functools import cache, partial
from typing import Any, Final, TypeVar, cast

from supervisor.errors import InvalidArgument

T = TypeVar("T")


_PLAIN: Final = frozenset({bool, float, int, str, type(None)})
"""What JSON spells as it is. Compared by exact type: an Enum may be a str too."""

Reader = Callable[[Any, str], Any]
"""Builds a value from wire data; the text names the place for whoever must mend the data."""


def to_wire(value: Any) -> Any:
    """Turn a model value into dicts, lists and scalars that JSON can spell."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: to_wire(getattr(value, name)) for name in _hints(type(value))}
    if isinstance(value, list | tuple):
        return [to_wire(item) for item in value]
    if isinstance(value, dict):
        return {key: to_wire(item) for key, item in value.items()}
    return value


def from_wire(kind: type[T], data: Any, where: str = "") -> T:
    """Build a `kind` from wire data; raise InvalidArgument that names the place of the first mistake."""
    built: T = _reader(cast("Hashable", kind))(data, where or kind.__name__)
    return built


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


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
        return partial(_read_enum, kind)
    return partial(_read_scalar, kind)


def _union_reader(kind: Any) -> Reader:
    options = [option for option in typing.get_args(kind) if option is not type(None)]
    optional = len(options) < len(typing.get_args(kind))
    read = _reader(options[0])
    return lambda data, where: None if data is None and optional else read(data, where)


def _tuple_reader(read: Reader) -> Reader:
    return lambda data, where: tuple(read(each, f"{where}[]") for each in _expect(list, data, where))


def _dict_reader(read: Reader) -> Reader:
    return lambda data, where: {
        key: read(each, f"{where}.{key}") for key, each in _expect(dict, data, where).items()
    }


@cache
def _field_readers(kind: type) -> dict[str, Reader]:
    return {name: _reader(hint) for name, hint in _hints(kind).items()}


def _read_dataclass(kind: Any, data: Any, where: str) -> Any:
    readers = _field_readers(kind)
    given = _expect(dict, data, where)
    unknown = sorted(given.keys() - readers.keys())
    if unknown:
        raise InvalidArgument(f"{where}: unknown field `{unknown[0]}`")
    try:
        return kind(**{name: readers[name](each, f"{where}.{name}") for name, each in given.items()})
    except TypeError as error:
        raise InvalidArgument(f"{where}: {error}") from error


def _read_enum(kind: type[Enum], data: Any, where: str) -> Enum:
    try:
        return kind(data)
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
