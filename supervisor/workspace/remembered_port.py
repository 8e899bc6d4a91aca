"""The port at which a project's agents were served last: outside agents are configured with it."""

from __future__ import annotations

import os
from typing import Final

from supervisor.workspace.safe_paths import write_whole
from supervisor.workspace.state_dir import StateDir

_PORTS: Final = range(1024, 65536)
_TEXT_MAX: Final = 16


def remembered_port(state: StateDir) -> int | None:
    """Return the port to try first, or None where none is remembered or what stands there is none."""
    try:
        descriptor = os.open(state.port_file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        text = os.read(descriptor, _TEXT_MAX)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    number = int(text) if text.strip().isdigit() else 0
    return number if number in _PORTS else None


def remember_port(state: StateDir, port: int) -> None:
    """Let the next engine try this port first."""
    write_whole(state.port_file, f"{port}\n".encode())
