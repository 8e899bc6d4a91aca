"""File descriptors: as many as the kernel allows for us, as many as before for our children."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_OOM_SCORE: Final = "300"
_inherited: list[tuple[int, int]] = []  # the limit before it was raised; one per process, as the limit is


def raise_nofile() -> int:
    """Raise the soft limit of open files to the hard one; return the limit that holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # macOS refuses "unlimited"
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            _inherited[:] = [(soft, hard)]
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def settle_child(pid: int) -> None:
    """Give a child the limit we were started with, and make it a likelier victim of the OOM killer than us.

    It is done from outside just after the exec, because code between fork and exec would forbid vfork.
    """
    if sys.platform != "linux":
        return
    if _inherited:
        with suppress(OSError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, _inherited[0])
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
