"""Count with the machine's own tools (`grep`, `cat`, `wc`), so that a result is checked by other code."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from typing import Final

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
    """Run programs one after the other, each fed with what the last one printed; None if one fails."""
    for stage in stages:
        try:
            ended = subprocess.run(
                stage,
                cwd=root,
                env=safe_environment(),
                input=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        if ended.returncode not in EMPTY_HANDED:
            return None
        given = ended.stdout
    return given
