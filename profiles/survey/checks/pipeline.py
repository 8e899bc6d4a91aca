"""Count with the machine's own tools (`grep`, `cat`, `wc`), so that a result is checked by other code."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import IO, Final

from git import safe_environment

TIMEOUT_S: Final = 60.0
EMPTY_HANDED: Final = frozenset({0, 1, 123})
"""Exits that also mean `nothing matched`: grep's 1, and 123 when xargs passes it on."""

TEXT_ONLY: Final = ("xargs", "-0", "-r", "grep", "-LZsaP", r"\x00", "--")
LINES_OF_TEXT: Final = ("xargs", "-0", "-r", "cat", "--")
MARKED_LINES: Final = ("xargs", "-0", "-r", "grep", "-hawE", "TODO|FIXME|XXX|HACK", "--")
COUNT: Final = ("wc", "-l")


def text_files(root: bytes, paths: Iterable[bytes]) -> bytes | None:
    """Return those of the paths that hold no NUL byte, each ended by one; None without the tools."""
    return pipe(root, [TEXT_ONLY], b"".join(b"./%s\0" % path for path in paths))


def count_lines(root: bytes, listing: bytes, stage: Sequence[str] = LINES_OF_TEXT) -> int | None:
    """Return how many lines a stage prints for the listed files; None without the tools."""
    counted = pipe(root, [stage, COUNT], listing)
    return None if counted is None else int(counted.strip() or b"0")


def pipe(root: bytes, stages: Sequence[Sequence[str]], given: bytes) -> bytes | None:
    """Run programs as a pipeline and return what the last one prints; None if one fails.

    What flows between them never passes through here, so it may be larger than memory.
    """
    with ExitStack() as stack:
        source: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())
        source.write(given)
        source.seek(0)
        running: list[subprocess.Popen[bytes]] = []
        try:
            for stage in stages:
                process = stack.enter_context(_started(root, stage, source))
                source.close()
                running.append(process)
                source = process.stdout or source
            printed, _ = running[-1].communicate(timeout=TIMEOUT_S)
            ends = [process.wait(TIMEOUT_S) for process in running]
        except (OSError, subprocess.TimeoutExpired):
            for process in running:
                process.kill()
            return None
    return printed if EMPTY_HANDED.issuperset(ends) else None


def _started(root: bytes, stage: Sequence[str], source: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        stage,
        cwd=root,
        env=safe_environment(),
        stdin=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
