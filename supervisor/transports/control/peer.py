"""Who is at the other end of a Unix socket, as the kernel tells it."""

from __future__ import annotations

import os
import socket
import struct

_CREDENTIALS = "3i"


def is_own_user(connected: socket.socket) -> bool:
    """Tell whether the process at the other end runs as this process's user."""
    packed = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(_CREDENTIALS))
    _, uid, _ = struct.unpack(_CREDENTIALS, packed)
    return bool(uid == os.geteuid())
