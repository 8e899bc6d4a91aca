"""Errors as JSON data and back, by their stable code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from supervisor.errors import ProfileInvalid, SupervisorError
from supervisor.model.wire import to_wire


def error_to_wire(error: SupervisorError) -> dict[str, Any]:
    """Spell an error as code, message and details."""
    return {"code": error.code, "message": error.message, "details": _plain(to_wire(error.details))}


def error_from_wire(data: Any) -> SupervisorError:
    """Build the error of the class that owns the code; an unknown code gives a plain SupervisorError."""
    fields = data if isinstance(data, dict) else {}
    details = fields.get("details")
    error = _classes_by_code().get(str(fields.get("code")), SupervisorError)(str(fields.get("message", "")))
    error.details = dict(details) if isinstance(details, dict) else {}
    if isinstance(error, ProfileInvalid):
        problems = error.details.get("problems")
        error.problems = tuple(map(str, problems)) if isinstance(problems, list) else ()
    return error


@cache
def _classes_by_code() -> dict[str, type[SupervisorError]]:
    return {kind.code: kind for kind in _tree(SupervisorError)}


def _tree(root: type[SupervisorError]) -> Iterator[type[SupervisorError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _tree(kind)


def _plain(value: Any) -> Any:
    """Keep what JSON can spell and turn the rest into text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
