"""Read a git repository without letting it run anything: no hook, filter, pager, diff tool or fetch."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SAFE_FLAGS: Final = (
    "--no-pager",
    "--literal-pathspecs",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "log.showSignature=false"),
    *("-c", "protocol.allow=never"),
    *("-c", "submodule.recurse=false"),
)
SAFE_DIFF: Final = ("--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=all")
CHUNK: Final = 1 << 16


class GitFailed(Exception):
    """Git is missing, refused the directory or did not answer in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Git in one directory, read only."""

    root: bytes

    def run(self, *arguments: str | bytes, timeout_s: float = 30.0, given: bytes = b"") -> bytes:
        """Return what the command prints; raise GitFailed unless it ends well and in time."""
        try:
            ended = subprocess.run(
                ["git", *SAFE_FLAGS, *arguments],
                cwd=self.root,
                env=safe_environment(),
                input=given,
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GitFailed(f"git {_word(arguments)}: {type(error).__name__}") from error
        if ended.returncode != 0:
            complaint = ended.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
            told = complaint.removeprefix("fatal: ").partition(" (or any")[0]
            raise GitFailed(f"git says: {told}" if told else f"git {_word(arguments)}: {ended.returncode}")
        return ended.stdout

    def number(self, *arguments: str | bytes) -> int:
        """Return what the command prints as a whole number."""
        return int(self.run(*arguments).strip() or b"0")

    def records(self, *arguments: str | bytes) -> Iterator[bytes]:
        """Yield the NUL-ended records that the command prints, as they come.

        Closing the iterator early ends the command. A command that fails half way ends the
        iteration with GitFailed, so a cut history is never taken for a whole one.
        """
        with subprocess.Popen(
            ["git", *SAFE_FLAGS, *arguments],
            cwd=self.root,
            env=safe_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                rest = b""
                while process.stdout and (chunk := process.stdout.read(CHUNK)):
                    *whole, rest = (rest + chunk).split(b"\0")
                    yield from whole
                if rest:
                    yield rest
                if process.wait() != 0:
                    raise GitFailed(f"git {_word(arguments)}: exit {process.returncode}")
            finally:
                if process.poll() is None:
                    process.kill()


def safe_environment() -> dict[str, str]:
    """Return our environment without git's own variables, in the C locale, with locks and prompts off."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
    }


def _word(arguments: tuple[str | bytes, ...]) -> str:
    return os.fsdecode(arguments[0])
