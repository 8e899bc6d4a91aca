"""What the kernel holds processes to: many descriptors for us, and for our children what the profile says."""

from __future__ import annotations

import logging
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from supervisor.model.health import ProcessLimits

_UNLIMITED: Final = ProcessLimits()
_inherited: list[tuple[int, int]] = []  # the limit before it was raised; one per process, as the limit is

_log = logging.getLogger(__name__)


def raise_nofile() -> int:
    """Raise the soft limit of open files to the hard one; return the limit that holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # macOS refuses "unlimited"
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            _inherited[:] = [(soft, hard)]
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def settle_child(pid: int, limits: ProcessLimits = _UNLIMITED) -> None:
    """Give a child its limits: of open files those we were started with, unless its profile says otherwise.

    It is a likelier victim of the OOM killer than we are. All is done from outside just after the exec,
    because code between fork and exec would forbid vfork. What the machine refuses is logged.
    """
    if sys.platform != "linux":
        return
    with suppress(ProcessLookupError, FileNotFoundError):  # it has ended already
        files = nofile_of_child(limits)
        if files is not None:
            _try(f"nofile {files[0]}", pid, lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, files))
        if limits.nice:
            _try(f"nice {limits.nice}", pid, lambda: os.setpriority(os.PRIO_PGRP, pid, limits.nice))
        score = Path(f"/proc/{pid}/oom_score_adj")
        words = f"oom_score_adj {limits.oom_score_adj}"
        _try(words, pid, lambda: score.write_text(str(limits.oom_score_adj), encoding="ascii"))


def nofile_of_child(limits: ProcessLimits) -> tuple[int, int] | None:
    """Return the soft and the hard limit of open files that a child gets; None if it keeps ours."""
    if limits.nofile is None:
        return _inherited[0] if _inherited else None
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    allowed = limits.nofile if hard == resource.RLIM_INFINITY else min(limits.nofile, hard)
    return allowed, allowed


def _try(what: str, pid: int, setting: Callable[[], object]) -> None:
    """Set one limit; the others hold without it."""
    try:
        setting()
    except (ProcessLookupError, FileNotFoundError):
        raise
    except OSError as problem:
        _log.warning("process %d does not get %s: %s", pid, what, problem.strerror)
