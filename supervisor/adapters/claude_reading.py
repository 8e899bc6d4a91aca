"""What the single parts of Claude's messages mean; whatever has not the expected form counts as absent."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from supervisor.adapters.events import ActKind, CoordinatorLink, Plan, TurnReason
from supervisor.adapters.kit import SERVER_NAME

TITLE_MAX: Final = 200
RAW_MAX: Final = 2_000

COORDINATOR_TOOLS: Final = f"mcp__{SERVER_NAME}"
"""What the names of the coordinator's own tools begin with."""

_KINDS: Final = {
    **dict.fromkeys(("Bash", "BashOutput", "KillShell", "run_shell_command"), ActKind.SHELL),
    **dict.fromkeys(("Write", "Edit", "MultiEdit", "NotebookEdit"), ActKind.EDIT),
    **dict.fromkeys(("write_file", "edit", "replace", "notebook_edit"), ActKind.EDIT),
    **dict.fromkeys(("Read", "Glob", "Grep", "LS", "NotebookRead"), ActKind.READ),
    **dict.fromkeys(("read_file", "read_many_files", "glob", "grep_search", "list_directory"), ActKind.READ),
    **dict.fromkeys(("WebFetch", "WebSearch", "web_fetch", "web_search"), ActKind.NETWORK),
    **dict.fromkeys(("ExitPlanMode", "exit_plan_mode", "TodoWrite", "todo_write"), ActKind.PLAN),
}

QUESTION_TOOLS: Final = frozenset({"AskUserQuestion", "ask_user_question"})
_PLAN_TOOLS: Final = frozenset({"TodoWrite", "todo_write"})

_STATUS: Final = re.compile(r"API Error: (?:[A-Za-z ]+\()?([45]\d\d)\b")
_RESET: Final = re.compile(r"\|(\d{10})\b")
_LOGIN: Final = re.compile(
    r"not logged in|/login|no auth type|invalid api key|authentication|credit balance is too low|oauth token",
    re.IGNORECASE,
)
_CANCELLED: Final = "Operation cancelled"
"""Qwen Code says so of a turn that was interrupted."""

_LIMITED: Final = re.compile(r"usage limit|rate.?limit|hit your [\w' -]*limit", re.IGNORECASE)


def text_in(table: dict[str, Any], key: str) -> str:
    """Return a text, empty if there is none."""
    value = table.get(key)
    return value if isinstance(value, str) else ""


