"""Hold values from TOML against the key tables, and say of each misfit what would fit."""

from __future__ import annotations

import json
import math
import re
import shlex
from typing import Any, assert_never

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
from supervisor.config.locator import KeyPath
from supervisor.config.placeholders import PLACEHOLDERS, unknown_in
from supervisor.config.problems import Problems, described, did_you_mean, nearest, shown
from supervisor.config.spelling import NAME


def checked(kind: Kind, value: Any, path: KeyPath, problems: Problems) -> Any:
    """Return `value` as the model wants it, or None after noting its problems."""
    match kind:
        case Text():
            return _text(kind, value, path, problems)
        case Choice():
            return _choice(kind, value, path, problems)
        case Number():
            return _number(kind, value, path, problems)
        case Flag():
            return _flag(value, path, problems)
        case Texts():
            return _texts(kind, value, path, problems)
        case Numbers():
            return _numbers(kind, value, path, problems)
        case TextMap():
            return _text_map(kind, value, path, problems)
        case Table():
            return _table(kind, value, path, problems)
        case Tables():
            return _tables(kind, value, path, problems)
        case _:
            assert_never(kind)


def _text(kind: Text, value: Any, path: KeyPath, problems: Problems) -> str | None:
    if not isinstance(value, str):
        problems.add(path, f"must be text, not {described(value)}{_quoted(value)}")
        return None
    fault = _text_fault(kind, value)
    if fault is not None:
        problems.add(path, fault)
        return None
    if kind.placeholders:
        for name in unknown_in(value):
            problems.add(path, _unknown_placeholder(name))
    return value


def _quoted(value: Any) -> str:
    """Show how a number or a truth value is written as text."""
    if not isinstance(value, (int, float)) or described(value) == "a huge number":
        return ""
    return f'; write "{json.dumps(value)}" with quotes'


def _text_fault(kind: Text, value: str) -> str | None:
    """Say what is wrong with a string, or None."""
    if "\0" in value:
        return "contains a NUL character, which no program can be given; remove it"
    if len(value) > kind.max_length:
        return f"has {len(value)} characters; at most {kind.max_length} are allowed"
    if len(value) < kind.min_length:
        return "must not be empty"
    if kind.pattern is not None and re.fullmatch(kind.pattern, value) is None:
        return _misfit(kind, value)
    return None


def _misfit(kind: Text, value: str) -> str:
    lowered = re.sub(r"[^a-z0-9_-]+", "-", value[:63].lower()).strip("-_")
    hint = f"; `{lowered}` would do" if kind is NAME and lowered else ""
    return f'"{shown(value)}" is not allowed: {kind.rule}{hint}'


def _unknown_placeholder(name: str) -> str:
    near = nearest(name.replace("-", "_"), PLACEHOLDERS)
    valid = ", ".join(f"`{{{placeholder}}}`" for placeholder in PLACEHOLDERS)
    meant = f"did you mean `{{{near}}}`?" if near else f"valid: {valid}; variables are not replaced."
    spelled = shown(name)
    return f"unknown placeholder `{{{spelled}}}`; {meant} To pass it as it stands write `{{{{{spelled}}}}}`"


def _choice(kind: Choice, value: Any, path: KeyPath, problems: Problems) -> str | None:
    words = [str(word) for word in kind.words]
    if isinstance(value, str) and value in words:
        return kind.words[words.index(value)]
    listed = " or ".join(f'"{word}"' for word in words) if len(words) < 3 else _one_of(words)
    if not isinstance(value, str):
        problems.add(path, f"must be {listed}, not {described(value)}")
        return None
    meant = kind.aliases.get(value.lower()) or nearest(value, words)
    hint = f'; did you mean "{meant}"?' if meant else ""
    problems.add(path, f'must be {listed}, not "{shown(value)}"{hint}')
    return None


def _one_of(words: list[str]) -> str:
    return "one of " + ", ".join(f'"{word}"' for word in words)


def _number(kind: Number, value: Any, path: KeyPath, problems: Problems) -> float | None:
    expected = f"{'a whole number' if kind.whole else 'a number'} from {kind.low:g} to {kind.high:.0f}"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        problems.add(path, f"must be {expected}, not {described(value)}{_unquoted(value)}")
        return None
    fits = kind.low <= value <= kind.high and (not kind.whole or isinstance(value, int))
    if not fits or not math.isfinite(value):
        problems.add(path, f"must be {expected}, not {described(value).removeprefix('the number ')}")
        return None
    return value if kind.whole else float(value)


def _flag(value: Any, path: KeyPath, problems: Problems) -> bool | None:
    if isinstance(value, bool):
        return value
    problems.add(path, f"must be true or false, without quotes, not {described(value)}")
    return None


def _unquoted(value: Any) -> str:
    is_numeral = isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", value) is not None
    return f"; write {value} without quotes" if is_numeral else ""


