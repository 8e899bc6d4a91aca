"""The page that explains every key of a profile, drawn from the key tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final, assert_never

from supervisor.config.keys import PROFILE
from supervisor.config.kinds import (
    Choice,
    Flag,
    Key,
    Kind,
    Number,
    Numbers,
    Table,
    Tables,
    Text,
    TextMap,
    Texts,
)
from supervisor.config.locator import DEPTH_MAX
from supervisor.config.parse import PROFILE_MAX
from supervisor.model.ids import RESERVED_NAMES

_INTRO: Final = f"""\
A profile defines a team in TOML: UTF-8, at most {PROFILE_MAX // 1024} KiB, nested at most {DEPTH_MAX} deep.
A key that is not listed here is an error, and so is a value out of its range; all problems are told at
once, each with its line, by `supervisor profile check PROFILE`.

`supervisor up NAME` looks for a profile among those that come with supervisor and then in
`$XDG_CONFIG_HOME/supervisor/profiles/NAME.toml` (without that variable, in `~/.config`). A reference with
a `/` or ending in `.toml` is a path. A profile that lies in a project is used only by its path, so that a
cloned repository starts nothing by itself. The file must belong to you or root, be no symbolic link, and
be closed to other writers.

Editors that read JSON Schema complete and check profiles with `profile.schema.json`: begin the file with
`#:schema PATH/profile.schema.json`."""

_HEAD: Final = "| key | value | default | meaning |\n|---|---|---|---|"


def profile_reference(generated: str = "") -> str:
    """Spell the page as it stands in `docs/profile-reference.md`; `generated` is a line for editors of it."""
    parts = ["# Profile reference", *([generated] if generated else []), _INTRO]
    for heading, table in _sections("", PROFILE):
        parts += [f"## {heading}", _HEAD + "".join(f"\n{_row(key)}" for key in table.keys)]
    parts += ["## Names", _names()]
    return "\n\n".join(parts) + "\n"


def _sections(path: str, table: Table, *, heading: str = "At the top") -> Iterator[tuple[str, Table]]:
    """Walk the tables in the order in which a profile is read."""
    yield heading, table
    for key in table.keys:
        inner = f"{path}.{key.name}" if path else key.name
        match key.kind:
            case Table():
                yield from _sections(inner, key.kind, heading=f"`[{inner}]`")
            case Tables():
                yield from _sections(inner, key.kind.table, heading=f"`[[{inner}]]`")
            case _:
                continue


def _row(key: Key) -> str:
    meaning = key.meaning.replace("|", "\\|")
    return f"| `{key.name}` | {_value(key.kind)} | {_default(key)} | {meaning} |"


def _value(kind: Kind) -> str:
    match kind:
        case Text():
            return f"text: {kind.rule}" if kind.rule else f"text, at most {kind.max_length} characters"
        case Choice():
            return " or ".join(f'`"{word}"`' for word in kind.words)
        case Number():
            return f"{'whole number' if kind.whole else 'number'}, {kind.low:g} to {kind.high:.0f}"
        case Flag():
            return "`true` or `false`"
        case Texts():
            at_least = "not empty, " if kind.min_items else ""
            twice = ", none twice" if kind.unique else ""
            return f"list of texts, {at_least}at most {kind.max_items}{twice}" + _each(kind.item)
        case Numbers():
            return f"list of numbers from {kind.item.low:g} to {kind.item.high:.0f}, at most {kind.max_items}"
        case TextMap():
            return f"table of texts, at most {kind.max_items}; names: {kind.names.rule}"
        case Table():
            return "table"
        case Tables():
            return f"array of tables, {'at least one, ' if kind.min_items else ''}at most {kind.max_items}"
        case _:
            assert_never(kind)


def _each(item: Text) -> str:
    return f"; each: {item.rule}" if item.rule else ""


def _default(key: Key) -> str:
    if key.required:
        return "must be given"
    if key.default is None:
        return "none"
    if isinstance(key.kind, (Table, Tables)):
        return "see below" if isinstance(key.kind, Table) else "none"
    value = list(key.default) if isinstance(key.default, tuple) else key.default
    return f"`{json.dumps(value)}`"


def _names() -> str:
    reserved = ", ".join(f"`{name}`" for name in sorted(RESERVED_NAMES))
    return (
        f"Pools and agents may not be called {reserved}. No two agents of a team may have one name, so a "
        "pool `builder` of size 2 and a pool `builder-1` exclude each other. Names of variables may not "
        "begin with `SUPERVISOR_` or `SUP_`: supervisor sets those."
    )