def table_in(table: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a table, empty if there is none."""
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def tables_in(table: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the tables of a list."""
    value = table.get(key)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def number_in(table: dict[str, Any], key: str) -> float | None:
    """Return a number that can be counted with: finite and not below zero."""
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value < 1e18 and math.isfinite(value) else None


def count_in(table: dict[str, Any], key: str) -> int | None:
    """Return a whole number."""
    number = number_in(table, key)
    return None if number is None else int(number)


def one_line(text: str) -> str:
    """Return the first line that says something, cut."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= TITLE_MAX else line[: TITLE_MAX - 1] + "…"


def raw_of(message: dict[str, Any]) -> str:
    """Spell a message that nobody knows, cut."""
    try:
        return json.dumps(message, ensure_ascii=False)[:RAW_MAX]
    except (ValueError, RecursionError):
        return ""


def kind_of(tool: str) -> ActKind:
    """Tell what a tool does, by its name."""
    return ActKind.MCP if tool.startswith("mcp__") else _KINDS.get(tool, ActKind.OTHER)


def is_coordinators(tool: str) -> bool:
    """Tell whether a tool is one of the coordinator's own."""
    return tool.startswith(COORDINATOR_TOOLS + "__")


def title_of(tool: str, given: dict[str, Any]) -> str:
    """Say in one line what a tool call would do."""
    for key in ("command", "file_path", "notebook_path", "absolute_path", "path", "url", "query", "pattern"):
        if text_in(given, key):
            what = one_line(text_in(given, key))
            return what if kind_of(tool) is ActKind.SHELL else one_line(f"{tool} {what}")
    plan = text_in(given, "plan")
    return one_line(plan) if plan else one_line(f"{tool} {raw_of(given) if given else ''}".strip())


def text_of_result(block: dict[str, Any]) -> str:
    """Return the first words of what a tool answered."""
    content = block.get("content")
    if isinstance(content, str):
        return one_line(content)
    return one_line("\n".join(text_in(part, "text") for part in tables_in(block, "content")))


def plan_in(tool: str, given: dict[str, Any]) -> Plan | None:
    """Return the agent's list of steps, if this call writes it."""
    if tool not in _PLAN_TOOLS:
        return None
    todos = tables_in(given, "todos")
    return Plan(
        steps=tuple((text_in(todo, "status") or "pending", text_in(todo, "content")) for todo in todos)
    )


def link_in(servers: list[dict[str, Any]]) -> CoordinatorLink:
    """Tell from a list of MCP servers whether ours was reached."""
    for server in servers:
        if server.get("name") == SERVER_NAME:
            status = text_in(server, "status") or "unknown"
            why = text_in(server, "error")
            return CoordinatorLink(
                connected=status == "connected",
                detail="" if status == "connected" else one_line(f"{status}: {why}" if why else status),
            )
    return CoordinatorLink(connected=False, detail=f"the agent knows of no server `{SERVER_NAME}`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a `result` says about the turn; `status` as HTTP has it, 0 if there was none."""

    reason: TurnReason
    final_text: str = ""
    detail: str = ""
    status: int = 0

    @property
    def is_login(self) -> bool:
        """Tell whether only a person can help."""
        return self.status in {401, 403} or (
            self.reason is TurnReason.ERROR and _LOGIN.search(self.detail) is not None
        )

    @property
    def is_limited(self) -> bool:
        """Tell whether the model's service refuses for now."""
        return self.status == 429

    @property
    def until(self) -> float | None:
        """Return when it will no more, if it said so in numbers."""
        found = _RESET.search(self.detail)
        return float(found[1]) if found else None


def ending_of(result: dict[str, Any], *, last_text: str, was_interrupted: bool) -> Ending:
    """Read a `result`; `is_error` decides, as a failure can call itself a success."""
    subtype, terminal = text_in(result, "subtype"), text_in(result, "terminal_reason")
    text = text_in(result, "result")
    if result.get("is_error") is not True and subtype in {"success", ""}:
        refused = text_in(result, "stop_reason") == "refusal"
        return Ending(reason=TurnReason.REFUSED if refused else TurnReason.DONE, final_text=text or last_text)
    detail = one_line("; ".join(_complaints(result)) or text or terminal or subtype)
    status = _status_of(result, detail)
    last_text = "" if one_line(last_text) == detail else last_text  # Qwen Code says its complaints aloud
    is_cancelled = was_interrupted or detail.startswith(_CANCELLED)
    if terminal.startswith("aborted") or (is_cancelled and subtype == "error_during_execution"):
        return Ending(reason=TurnReason.INTERRUPTED, final_text=last_text)
    if subtype in {"error_max_turns", "error_max_budget_usd"} or status == 429:
        return Ending(reason=TurnReason.LIMIT, final_text=last_text, detail=detail, status=status)
    return Ending(reason=TurnReason.ERROR, final_text=last_text, detail=detail, status=status)


def _complaints(result: dict[str, Any]) -> Iterator[str]:
    errors = result.get("errors")
    if isinstance(errors, list):
        yield from (error for error in errors if isinstance(error, str) and error)
    message = text_in(table_in(result, "error"), "message")
    if message:
        yield message


def _status_of(result: dict[str, Any], detail: str) -> int:
    said = count_in(result, "api_error_status")
    if said is not None:
        return said
    found = _STATUS.search(detail)
    if found is not None:
        return int(found[1])
    return 429 if _LIMITED.search(detail) else 0
