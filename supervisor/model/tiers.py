"""How much is at risk in what an agent asks to do: 0 reads, 1 can be undone, 2 reaches out, 3 is final.

Judged by kind, tool and words alone, and rather too high than too low: what is not known is 2.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from supervisor.model.command_line import Command, CommandLine, command_of
from supervisor.model.final_acts import is_final

READS: Final = 0
UNDOABLE: Final = 1
OUTSIDE: Final = 2
FINAL: Final = 3

WORDS_MAX: Final = 500
"""Words of a line that are looked at; whoever writes more is asked about as if it were final."""

_READERS: Final = frozenset(
    [
        "ls",
        "cat",
        "head",
        "tail",
        "wc",
        "pwd",
        "echo",
        "printf",
        "true",
        "false",
        "stat",
        "du",
        "df",
        "basename",
        "dirname",
        "realpath",
        "readlink",
        "whoami",
        "cut",
        "tr",
        "diff",
        "cmp",
        "comm",
        "grep",
        "egrep",
        "fgrep",
        "nl",
        "md5sum",
        "sha1sum",
        "sha256sum",
        "test",
        "which",
        "uname",
        "seq",
    ]
)
_MAKERS: Final = frozenset({"mkdir", "touch", "cp", "mv"})
_GIT_READS: Final = frozenset({"status", "log", "show", "diff", "rev-parse", "ls-files", "blame", "describe"})
_GIT_MAKES: Final = frozenset({"add", "commit"})
_FIND_ACTS: Final = ("-exec", "-ok", "-delete", "-fprint", "-fls")
_PRIVATE: Final = frozenset({".supervisor"})
_SETTINGS: Final = _PRIVATE | {".git", ".claude", ".codex", ".gemini", ".qwen", ".opencode", ".mcp.json"}
"""Parts of a workspace that steer the tools that work in it: to change them is more than an edit."""

_PATH_KEYS: Final = frozenset(
    [
        "file_path",
        "filePath",
        "filepath",
        "path",
        "notebook_path",
        "absolute_path",
        "file",
        "dir_path",
        "directory",
        "blocked_path",
        "move_path",
        "new_path",
        "old_path",
        "destination",
        "source",
        "target",
    ]
)
_DEPTH_MAX: Final = 6
_GRANTS: Final = ("grantRoot", "grant_root")


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What an agent wants to do. `cwd` is where, `workspace` the directory that is its own."""

    kind: str
    tool: str
    payload: dict[str, Any]
    cwd: str = ""
    workspace: str = ""

    def place(self, path: str) -> str:
        """Return the absolute form of a path, `..` taken by its words; empty if there is none."""
        base = posixpath.join(self.workspace, self.cwd)
        if path.startswith("~") or "\0" in path or not posixpath.isabs(posixpath.join(base, path)):
            return ""
        return posixpath.normpath(posixpath.join(base, path))

    def inside(self, path: str) -> str | None:
        """Return where in the workspace a path leads, `.` for itself; None if it leads out."""
        place = self.place(path)
        if not place or not self.workspace:
            return None
        root = posixpath.normpath(self.workspace)
        if place == root:
            return "."
        prefix = root.rstrip("/") + "/"
        return place.removeprefix(prefix) if place.startswith(prefix) else None


def tier_of(act: Act, *, outside: bool = False) -> int:
    """Judge an act; `outside` says that one of its paths leads out of the workspace by a link."""
    match act.kind:
        case "shell":
            tier = _shell_tier(act, command_of(act.payload))
        case "read":
            tier = READS if all(_is_open(act, path) for path in file_paths(act.payload)) else OUTSIDE
        case "edit":
            tier = _edit_tier(act)
        case "plan":
            tier = UNDOABLE
        case _:
            tier = OUTSIDE
    return max(tier, OUTSIDE) if outside else tier


def paths_of(act: Act) -> tuple[str, ...]:
    """List what in an act may be a path: the files it names, or all words of its command."""
    if act.kind != "shell":
        return file_paths(act.payload)
    line = command_of(act.payload)
    commands = () if line is None else line.commands
    return tuple(
        path for each in commands for path in (*each.words[1:], *each.writes, *each.reads) if path[:1] != "-"
    )


def file_paths(payload: dict[str, Any]) -> tuple[str, ...]:
    """List the files that a request names."""
    return tuple(dict.fromkeys(_found(payload, _DEPTH_MAX)))


def _found(value: Any, depth: int) -> Iterator[str]:
    if depth and isinstance(value, dict):
        for key, each in value.items():
            yield from _named(key, each)
            yield from _found(each, depth - 1)
    elif depth and isinstance(value, list):
        for each in value:
            yield from _found(each, depth - 1)


def _named(key: str, value: Any) -> Iterator[str]:
    if key in _PATH_KEYS and isinstance(value, str) and value:
        yield value
    elif key == "paths" and isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))
    elif key == "changes" and isinstance(value, dict):
        yield from value


def _edit_tier(act: Act) -> int:
    paths = file_paths(act.payload)
    granted = any(act.payload.get(name) for name in _GRANTS)
    return UNDOABLE if paths and not granted and all(_is_own(act, path) for path in paths) else OUTSIDE


def _is_open(act: Act, path: str) -> bool:
    return _is_clear_of(act.inside(path), _PRIVATE)


def _is_own(act: Act, path: str) -> bool:
    return _is_clear_of(act.inside(path), _SETTINGS)


def _is_clear_of(inside: str | None, parts: frozenset[str]) -> bool:
    return inside is not None and parts.isdisjoint(inside.split("/"))


def _shell_tier(act: Act, line: CommandLine | None) -> int:
    if line is None:
        return OUTSIDE
    words = sum(len(each.words) for each in line.commands)
    if words > WORDS_MAX:
        return FINAL
    if any(is_final(each.words[at:]) for each in line.commands for at in range(len(each.words))):
        return FINAL
    if not line.clear:
        return OUTSIDE
    return max(_command_tier(act, each) for each in line.commands)


def _command_tier(act: Act, command: Command) -> int:
    tier = max(_program_tier(command), UNDOABLE if command.writes else READS)
    is_safe = _is_own if tier else _is_open
    named = (*command.words[1:], *command.writes, *command.reads)
    if "/" in command.words[0] or not all(_is_safe_word(act, word, is_safe) for word in named):
        return OUTSIDE
    return tier


def _is_safe_word(act: Act, word: str, is_safe: Callable[[Act, str], bool]) -> bool:
    if word.startswith("-"):
        return not any(each in word for each in ("/", "..", "~"))
    return word == "/dev/null" or is_safe(act, word)


def _program_tier(command: Command) -> int:
    program, arguments = command.program, command.words[1:]
    if program in _READERS:
        return READS
    if program in _MAKERS:
        return UNDOABLE
    if program == "find":
        return OUTSIDE if any(each.startswith(_FIND_ACTS) for each in arguments) else READS
    if program == "git" and arguments:
        return _git_tier(arguments)
    return OUTSIDE


def _git_tier(arguments: tuple[str, ...]) -> int:
    if any(each.startswith(("--output", "--ext-diff", "--textconv", "-O")) for each in arguments):
        return OUTSIDE
    if arguments[0] in _GIT_READS:
        return READS
    return UNDOABLE if arguments[0] in _GIT_MAKES else OUTSIDE
