"""Model values as JSON data and back, strictly: an unknown or ill-typed field is an error."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from supervisor.errors import InvalidArgument

T = TypeVar("T")


def to_wire(value: Any) -> Any:
    """Turn a model value into dicts, lists and scalars that JSON can spell."""
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
    built: T = _parse(kind, data, where or kind.__name__)
    return built


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _parse(kind: Any, data: Any, where: str) -> Any:
    if kind is Any:
        return data
    if isinstance(kind, typing.NewType):
        return _parse(kind.__supertype__, data, where)
    origin = typing.get_origin(kind)
    if origin in {typing.Union, types.UnionType}:
        return _parse_union(kind, data, where)
    if origin is tuple:
        (item,) = (arg for arg in typing.get_args(kind) if arg is not Ellipsis)
        return tuple(_parse(item, each, f"{where}[]") for each in _expect(list, data, where))
    if origin is dict:
        _, item = typing.get_args(kind)
        return {key: _parse(item, each, f"{where}.{key}") for key, each in _expect(dict, data, where).items()}
    if dataclasses.is_dataclass(kind):
        return _parse_dataclass(kind, data, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _parse_enum(kind, data, where)
    return _parse_scalar(kind, data, where)


def _parse_union(kind: Any, data: Any, where: str) -> Any:
    options = [option for option in typing.get_args(kind) if option is not type(None)]
    if data is None and len(options) < len(typing.get_args(kind)):
        return None
    return _parse(options[0], data, where)


def _parse_dataclass(kind: Any, data: Any, where: str) -> Any:
    fields = _hints(kind)
    given = _expect(dict, data, where)
    unknown = sorted(given.keys() - fields.keys())
    if unknown:
        raise InvalidArgument(f"{where}: unknown field `{unknown[0]}`")
    try:
        return kind(**{name: _parse(fields[name], each, f"{where}.{name}") for name, each in given.items()})
    except TypeError as error:
        raise InvalidArgument(f"{where}: {error}") from error


def _parse_enum(kind: type[Enum], data: Any, where: str) -> Enum:
    try:
        return kind(data)
    except ValueError as error:
        raise InvalidArgument(f"{where}: `{data}` is none of {[option.value for option in kind]}") from error


def _parse_scalar(kind: Any, data: Any, where: str) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(data, bool) and kind is not bool:
        raise InvalidArgument(f"{where}: expected {kind.__name__}, got a boolean")
    return _expect(kind, data, where)


def _expect(kind: type[T], data: Any, where: str) -> T:
    if not isinstance(data, kind):
        raise InvalidArgument(f"{where}: expected {kind.__name__}, got {type(data).__name__}")
    return data
