"""What a shell command line would run, found by its words alone: nothing is expanded, nothing is run.

What cannot be known by its words (variables, substitutions, here-documents, groups) makes a line unclear.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

LINE_MAX: Final = 16_384
"""Characters of the longest line that is looked at; a longer one is unclear."""
NESTED_MAX: Final = 3

SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish"})

_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t]+)
    |(?P<join>[0-9]*>&[0-9-](?![^\s;&|]))
    |(?P<redirect>(?:[0-9]*|&)(?:>>|>\||>|<))
    |(?P<end>\n|&&|\|\||;|\||&)
    |(?P<single>'[^']*')
    |(?P<double>"(?:[^"\\$`]|\\[^\n])*")
    |(?P<escaped>\\[^\n])
    |(?P<plain>[^\s'"\\$`(){}<>|&;!\#\x00-\x1f\x7f]+)""",
    re.VERBOSE,
)
_IN_DOUBLE: Final = re.compile(r'\\(["\\$`])')
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_WORDS: Final = re.compile(r"[\w./+:=@~%^,*?-]+")
_GLOB: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One program with its arguments; `writes` and `reads` are the files it is redirected to and from."""

    words: tuple[str, ...]
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """Return the name of the program, without its directory."""
        return self.words[0].rpartition("/")[2] if self.words else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """The commands of a line in order; of an unclear one only what can be guessed, as one command."""

    commands: tuple[Command, ...]
    clear: bool

    @property
    def only(self) -> Command | None:
        """Return the command if it is a clear line of one, not redirected."""
        if not self.clear or len(self.commands) != 1:
            return None
        found = self.commands[0]
        return None if found.writes or found.reads else found


def command_of(payload: dict[str, Any]) -> CommandLine | None:
    """Find what a request to run something would run; None if it names no command."""
    named = [payload[name] for name in ("command", "cmd", "argv", "script") if payload.get(name)]
    if not named:
        return None
    if len(named) > 1:
        return guessed(" ".join(str(each) for each in named))
    (given,) = named
    if isinstance(given, str):
        return parsed(given)
    if isinstance(given, list) and all(isinstance(each, str) for each in given):
        return _inner(CommandLine(commands=(Command(words=tuple(given)),), clear=True), NESTED_MAX)
    return guessed(str(given))


def parsed(line: str, *, depth: int = NESTED_MAX) -> CommandLine:
    """Read a command line; a shell that is started for another line counts as that line."""
    commands = _commands(line) if len(line) <= LINE_MAX else None
    if commands is None:
        return guessed(line)
    return _inner(CommandLine(commands=commands, clear=True), depth)


def guessed(line: str) -> CommandLine:
    """Take all that looks like a word in an unclear line, as one command."""
    return CommandLine(commands=(Command(words=tuple(_WORDS.findall(line[:LINE_MAX]))),), clear=False)


def _inner(line: CommandLine, depth: int) -> CommandLine:
    only = line.only
    if only is None or only.program not in SHELLS or len(only.words) != len(("sh", "-c", "script")):
        return line
    _, option, script = only.words
    if option not in {"-c", "-lc"}:
        return line
    return parsed(script, depth=depth - 1) if depth else guessed(script)


class _Reader:
    """Puts tokens together to commands; `ok` is False once something cannot be understood."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.ok = True
        self._words: list[str] = []
        self._writes: list[str] = []
        self._reads: list[str] = []
        self._word: str | None = None
        self._target: list[str] | None = None

    def take(self, kind: str, text: str) -> None:
        """Take in one token."""
        if kind in {"single", "double", "escaped", "plain"}:
            self._word = (self._word or "") + _meant(kind, text)
            return
        self.end_word()
        if kind == "redirect":
            self.ok = self.ok and self._target is None
            self._target = self._reads if text.endswith("<") else self._writes
        elif kind == "end":
            self.end_command()

    def end_word(self) -> None:
        """Put the word in hand where it belongs."""
        if self._word is None:
            return
        (self._words if self._target is None else self._target).append(self._word)
        self._word = self._target = None

    def end_command(self) -> None:
        """Put the command in hand to the others."""
        self.end_word()
        self.ok = self.ok and self._target is None
        if self._words or self._writes or self._reads:
            command = Command(words=tuple(self._words), writes=tuple(self._writes), reads=tuple(self._reads))
            self.ok = self.ok and _is_plain(command)
            self.commands.append(command)
        self._words, self._writes, self._reads = [], [], []


def _commands(line: str) -> tuple[Command, ...] | None:
    reader, at = _Reader(), 0
    while at < len(line):
        token = _TOKEN.match(line, at)
        if token is None or not reader.ok:
            return None
        reader.take(token.lastgroup or "", token[0])
        at = token.end()
    reader.end_command()
    return tuple(reader.commands) if reader.ok and reader.commands else None


def _meant(kind: str, text: str) -> str:
    match kind:
        case "single":
            return text[1:-1]
        case "double":
            return _IN_DOUBLE.sub(r"\1", text[1:-1])
        case "escaped":
            return text[1:]
        case _:
            return text


def _is_plain(command: Command) -> bool:
    """Tell whether a program is named as such: not by a pattern, not with variables set for it."""
    first = command.words[0] if command.words else ""
    return bool(first) and not _ASSIGNMENT.match(first) and not _GLOB.search(first)
