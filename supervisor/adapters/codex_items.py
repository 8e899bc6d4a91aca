"""What Codex calls an item, in the words of all adapters: its tool calls and what came of them."""

from __future__ import annotations

import shlex
from typing import Any, Final

from supervisor.adapters.codex_fields import one_line, raw_of, table_in, tables_in, text_in, texts_in
from supervisor.adapters.events import ActKind, ToolEnd, ToolStart

_SHELLS: Final = frozenset({"bash", "sh", "zsh", "dash", "ksh"})
_RUNS: Final = frozenset({"-c", "-lc"})
_COMMAND_MAX: Final = 65_536
"""A longer command is not taken apart: its shell is shown with it."""

_TOOLS: Final = {
    "commandExecution": ("shell", ActKind.SHELL),
    "fileChange": ("apply_patch", ActKind.EDIT),
    "mcpToolCall": ("", ActKind.MCP),
    "dynamicToolCall": ("", ActKind.OTHER),
    "collabAgentToolCall": ("agents", ActKind.OTHER),
    "webSearch": ("web_search", ActKind.NETWORK),
    "imageView": ("view_image", ActKind.READ),
    "imageGeneration": ("image_generation", ActKind.OTHER),
    "functionCallOutput": ("", ActKind.OTHER),
}


def tool_start(item: dict[str, Any]) -> ToolStart | None:
    """Tell the tool call that an item is; None if it is none."""
    of_type = text_in(item, "type")
    call = text_in(item, "id")
    if of_type not in _TOOLS or not call:
        return None
    tool, kind = _TOOLS[of_type]
    return ToolStart(call=call, tool=tool or _tool_name(item), kind=kind, title=_title(of_type, item))


def tool_end(item: dict[str, Any]) -> ToolEnd:
    """Tell how a tool call ended."""
    status = text_in(item, "status")
    exit_code = _exit_code(item)
    ok = status in {"completed", ""} and exit_code in {0, None} and item.get("success") is not False
    return ToolEnd(call=text_in(item, "id"), ok=ok, summary=_summary(item, status, exit_code))


def inner_command(command: str) -> str:
    """Return what a shell is to run, without the shell that Codex puts before each command."""
    if len(command) > _COMMAND_MAX:
        return command
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    is_wrapped = len(words) == 3 and words[0].rpartition("/")[2] in _SHELLS and words[1] in _RUNS
    return words[2] if is_wrapped else command


def paths_of(changes: list[dict[str, Any]]) -> str:
    """Name the files that a change is about."""
    return one_line(", ".join(text_in(change, "path") for change in changes))


def _tool_name(item: dict[str, Any]) -> str:
    place = text_in(item, "server") or text_in(item, "namespace")
    name = text_in(item, "tool") or text_in(item, "name") or "tool"
    return f"{place}.{name}" if place else name


def _title(of_type: str, item: dict[str, Any]) -> str:
    match of_type:
        case "commandExecution":
            return one_line(inner_command(text_in(item, "command")))
        case "fileChange":
            return paths_of(tables_in(item, "changes"))
        case "webSearch":
            return one_line(text_in(item, "query"))
        case "imageView":
            return one_line(text_in(item, "path"))
        case "collabAgentToolCall":
            return one_line(f"{text_in(item, 'tool')} {text_in(item, 'prompt')}".strip())
        case _:
            arguments = item.get("arguments")
            return one_line(raw_of(arguments)) if arguments else ""


def _exit_code(item: dict[str, Any]) -> int | None:
    found = item.get("exitCode")
    return found if type(found) is int else None


def _summary(item: dict[str, Any], status: str, exit_code: int | None) -> str:
    if status == "declined":
        return "declined"
    error = text_in(table_in(item, "error"), "message")
    said = error or _last_line(text_in(item, "aggregatedOutput")) or _first_content(item)
    if exit_code not in {0, None}:
        return (
            f"exit {one_line(str(exit_code), 20)}: {said}" if said else f"exit {one_line(str(exit_code), 20)}"
        )
    return said


def _last_line(output: str) -> str:
    lines = output[-2_000:].strip().splitlines()
    return one_line(lines[-1]) if lines else ""


def _first_content(item: dict[str, Any]) -> str:
    contents = tables_in(table_in(item, "result"), "content")
    return one_line(text_in(contents[0], "text")) if contents else ""


def thoughts_of(item: dict[str, Any]) -> str:
    """Return what a reasoning item says: the summary, else the thoughts themselves."""
    return "\n".join(texts_in(item, "summary") or texts_in(item, "content"))
