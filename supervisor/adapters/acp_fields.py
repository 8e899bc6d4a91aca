"""Reading what ACP agents say: every field may be missing, or be something else than it should."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from supervisor.adapters.events import ActKind
from supervisor.adapters.json_rpc import RpcError
from supervisor.adapters.kit import SERVER_NAME

LINE_MAX: Final = 500
DETAIL_MAX: Final = 2_000

_KINDS: Final = {
    "read": ActKind.READ,
    "search": ActKind.READ,
    "edit": ActKind.EDIT,
    "delete": ActKind.EDIT,
    "move": ActKind.EDIT,
    "execute": ActKind.SHELL,
    "fetch": ActKind.NETWORK,
    "switch_mode": ActKind.PLAN,
}
_MCP_NAME: Final = re.compile(rf"mcp_|{SERVER_NAME}_")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z][\w.-]{0,99}")
_LOGIN: Final = re.compile(
    r"\b(40[13])\b|api key|unauthori[sz]ed|unauthenticated|authenticat|not logged in|log ?in\b", re.IGNORECASE
)
_LIMITED: Final = re.compile(
    r"\b429\b|rate.?limit|too many requests|quota|resource.?exhausted|usage limit", re.IGNORECASE
)
_WAIT: Final = re.compile(
    r"\b(?:retry|try again|resets?)\b\D{0,20}(\d{1,7}(?:\.\d{1,9})?) ?"
    r"(ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b",
    re.IGNORECASE,
)
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0}
AUTH_REQUIRED: Final = -32000
"""The code of the protocol for: authenticate first."""


def table(found: Any) -> dict[str, Any]:
    """Return a table, empty if it is something else."""
    return found if isinstance(found, dict) else {}


def parsed_table(text: str) -> dict[str, Any] | None:
    """Read a text that is a table as JSON, None if it is something else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def rows(found: Any) -> list[dict[str, Any]]:
    """Return the tables of a list."""
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def words(found: Any) -> str:
    """Return a text that can be written anywhere, empty if it is something else."""
    return found.encode("utf-8", "replace").decode("utf-8") if isinstance(found, str) else ""


def one_line(text: str, most: int = LINE_MAX) -> str:
    """Return a text as one line that is not too long."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else line[: most - 1] + "…"


def count(found: Any) -> int | None:
    """Return a count, None if it is not known."""
    is_count = isinstance(found, int) and not isinstance(found, bool) and found >= 0
    return found if is_count else None


def money(found: Any) -> float | None:
    """Return an amount, None if it is not known."""
    is_amount = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < 1e12
    return float(found) if is_amount else None


def texts_of(content: Any) -> str:
    """Join what is text in a list of content blocks, of a tool call or plain."""
    blocks = [table(row.get("content")) if row.get("type") == "content" else row for row in rows(content)]
    return "\n".join(words(block.get("text")) for block in blocks if block.get("type") == "text")


def tool_of(call: dict[str, Any]) -> str:
    """Name the tool of a call: by what the agent says beside the protocol, by its title, by its kind."""
    named = words(table(call.get("_meta")).get("toolName"))
    if named:
        return one_line(named, 100)
    prefix, found, _ = words(call.get("toolCallId")).partition("__")  # Gemini CLI puts it there
    title = words(call.get("title"))
    for name in (prefix if found else "", title):
        if _PLAIN_NAME.fullmatch(name):
            return name
    return one_line(words(call.get("kind")), 100) or "tool"


def kind_of(call: dict[str, Any], tool: str) -> ActKind:
    """Say what a call is about; what the agent calls `other`, or `read`, may be a tool of the team."""
    if table(call.get("_meta")).get("provenance") == "mcp":
        return ActKind.MCP
    known = _KINDS.get(words(call.get("kind")))
    if known is not None:
        return known
    return ActKind.MCP if _MCP_NAME.match(tool) else ActKind.OTHER


def told(error: RpcError) -> str:
    """Return all the words of a refusal."""
    data = table(error.data)
    more = next((words(data[key]) for key in ("details", "message", "detail") if words(data.get(key))), "")
    parts = (words(error.message), more or words(error.data))
    said = ": ".join(part for part in parts if part)
    return (said or f"error {error.code}")[:DETAIL_MAX]


def is_rate_limit(error: RpcError) -> bool:
    """Tell whether the model's service refuses for now."""
    return error.code == 429 or _LIMITED.search(told(error)) is not None


def wait_of(error: RpcError) -> float | None:
    """Return how many seconds a refusal says to wait, None if it does not say."""
    found = _WAIT.search(told(error))
    if found is None:
        return None
    unit = found[2].lower()
    return float(found[1]) * _SECONDS["ms" if unit == "ms" else unit[0]]


def is_login(error: RpcError) -> bool:
    """Tell whether only a person can help: no login, or a key that is not accepted."""
    return error.code in (AUTH_REQUIRED, 401, 403) or _LOGIN.search(told(error)) is not None
