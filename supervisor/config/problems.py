"""Collect what is wrong with a profile, each as one line that can be clicked and acted upon."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Final

from supervisor.config.locator import KeyPath, Locator

PROBLEMS_MAX: Final = 100
SHOWN_MAX: Final = 60


class EnoughProblems(Exception):
    """PROBLEMS_MAX problems were found; more would help nobody."""


class Problems:
    """The problems of one profile, in the order of its lines: `survey.toml:12: pools.worker.sise: …`."""

    def __init__(self, shown_as: str, locator: Locator, data: dict[str, Any]) -> None:
        """Keep what is needed to say where a problem is."""
        self._shown_as = shown_as
        self._locator = locator
        self._data = data
        self._found: list[tuple[int, str]] = []

    def add(self, path: KeyPath, what: str) -> None:
        """Note what is wrong at `path`; raise EnoughProblems when it is one too many."""
        if len(self._found) == PROBLEMS_MAX:
            raise EnoughProblems
        line = self._locator.line_of(path)
        key = self._spelled(path)
        where = f"{self._shown_as}:{line}: {key}: " if key else f"{self._shown_as}:{line}: "
        self._found.append((line, where + what))

    def __bool__(self) -> bool:
        """Tell whether there is any problem."""
        return bool(self._found)

    @property
    def lines(self) -> tuple[str, ...]:
        """List the problems by line."""
        return tuple(text for _, text in sorted(self._found, key=lambda found: found[0]))

    def _spelled(self, path: KeyPath) -> str:
        """Spell a key's path; elements of arrays by their `name`, else by `#n` counted from 1."""
        words: list[str] = []
        value: Any = self._data
        for part in path:
            value = _step(value, part)
            words.append(_element(value, part) if isinstance(part, int) else shown(part))
        return ".".join(words)


def _step(value: Any, part: str | int) -> Any:
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return None


def _element(value: Any, index: int) -> str:
    name = value.get("name") if isinstance(value, dict) else None
    return shown(name) if isinstance(name, str) and name else f"#{index + 1}"


def shown(text: str, *, limit: int = SHOWN_MAX) -> str:
    """Spell foreign text harmlessly on one line: no control characters, and not too long."""
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return cut if cut.isprintable() else repr(cut)[1:-1].replace("\\'", "'")


def described(value: object) -> str:
    """Say in a few words what a TOML value is."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return f"the number {value}" if abs(value) < 10**18 else "a huge number"
        case float():
            return f"the number {value}"
        case str():
            return f'the text "{shown(value)}"'
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """Return the valid name that `word` was probably meant to be."""
    close = difflib.get_close_matches(word[:SHOWN_MAX].lower(), list(valid), n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """Return `; did you mean …?`, or the valid names if none is near."""
    names = list(valid)
    near = nearest(word, names)
    if near is not None:
        return f"; did you mean `{near}`?"
    return f"; valid: {', '.join(f'`{name}`' for name in names)}" if names else ""
