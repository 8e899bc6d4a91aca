"""The reference of the MCP tools, read from the table that serves them."""

from __future__ import annotations

from typing import Any, Final

from supervisor.model.agent import Role
from supervisor.transports.mcp.tools.table import TOOLS
from supervisor.transports.mcp.tools.tool import Tool

INTRODUCTION: Final = """\
What an agent can call. The endpoint and the key stand in the file named by `SUPERVISOR_MCP_CONFIG`; begin
with `whoami`. A role sees only its own tools.

Every answer is JSON, as structured content and as text, and carries a `footer` with `unread` (how many
messages wait), `lease_until` (when the first lease of a held task ends) and `stop_requested`. A refusal is an
error result `{"error": {"code", "message", …}}`; the codes are in [errors](errors.md). Unknown arguments are
refused. A tool that changes something takes an optional `idempotency_key` of at most 100 characters: a
repeated call with the same key is done once."""


def tool_page(generated: str) -> str:
    """Explain every tool: what it does, who may call it, its arguments."""
    return "\n\n".join(["# Tools", generated, INTRODUCTION, *map(_tool, TOOLS.values())]) + "\n"


def _tool(tool: Tool) -> str:
    schema = tool.spec().input_schema
    required = schema.get("required", [])
    rows = [
        f"| `{name}` | {_kind(each)} | {'yes' if name in required else ''} | {each.get('description', '')} |"
        for name, each in schema.get("properties", {}).items()
        if name != "idempotency_key"
    ]
    table = ["", "| argument | type | required | |", "|---|---|---|---|", *rows] if rows else []
    return "\n".join([f"## `{tool.name}`", "", f"{tool.description} {_effect(tool)} {_who(tool)}", *table])


def _effect(tool: Tool) -> str:
    if tool.destructive:
        return "*Undoes others' work.*"
    return "*Changes something.*" if tool.mutates else "*Only looks.*"


def _who(tool: Tool) -> str:
    roles = [role.value for role in Role if tool.visible_to(role)]
    return "For every role." if len(roles) == len(Role) else f"For: {', '.join(roles)}."


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return _kind(next(each for each in schema["anyOf"] if each.get("type") != "null"))
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("type", "any"))
