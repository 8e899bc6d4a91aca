"""Whether a file is on a disk of this machine: over a network SQLite's log and locks hold nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from supervisor.errors import DatabaseUnavailable

NETWORKED: Final = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
        "ocfs2",
        "gfs2",
        "fuse.sshfs",
        "fuse.glusterfs",
    ]
)
"""File systems, as Linux names them, that several machines may have open at once."""

_MOUNTS: Final = Path("/proc/self/mountinfo")


def require_local(path: Path) -> None:
    """Raise DatabaseUnavailable for a place on a network file system; what cannot be told is let pass."""
    kind = _kind_of(path)
    if kind in NETWORKED:
        raise DatabaseUnavailable(
            f"{path} is on a network file system ({kind}), where a database can be damaged without a word. "
            "Nothing was written. Put the project on a disk of this machine."
        )


def _kind_of(path: Path) -> str:
    """Return the type of the file system that holds `path`; empty where the system does not tell."""
    try:
        device = path.stat().st_dev
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        fields, _, tail = line.partition(" - ")
        if fields.split(" ")[2:3] == [wanted]:
            return tail.split(" ", 1)[0]
    return ""
