"""JSON as every door reads it: one meaning per text, bounded in every direction."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from supervisor.errors import InvalidArgument, TooLarge

DEPTH_MAX: Final = 32
ITEMS_MAX: Final = 1_000
MARKS_MAX: Final = 50_000
INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
_INT_DIGITS_MAX: Final = 20

# Possessive, and content with an unterminated string, so that no text can make it look twice.
_MARK: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
_UNREADABLE: Final = "this is not JSON that can be read"


def loads(data: bytes, *, limit: int) -> Any:
    """Parse `data`, at most `limit` bytes of it; raise TooLarge or InvalidArgument without quoting any of it.

    Refused besides bad syntax: duplicate keys, NaN and infinities, integers over 64 bits, lone surrogates and
    NUL in strings, nesting over 32, lists over 1,000 items, over 50,000 strings, commas and opening brackets.
    """
    if len(data) > limit:
        raise TooLarge(f"the JSON text is {len(data)} bytes; at most {limit} are read")
    _check_shape(data)
    value = _parse(data)
    _check_values(value)
    return value


def dumps(value: Any, *, ascii_only: bool = False) -> str:
    """Spell `value` compactly; lone surrogates (as in undecodable file names) become `?`."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode(errors="replace").decode()
        value = json.loads(text)
    if not ascii_only:
        return text
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _check_shape(data: bytes) -> None:
    """Bound depth and number of values before the parser builds anything."""
    marks = depth = 0
    for mark in _MARK.finditer(data):
        sign = data[mark.start()]
        if sign in b"]}":
            depth -= 1
            continue
        marks += 1
        if sign in b"[{":
            depth += 1
        if depth > DEPTH_MAX:
            raise InvalidArgument(f"the JSON text is nested over {DEPTH_MAX} deep")
        if marks > MARKS_MAX:
            raise TooLarge(f"the JSON text has over {MARKS_MAX} strings, commas and opening brackets")


def _parse(data: bytes) -> Any:
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_bounded_int,
            parse_float=_finite_float,
        )
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(_UNREADABLE) from error


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    listed = list(pairs)
    members = dict(listed)
    if len(members) != len(listed):
        raise InvalidArgument("the JSON text has the same key twice in one object")
    return members


def _no_constant(_: str) -> NoReturn:
    raise InvalidArgument("NaN and infinities are not JSON")


def _bounded_int(digits: str) -> int:
    if len(digits) <= _INT_DIGITS_MAX and INT_MIN <= (number := int(digits)) <= INT_MAX:
        return number
    raise InvalidArgument("an integer does not fit in 64 bits")


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidArgument("a number is too large for a 64-bit float")
    return number


def _check_values(value: Any) -> None:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            _check_text(each)
        elif isinstance(each, list):
            if len(each) > ITEMS_MAX:
                raise TooLarge(f"a list has {len(each)} items; at most {ITEMS_MAX} are read")
            waiting.extend(each)
        elif isinstance(each, dict):
            waiting.extend(each)
            waiting.extend(each.values())


def _check_text(text: str) -> None:
    if "\0" in text:
        raise InvalidArgument("a string holds the NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument("a string holds half of a surrogate pair") from error
