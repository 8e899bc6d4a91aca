"""What of the engine's environment an agent gets: a short list, and what its pool names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Final

INHERITED: Final = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
)
"""The variables that every agent gets if they are set: where programs, home and scratch space are, and
how text and time are written. Credentials, sockets and proxies are a pool's to name in `env_allow`."""


def allowed_environment(environ: Mapping[str, str], extra: Iterable[str]) -> dict[str, str]:
    """Pick what an agent may inherit; PATH is always there, or programs would be looked for nowhere."""
    names = (*INHERITED, *extra)
    return {"PATH": os.defpath, **{name: environ[name] for name in names if name in environ}}
