"""The reference of the keys, read from the map that the screens bind."""

from __future__ import annotations

from typing import Final

from textual.keys import format_key

from supervisor.ui.keymap import KEYMAP, PLACES, Key

INTRODUCTION: Final = "`?` shows the keys of the place you are in; `:` finds every action by name."


def key_page(generated: str) -> str:
    """List every key by the place where it works."""
    return "\n\n".join(["# Keys", generated, INTRODUCTION, *map(_place, KEYMAP)]) + "\n"


def _place(place: str) -> str:
    rows = [f"| {_pressed(key)} | {key.description} | {key.tooltip} | `{key.id}` |" for key in KEYMAP[place]]
    return "\n".join([f"## {PLACES[place]}", "", "| key | does | | id |", "|---|---|---|---|", *rows])


def _pressed(key: Key) -> str:
    return " or ".join(f"`{_spelled(each)}`" for each in key.keys.split(","))


def _spelled(name: str) -> str:
    """Spell `question_mark` as what is printed on the key."""
    sign = format_key(name)
    return sign if len(sign) == 1 and sign.isascii() else name
