"""What a profile says about agents at a terminal: its size, its keys, and what their screens look like."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Final

KEYS: Final = {
    "enter": "\r",
    "newline": "\n",
    "escape": "\x1b",
    "tab": "\t",
    "space": " ",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "page_up": "\x1b[5~",
    "page_down": "\x1b[6~",
}
"""What the keys with a name send; `ctrl+LETTER` is the control character, anything else is typed as it is."""

_CONTROL: Final = re.compile(r"ctrl\+([a-z\]\[\\^_])")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenPatterns:
    """Regular expressions for single lines of a screen; empty is never.

    `ready`: it takes prompts. `busy`: it works. `done`: it has ended its turn. `ask`: it waits for a
    permission. `rate_limit`, `login`: its model's service refuses.
    """

    ready: str = ""
    busy: str = ""
    done: str = ""
    ask: str = ""
    rate_limit: str = ""
    login: str = ""

    def given(self) -> dict[str, str]:
        """Return those that can match, by name."""
        return {each.name: found for each in fields(self) if (found := getattr(self, each.name))}


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalSpec:
    """The terminal of an agent and how one types at it; keys are spelled as `KEYS` says.

    With `paste` a prompt is a bracketed paste. `quiet_s` without a sign ends a turn; 0 is never.
    """

    rows: int = 40
    columns: int = 120
    paste: bool = True
    submit_keys: tuple[str, ...] = ("enter",)
    interrupt_keys: tuple[str, ...] = ("escape",)
    allow_keys: tuple[str, ...] = ("enter",)
    deny_keys: tuple[str, ...] = ("escape",)
    quiet_s: float = 0.0


def typed(keys: tuple[str, ...]) -> bytes:
    """Return what a terminal sends for these keys."""
    return "".join(_typed(key) for key in keys).encode("utf-8", "replace")


def _typed(key: str) -> str:
    control = _CONTROL.fullmatch(key)
    if control is not None:
        return chr(ord(control[1].upper()) & 0x1F)
    return KEYS.get(key, key)
