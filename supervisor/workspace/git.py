"""What git says about a project, asked so that the project's own settings run nothing."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Final

DEADLINE_S: Final = 5.0

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SAFE: Final = (
    "--no-optional-locks",
    "--no-pager",
    "-c",
    "core.fsmonitor=false",
    "-c",
    f"core.hooksPath={os.devnull}",
    "-c",
    "credential.helper=",
    "-c",
    "protocol.allow=never",
)


def head_commit(project: Path) -> str | None:
    """Return the full hash of HEAD, or None without git, repository, commit or a timely answer.

    It waits for a process, up to `DEADLINE_S`: call it from a thread, not on an event loop.
    """
    try:
        answer = subprocess.run(
            ["git", *_SAFE, "rev-parse", "--verify", "--quiet", "--end-of-options", "HEAD"],
            cwd=project,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=DEADLINE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    commit = answer.stdout.decode("ascii", "replace").strip()
    return commit if answer.returncode == 0 and _COMMIT.fullmatch(commit) else None


def _environment() -> dict[str, str]:
    """Pass on what finds git and its owner's settings, never a GIT_DIR of some outer process."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CONFIG_HOME") if name in os.environ}
    return kept | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
