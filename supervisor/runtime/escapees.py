"""Which programs may outlive the agent that began them: by the file they run, not the name they give."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

_DELETED: Final = " (deleted)"


def program_of(pid: int) -> str:
    """Return the path of the program a process runs; empty when it is gone or may not be asked."""
    try:
        path = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115 - a name that is no UTF-8 stays a name
    except OSError:
        return ""
    return path.removesuffix(_DELETED)


def may_escape(program: str, globs: Iterable[str]) -> bool:
    """Say whether one of the globs names this program: by its path if the glob has a slash, else by name."""
    name = program.rpartition("/")[2]
    return bool(program) and any(fnmatchcase(program if "/" in glob else name, glob) for glob in globs)
