"""The keys of a profile about agents at a terminal, and what holds between them."""

from __future__ import annotations

import re
from typing import Any, Final

from supervisor.config.kinds import Flag, Key, Number, Table, Text, Texts
from supervisor.config.locator import KeyPath
from supervisor.config.presets import PRESETS
from supervisor.config.problems import Problems
from supervisor.config.spelling import DAY_S, default_of
from supervisor.model.screen import ScreenPatterns, TerminalSpec

ADAPTER: Final = "pty"
"""The adapter that these keys are for."""

_OTHERS: Final = frozenset({"acp", "claude", "codex", "command"})
_KEYS: Final = Texts(item=Text(min_length=1, max_length=100), max_items=20)


def _keys(name: str, meaning: str) -> Key:
    return Key(name=name, kind=_KEYS, meaning=meaning, default=default_of(TerminalSpec, name))


TERMINAL: Final = Table(
    keys=(
        Key(
            name="rows",
            kind=Number(low=10, high=500, whole=True),
            meaning="Rows of its terminal, until a person's own takes its place.",
            default=default_of(TerminalSpec, "rows"),
        ),
        Key(
            name="columns",
            kind=Number(low=20, high=500, whole=True),
            meaning="Columns of its terminal.",
            default=default_of(TerminalSpec, "columns"),
        ),
        Key(
            name="paste",
            kind=Flag(),
            meaning="Whether a prompt is pasted in one piece (bracketed paste), else it is typed.",
            default=default_of(TerminalSpec, "paste"),
        ),
        _keys("submit_keys", "Keys after a prompt: names such as `enter` or `ctrl+j`, or text as it is."),
        _keys("interrupt_keys", "Keys that end its turn early."),
        _keys("allow_keys", "Keys that say yes when it asks."),
        _keys("deny_keys", "Keys that say no when it asks."),
        Key(
            name="quiet_s",
            kind=Number(low=0, high=DAY_S),
            meaning="Seconds without a word, and without the `busy` pattern, that end a turn. 0: never.",
            default=default_of(TerminalSpec, "quiet_s"),
        ),
    )
)

_MEANINGS: Final = {
    "ready": "It takes a prompt. Without it: half a second after its first words.",
    "busy": "It works; no turn ends while a line matches.",
    "done": "Its turn has ended: a line that was not there when the turn began.",
    "ask": "It waits for a permission: the lines around become a request.",
    "rate_limit": "The service of its model refuses for now.",
    "login": "It is not logged in.",
}

PATTERNS: Final = Table(
    keys=tuple(
        Key(
            name=name,
            kind=Text(max_length=1000),
            meaning=meaning,
            default=default_of(ScreenPatterns, name),
        )
        for name, meaning in _MEANINGS.items()
    )
)

TERMINAL_KEYS: Final = (
    Key(
        name="terminal",
        kind=TERMINAL,
        meaning="The terminal of agents with the adapter `pty`, and the keys that are typed at it.",
        default={},
    ),
    Key(
        name="patterns",
        kind=PATTERNS,
        meaning="Regular expressions that say what the screen of a `pty` agent means, line by line.",
        default={},
    ),
)


def check_terminal(pool: dict[str, Any], path: KeyPath, problems: Problems) -> None:
    """Hold that the patterns are some, and that they stand where they are read."""
    for name, pattern in (pool.get("patterns") or {}).items():
        try:
            re.compile(pattern or "")
        except (re.error, RecursionError, OverflowError) as error:
            problems.add((*path, "patterns", name), f"is no regular expression: {error}")
    for name in ("terminal", "patterns"):
        if pool.get(name) and _adapter_of(pool) in _OTHERS:
            problems.add((*path, name), f'is read only with `adapter = "{ADAPTER}"`')


def _adapter_of(pool: dict[str, Any]) -> str:
    preset = PRESETS.get(pool.get("agent") or "")
    return pool.get("adapter") or ("command" if preset is None else preset.adapter)


def terminal_of(values: dict[str, Any]) -> dict[str, Any]:
    """Make the parts of a pool from its checked values."""
    return {
        "terminal": TerminalSpec(**values.get("terminal", {})),
        "patterns": ScreenPatterns(**values.get("patterns", {})),
    }
