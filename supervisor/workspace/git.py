"""What git says of a project, asked so that nothing that the repository brings along is run."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEADLINE_S: Final = 5.0
STATUS_DEADLINE_S: Final = 30.0

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
_PROGRAMS: Final = r"^filter\..*\.(clean|smudge|process|required)$"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAnswer:
    """How a git command ended: `code` None without git or a timely answer; `said` is what went wrong."""

    code: int | None
    output: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitStanding:
    """What is checked out in a directory: HEAD, empty without one; whether there is more than it says."""

    commit: str = ""
    dirty: bool | None = None


def head_commit(project: Path) -> str | None:
    """Return the full hash of HEAD, or None without git, repository, commit or a timely answer.

    It waits for a process, up to `DEADLINE_S`: call it from a thread, not on an event loop.
    """
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", "HEAD")
    answer = _ask(project, words, env=_environment(), deadline_s=DEADLINE_S)
    commit = answer.output.strip()
    return commit if answer.code == 0 and _COMMIT.fullmatch(commit) else None


def ask_git(directory: Path, *words: str, deadline_s: float = DEADLINE_S) -> GitAnswer:
    """Run a git command that only the repository's own plain settings bear on.

    Neither the person's nor the machine's settings count, and no hook, filter, monitor or helper is run.
    It waits for a process, up to `deadline_s`: call it from a thread.
    """
    env = _environment() | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return _ask(directory, words, env=env | _without_filters(directory, env), deadline_s=deadline_s)


def standing_of(directory: Path) -> GitStanding:
    """Say what is checked out in a directory; call it from a thread."""
    head = ask_git(directory, "rev-parse", "--verify", "--quiet", "--end-of-options", "HEAD")
    commit = head.output.strip()
    if head.code != 0 or not _COMMIT.fullmatch(commit):
        return GitStanding()
    return GitStanding(commit=commit, dirty=is_dirty(directory))


def is_dirty(directory: Path) -> bool | None:
    """Tell whether a repository has changes that are not committed; None if git does not say."""
    words = ("status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=dirty")
    status = ask_git(directory, *words, deadline_s=STATUS_DEADLINE_S)
    return bool(status.output) if status.code == 0 else None


def _ask(directory: Path, words: tuple[str, ...], *, env: Mapping[str, str], deadline_s: float) -> GitAnswer:
    try:
        answer = subprocess.run(
            ["git", *_SAFE, *words],
            cwd=directory,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=deadline_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return GitAnswer(code=None, said=f"git did not answer within {deadline_s:.0f} s")
    except OSError as error:
        return GitAnswer(code=None, said=f"git cannot be run: {error.strerror}")
    return GitAnswer(
        code=answer.returncode,
        output=answer.stdout.decode("utf-8", "replace"),
        said=answer.stderr.decode("utf-8", "replace").strip(),
    )


def _without_filters(directory: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return settings that take every content filter of the repository its program."""
    asked = _ask(
        directory, ("config", "--name-only", "-z", "--get-regexp", _PROGRAMS), env=env, deadline_s=DEADLINE_S
    )
    names = sorted({name for name in asked.output.split("\0") if name}) if asked.code == 0 else []
    settings = {"GIT_CONFIG_COUNT": str(len(names))}
    for number, name in enumerate(names):
        settings[f"GIT_CONFIG_KEY_{number}"] = name
        settings[f"GIT_CONFIG_VALUE_{number}"] = "false" if name.endswith(".required") else ""
    return settings


def _environment() -> dict[str, str]:
    """Pass on what finds git and its owner's settings, never a GIT_DIR of some outer process."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CONFIG_HOME") if name in os.environ}
    return kept | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
