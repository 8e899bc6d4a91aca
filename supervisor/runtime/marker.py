"""The marker in a process's environment that says which session and which agent it belongs to.

Both variables are chains from the outermost supervisor inwards, `outer/inner`, so that the tree of a
supervisor that runs inside an agent still belongs to the outer one. The two chains have equal length:
the agent at one place belongs to the session at the same place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SESSION: Final = "SUP_SESSION"
AGENT: Final = "SUP_AGENT"

_NOBODY: Final = "-"
_SESSION_PREFIX: Final = f"{SESSION}=".encode()
_AGENT_PREFIX: Final = f"{AGENT}=".encode()


Marks = frozenset[tuple[str, str]]

NO_MARKS: Final[Marks] = frozenset()


def marked_env(
    env: Mapping[str, str], *, session: str, agent: str, outer: Mapping[str, str]
) -> dict[str, str]:
    """Return `env` with the marker added behind the chain that `outer` carries.

    Raises ValueError when a name would break the chain apart.
    """
    for name in (session, agent):
        if not name or "/" in name or "\0" in name:
            msg = f"{name!r} cannot be part of a marker"
            raise ValueError(msg)
    sessions = _links(outer.get(SESSION, ""))
    agents = _links(outer.get(AGENT, ""))
    return {
        **env,
        SESSION: "/".join([*sessions, session]),
        AGENT: "/".join([*_aligned(agents, len(sessions)), agent]),
    }


def marks_in(environ: bytes) -> Marks:
    """Read which (session, agent) pairs a raw `/proc/PID/environ` carries."""
    if _SESSION_PREFIX not in environ:
        return NO_MARKS
    entries = environ.split(b"\0")
    sessions = _links(_value(entries, _SESSION_PREFIX))
    agents = _aligned(_links(_value(entries, _AGENT_PREFIX)), len(sessions))
    return frozenset(zip(sessions, agents, strict=True))


def _value(entries: list[bytes], prefix: bytes) -> str:
    for entry in entries:
        if entry.startswith(prefix):
            return entry[len(prefix) :].decode("utf-8", "surrogateescape")
    return ""


def _links(chain: str) -> list[str]:
    return [link for link in chain.split("/") if link]


def _aligned(agents: list[str], length: int) -> list[str]:
    return [_NOBODY] * (length - len(agents)) + agents[:length]
