"""Which life of the machine this is: process ids and start times mean nothing beyond it."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Final

_LINUX: Final = Path("/proc/sys/kernel/random/boot_id")
_MACOS: Final = b"kern.bootsessionuuid"
_UUID_BYTES: Final = 64

UNKNOWN: Final = "unknown"
"""What a system gets that names its boots nowhere: there each start takes earlier processes for its own."""


def boot_id() -> str:
    """Return the id of this boot of the machine."""
    if sys.platform == "darwin":
        return _from_sysctl() or UNKNOWN
    try:
        return _LINUX.read_text(encoding="ascii").strip() or UNKNOWN
    except OSError:
        return UNKNOWN


def _from_sysctl() -> str:
    """Ask the kernel of macOS; it has no file for this."""
    found = ctypes.create_string_buffer(_UUID_BYTES)
    size = ctypes.c_size_t(_UUID_BYTES)
    failed = ctypes.CDLL(None).sysctlbyname(_MACOS, found, ctypes.byref(size), None, ctypes.c_size_t(0))
    return "" if failed else found.value.decode("ascii", "replace")
