"""When each line of a file was last changed, by `git blame`."""

from __future__ import annotations

import re

from git import Git, GitFailed

_COMMIT = re.compile(rb"([0-9a-f]{40,64}) \d+ \d+(?: \d+)?")


def line_times(git: Git, path: bytes, *, timeout_s: float = 5.0) -> dict[bytes, float]:
    """Return the author time for each line of the file as it is at HEAD, the oldest among equal lines.

    Blaming HEAD, not the work tree, keeps git from running the repository's own content filters.
    An unknown file, or one that takes too long, has no times.
    """
    try:
        told = git.run("blame", "--no-textconv", "--porcelain", "HEAD", "--", path, timeout_s=timeout_s)
    except GitFailed:
        return {}
    commit = b""
    authored: dict[bytes, float] = {}
    times: dict[bytes, float] = {}
    for line in told.split(b"\n"):
        if line.startswith(b"\t"):
            at = authored.get(commit, 0.0)
            times[line[1:]] = min(at, times.get(line[1:], at))
        elif found := _COMMIT.fullmatch(line):
            commit = found[1]
        elif line.startswith(b"author-time "):
            authored[commit] = float(line[12:])
    return times
