"""Commands that cannot be undone: what they destroy is not to be had again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

_PLAINLY: Final = frozenset(
    [
        "dd",
        "shred",
        "wipefs",
        "fdisk",
        "sfdisk",
        "parted",
        "mkswap",
        "truncate",
        "shutdown",
        "reboot",
        "halt",
        "poweroff",
        "dropdb",
        "srm",
        "unlink",
        "rmdir",
    ]
)
_SUBCOMMANDS: Final[dict[str, frozenset[str]]] = {
    "npm": frozenset({"publish", "unpublish"}),
    "yarn": frozenset({"publish"}),
    "pnpm": frozenset({"publish"}),
    "cargo": frozenset({"publish", "yank"}),
    "gem": frozenset({"push", "yank"}),
    "twine": frozenset({"upload"}),
    "poetry": frozenset({"publish"}),
    "uv": frozenset({"publish"}),
    "gh": frozenset({"delete"}),
    "kubectl": frozenset({"delete"}),
    "helm": frozenset({"uninstall", "delete"}),
    "terraform": frozenset({"apply", "destroy"}),
    "tofu": frozenset({"apply", "destroy"}),
    "docker": frozenset({"prune", "rm", "rmi"}),
    "podman": frozenset({"prune", "rm", "rmi"}),
    "aws": frozenset({"rm", "rb", "terminate-instances", "delete-bucket"}),
    "gsutil": frozenset({"rm", "rb"}),
}


def is_final(words: Sequence[str]) -> bool:
    """Tell whether these words, taken as program and arguments, would destroy something for good."""
    program, arguments = words[0].rpartition("/")[2], words[1:]
    if program in _PLAINLY or program.startswith("mkfs"):
        return True
    if program in _SUBCOMMANDS:
        return not _SUBCOMMANDS[program].isdisjoint(arguments)
    judge = _JUDGES.get(program)
    return judge is not None and judge(arguments)


def _rm(arguments: Sequence[str]) -> bool:
    return _has(arguments, "rRf", ("--recursive", "--force"))


def _recursively(arguments: Sequence[str]) -> bool:
    return _has(arguments, "R", ("--recursive",))


def _find(arguments: Sequence[str]) -> bool:
    return "-delete" in arguments


def _rsync(arguments: Sequence[str]) -> bool:
    return any(each.startswith(("--del", "--remove-source")) for each in arguments)


def _git(arguments: Sequence[str]) -> bool:
    for name, judge in _GIT.items():
        if name in arguments and judge(arguments[list(arguments).index(name) + 1 :]):
            return True
    return False


def _git_push(arguments: Sequence[str]) -> bool:
    forced = _has(arguments, "fd", ("--force", "--mirror", "--delete", "--prune"))
    return forced or any(each.startswith(("+", ":")) for each in arguments)


_GIT: Final[dict[str, Callable[[Sequence[str]], bool]]] = {
    "push": _git_push,
    "reset": lambda arguments: _has(arguments, "", ("--hard", "--merge")),
    "clean": lambda arguments: _has(arguments, "fdx", ("--force",)),
    "branch": lambda arguments: _has(arguments, "D", ("--delete",)),
    "stash": lambda arguments: not {"drop", "clear"}.isdisjoint(arguments),
    "reflog": lambda arguments: not {"expire", "delete"}.isdisjoint(arguments),
    "update-ref": lambda arguments: _has(arguments, "d", ()),
    "worktree": lambda arguments: "remove" in arguments,
    "filter-branch": lambda _arguments: True,
    "filter-repo": lambda _arguments: True,
    "checkout": lambda arguments: _has(arguments, "f", ("--force",)) or "--" in arguments or "." in arguments,
    "restore": lambda _arguments: True,
}

_JUDGES: Final[dict[str, Callable[[Sequence[str]], bool]]] = {
    "rm": _rm,
    "chmod": _recursively,
    "chown": _recursively,
    "chgrp": _recursively,
    "find": _find,
    "rsync": _rsync,
    "git": _git,
}


def _has(arguments: Sequence[str], letters: str, names: tuple[str, ...]) -> bool:
    """Tell whether one of the options is among them: by letter, alone or with others, or by name."""
    for each in arguments:
        if each.startswith("--"):
            if _is_short_for(each.partition("=")[0], names):
                return True
        elif each.startswith("-") and any(letter in each for letter in letters):
            return True
    return False


def _is_short_for(option: str, names: tuple[str, ...]) -> bool:
    """Tell whether an option is one of the names, or begins like one: most programs take it then."""
    return any(
        option.startswith(name) or (len(option) > len("--") and name.startswith(option)) for name in names
    )