def _texts(kind: Texts, value: Any, path: KeyPath, problems: Problems) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        problems.add(path, f"must be a list of texts, not {described(value)}{_as_list(kind, value)}")
        return None
    if not kind.min_items <= len(value) <= kind.max_items:
        few = (
            "must not be empty"
            if not value
            else f"has {len(value)} elements; at most {kind.max_items} are allowed"
        )
        problems.add(path, few)
        return None
    words = [checked(kind.item, item, (*path, index), problems) for index, item in enumerate(value)]
    if kind.unique:
        for index, word in enumerate(words):
            if word is not None and word in words[:index]:
                problems.add((*path, index), f'"{shown(word)}" stands in the list twice; remove one')
    return None if None in words else tuple(words)


def _numbers(kind: Numbers, value: Any, path: KeyPath, problems: Problems) -> tuple[float, ...] | None:
    if not isinstance(value, list):
        problems.add(path, f"must be a list of numbers, not {described(value)}")
        return None
    if len(value) > kind.max_items:
        problems.add(path, f"has {len(value)} elements; at most {kind.max_items} are allowed")
        return None
    numbers = [_number(kind.item, item, (*path, index), problems) for index, item in enumerate(value)]
    for index, number in enumerate(numbers):
        if number is not None and number in numbers[:index]:
            problems.add((*path, index), f"{number:g} stands in the list twice; remove one")
    return tuple(number for number in numbers if number is not None)


def _as_list(kind: Texts, value: Any) -> str:
    """Show how the value that was given as one string is written as a list."""
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        return ""
    words = [value]
    if kind.item.placeholders:
        try:
            words = shlex.split(value)
        except ValueError:
            return ""
    return f"; write {json.dumps(words, ensure_ascii=False)}" if words else ""


def _text_map(kind: TextMap, value: Any, path: KeyPath, problems: Problems) -> dict[str, str] | None:
    if not isinstance(value, dict):
        problems.add(path, f"must be a table of texts, not {described(value)}")
        return None
    if len(value) > kind.max_items:
        problems.add(path, f"has {len(value)} keys; at most {kind.max_items} are allowed")
        return None
    for name, item in value.items():
        fault = _text_fault(kind.names, name)
        if fault is not None:
            problems.add((*path, name), f"the name {fault}")
        checked(kind.values, item, (*path, name), problems)
    return dict(value)


def _table(kind: Table, value: Any, path: KeyPath, problems: Problems) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        problems.add(path, f"must be a table, not {described(value)}; write `[{_header(path)}]`")
        return None
    known = {key.name: key for key in kind.keys}
    for name in value:
        if name not in known:
            problems.add((*path, name), f"unknown key{_where_it_belongs(name, known)}")
    fitting: dict[str, Any] = {}
    for name, key in known.items():
        if name in value:
            fitting[name] = checked(key.kind, value[name], (*path, name), problems)
        elif key.required:
            problems.add((*path, name), f"is missing: {key.meaning[0].lower()}{key.meaning[1:]}")
    return fitting


def _where_it_belongs(name: str, known: dict[str, Key]) -> str:
    elsewhere = _HOMES.get(name)
    if elsewhere is not None:
        return f"; `{name}` belongs {elsewhere}"
    near = nearest(name, known)
    return f"; did you mean `{near}`?" if near is not None else did_you_mean(name, known)


def _tables(kind: Tables, value: Any, path: KeyPath, problems: Problems) -> list[dict[str, Any]] | None:
    header = f"[[{_header(path)}]]"
    if not isinstance(value, list):
        problems.add(path, f"must be an array of tables, not {described(value)}; begin each with `{header}`")
        return None
    if len(value) < kind.min_items:
        problems.add(path, f"must not be empty; begin one with `{header}`")
    if len(value) > kind.max_items:
        problems.add(path, f"has {len(value)} entries; at most {kind.max_items} are allowed")
        return None
    fitting = []
    for index, item in enumerate(value):
        if isinstance(item, dict):
            fitting.append(_table(kind.table, item, (*path, index), problems) or {})
        else:
            problems.add((*path, index), f"must be a table, not {described(item)}; begin it with `{header}`")
    return fitting


def _header(path: KeyPath) -> str:
    return ".".join(shown(part) for part in path if isinstance(part, str))


def _homes(table: Table, home: str) -> dict[str, str]:
    """Say of every key where in a profile it has its place."""
    places: dict[str, str] = {}
    for key in table.keys:
        places.setdefault(key.name, home)
        path = key.name if home == "at the top" else f"{home.strip('under `[]')}.{key.name}"
        match key.kind:
            case Table():
                inner = _homes(key.kind, f"under `[{path}]`")
            case Tables():
                inner = _homes(key.kind.table, f"under `[[{path}]]`")
            case _:
                continue
        for name, place in inner.items():
            places.setdefault(name, place)
    return places


_HOMES = _homes(PROFILE, "at the top")
