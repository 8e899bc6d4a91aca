"""The kinds of value that a profile's key may have, and the key itself: data for parser and schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

REQUIRED: Final = object()
"""The default of a key that must be given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string; `pattern` must match all of it, and `rule` says the pattern in words."""

    pattern: str | None = None
    rule: str = ""
    min_length: int = 0
    max_length: int = 1000
    placeholders: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few words; `aliases` are other people's words for them, offered as corrections."""

    words: tuple[str, ...]
    aliases: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number from `low` to `high`, both allowed; `whole` means no fraction."""

    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """True or false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """A list of strings of one kind."""

    item: Text
    min_items: int = 0
    max_items: int = 100
    unique: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A list of numbers of one kind, none twice."""

    item: Number
    max_items: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMap:
    """A table of free keys with strings as values."""

    names: Text
    values: Text
    max_items: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with known keys only."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """An array of tables, written `[[…]]`."""

    table: Table
    min_items: int = 0
    max_items: int = 200


Kind = Text | Choice | Number | Flag | Texts | Numbers | TextMap | Table | Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a table: what it is called, what it may hold, and what it means to a person."""

    name: str
    kind: Kind
    meaning: str
    default: object = REQUIRED

    @property
    def required(self) -> bool:
        """Tell whether the key must be given."""
        return self.default is REQUIRED
