"""What a program would have to tell SQLite to do our operations: the statements and what is bound to them.

A script is recorded once from the product's own operations, and replayed by the peers: a program in C,
aiosqlite as it is usually written. They do the same work in the database and nothing around it.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from supervisor.store.store import Store
from supervisor.store.transaction import Transaction

Value = int | float | str | None
Step = tuple[int, tuple[Value, ...]]
"""A statement's place in the list, and what is bound to it in order."""

_NAMED: Final = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_QUOTED_OR_COMMENT: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*")


@dataclass(slots=True)
class Script:
    """Statements, and operations made of them."""

    statements: list[str] = field(default_factory=list)
    operations: list[list[Step]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Spell it for replay.c, which names the format."""
        parts = [struct.pack("<I", len(self.statements))]
        parts += [_text(statement) for statement in self.statements]
        parts.append(struct.pack("<I", len(self.operations)))
        for operation in self.operations:
            parts.append(struct.pack("<I", len(operation)))
            for place, values in operation:
                parts.append(struct.pack("<II", place, len(values)))
                parts += [_spelled(value) for value in values]
        path.write_bytes(b"".join(parts))

    def calls(self, count: int) -> Iterator[list[tuple[str, tuple[Value, ...]]]]:
        """Give the first operations with their statements' words, as a driver is called."""
        for operation in self.operations[:count]:
            yield [(self.statements[place], values) for place, values in operation]


def read_script(path: Path) -> Script:
    """Read what `write` wrote."""
    return _Parser(path.read_bytes()).script()


def parameter_names(statement: str) -> tuple[str, ...]:
    """List the named parameters as SQLite numbers them: by first appearance."""
    return tuple(dict.fromkeys(_NAMED.findall(_QUOTED_OR_COMMENT.sub("", statement))))


class RecordingStore(Store):
    """A store that writes down every operation's statements; one operation at a time."""

    script: Script

    @classmethod
    def into(cls, script: Script) -> type[Store]:
        """Return a store class that records into this script."""
        return type("Recording", (cls,), {"script": script})

    def _transaction(self, connection: sqlite3.Connection) -> Transaction:
        self.script.operations.append([])
        transaction = super()._transaction(connection)
        transaction._connection = _Recorder(connection, self.script)  # type: ignore[assignment]  # noqa: SLF001
        return transaction


class _Recorder:
    """Stands in for the connection of one transaction."""

    def __init__(self, connection: sqlite3.Connection, script: Script) -> None:
        self._connection = connection
        self._script = script

    def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
        names = parameter_names(statement)
        values = tuple(parameters[name] for name in names) if names else tuple(parameters)
        self._script.operations[-1].append((self._place_of(statement), values))
        return self._connection.execute(statement, parameters)

    def _place_of(self, statement: str) -> int:
        if statement not in self._script.statements:
            self._script.statements.append(statement)
        return self._script.statements.index(statement)


def _text(text: str) -> bytes:
    spelled = text.encode()
    return struct.pack("<I", len(spelled)) + spelled


def _spelled(value: Value) -> bytes:
    if value is None:
        return b"n"
    if isinstance(value, int):
        return struct.pack("<cq", b"i", value)
    if isinstance(value, float):
        return struct.pack("<cd", b"f", value)
    return b"t" + _text(value)


class _Parser:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def script(self) -> Script:
        statements = [self._text() for _ in range(self._number())]
        operations = [[self._step() for _ in range(self._number())] for _ in range(self._number())]
        return Script(statements, operations)

    def _step(self) -> Step:
        place = self._number()
        return place, tuple([self._value() for _ in range(self._number())])

    def _value(self) -> Value:
        kind = self._data[self._at : self._at + 1]
        self._at += 1
        if kind == b"n":
            return None
        if kind == b"t":
            return self._text()
        value: int | float = struct.unpack_from("<q" if kind == b"i" else "<d", self._data, self._at)[0]
        self._at += 8
        return value

    def _text(self) -> str:
        size = self._number()
        self._at += size
        return self._data[self._at - size : self._at].decode()

    def _number(self) -> int:
        self._at += 4
        number: int = struct.unpack_from("<I", self._data, self._at - 4)[0]
        return number
