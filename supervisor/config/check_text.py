"""Checks as people write them: `tests = pytest -q`, taken apart as a shell would, and never run by one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any, Final

from supervisor.config.planned import quoted
from supervisor.config.problems import described
from supervisor.model.evidence import CHECK_TIMEOUT_MAX_S, CHECK_TIMEOUT_S, Check
from supervisor.model.ids import NAME_PATTERN

FORM: Final = "NAME = COMMAND, e.g. tests = pytest -q"

_WRITTEN: Final = re.compile(r"\s*([A-Za-z0-9_-]{1,63})\s*=\s*(\S.*)\Z", re.DOTALL)
_KEYS: Final = ("name", "argv", "timeout_s")


class CheckUnreadable(ValueError):
    """What is written there is no check; the message says why."""


def is_check(words: str) -> bool:
    """Tell whether words have the form of a check."""
    return _WRITTEN.match(words) is not None


def read_check(words: str, *, timeout_s: float = CHECK_TIMEOUT_S) -> Check:
    """Take a check apart; raise CheckUnreadable that says what is wrong with it."""
    found = _WRITTEN.match(words)
    if found is None:
        raise CheckUnreadable(f"a check is written {FORM}, not {quoted(words)}")
    try:
        argv = tuple(shlex.split(found[2]))
    except ValueError as error:
        raise CheckUnreadable(f"the command of check {quoted(found[1])} cannot be read: {error}") from error
    return _checked(found[1], argv, timeout_s)


def check_of(table: Any) -> Check:
    """Return the check that a table of a file says; raise CheckUnreadable that says what is wrong with it."""
    if isinstance(table, str):
        return read_check(table)
    if not isinstance(table, dict):
        raise CheckUnreadable(f"a check is a text or a table, not {described(table)}")
    if strange := next((key for key in table if key not in _KEYS), None):
        raise CheckUnreadable(f"a check has no key {quoted(strange)}, only {', '.join(_KEYS)}")
    argv, timeout_s = table.get("argv"), table.get("timeout_s", CHECK_TIMEOUT_S)
    if not isinstance(argv, list) or not all(isinstance(part, str) for part in argv):
        raise CheckUnreadable("`argv` of a check is a list of texts: the program and its arguments")
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float):
        raise CheckUnreadable(f"`timeout_s` of a check is a number, not {described(timeout_s)}")
    name = table.get("name")
    return _checked(name if isinstance(name, str) else "", tuple(argv), float(timeout_s))


def repeated(checks: Sequence[Check]) -> str:
    """Return a name that two of the checks have; empty if there is none."""
    names = [check.name for check in checks]
    return next((name for name in names if names.count(name) > 1), "")


def _checked(name: str, argv: tuple[str, ...], timeout_s: float) -> Check:
    if not NAME_PATTERN.match(name):
        raise CheckUnreadable(f"{quoted(name)} is no name of a check; write small letters, digits, _ and -")
    if not argv or not argv[0].strip():
        raise CheckUnreadable(f"check {quoted(name)} has no command")
    if not 0 < timeout_s <= CHECK_TIMEOUT_MAX_S:
        raise CheckUnreadable(
            f"`timeout_s` of check {quoted(name)} is over 0 and at most {CHECK_TIMEOUT_MAX_S:.0f}"
        )
    return Check(name=name, argv=argv, timeout_s=timeout_s)
