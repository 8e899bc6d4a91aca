"""What an agent's client needs to find the team: the text of its configuration, and where it belongs.

The key never stands in it: clients that speak HTTP read it from a variable, the bridge from a file.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from supervisor.adapters.kit import SERVER_NAME
from supervisor.errors import InvalidArgument

KEY_VARIABLE: Final = "SUPERVISOR_KEY"
"""The variable in which clients look for the key."""


class Client(StrEnum):
    """The clients whose configuration we can write; `mcp-json` is the form that most others take."""

    CLAUDE = "claude"
    CODEX = "codex"
    OPENCODE = "opencode"
    GEMINI = "gemini"
    QWEN = "qwen"
    MCP_JSON = "mcp-json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """One client's configuration: `entry` stands under `section` of `file`, a path in the client's directory.

    `command` is the client's own way to make the same entry, if it has one. `program` starts it.
    """

    client: Client
    file: str
    section: str
    entry: dict[str, Any]
    command: tuple[str, ...] = ()
    program: str = ""
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return the whole file, as it is where nothing else is configured."""
        if self.client is Client.CODEX:
            return _toml_table(f"{self.section}.{SERVER_NAME}", self.entry)
        return _json_text({self.section: {SERVER_NAME: self.entry}})

    def merged(self, present: str) -> str:
        """Return the file with our entry beside what is in it; raise InvalidArgument if it cannot be read."""
        if self.client is Client.CODEX:
            return _toml_merged(present, self)
        try:
            settings = json.loads(present)
        except (ValueError, RecursionError) as error:
            raise InvalidArgument(f"it is no plain JSON ({error}); add the entry by hand") from error
        section = settings.setdefault(self.section, {}) if isinstance(settings, dict) else None
        if not isinstance(section, dict):
            raise InvalidArgument(f"it has no table `{self.section}`; add the entry by hand")
        section[SERVER_NAME] = self.entry
        return _json_text(settings)


def over_http(client: Client, url: str) -> ClientConfig:
    """Configure a client to reach the engine itself, with the key from KEY_VARIABLE."""
    bearer = f"Authorization: Bearer ${KEY_VARIABLE}"
    match client:
        case Client.CLAUDE:
            return ClientConfig(
                client=client,
                file=".mcp.json",
                section="mcpServers",
                entry={
                    "type": "http",
                    "url": url,
                    "headers": _headers(f"${{{KEY_VARIABLE}}}"),
                    "alwaysLoad": True,
                },
                command=(
                    *("claude", "mcp", "add", "--transport", "http", "--scope", "project", SERVER_NAME, url),
                    *("--header", f"Authorization: Bearer ${{{KEY_VARIABLE}}}"),
                ),
                program="claude",
                notes=("Claude Code asks once whether to use the server of this file: `claude`, then /mcp.",),
            )
        case Client.CODEX:
            return _codex(
                {
                    "url": url,
                    "bearer_token_env_var": KEY_VARIABLE,
                    "default_tools_approval_mode": "approve",
                },
                command=(
                    *("codex", "mcp", "add", SERVER_NAME, "--url", url),
                    *("--bearer-token-env-var", KEY_VARIABLE),
                ),
            )
        case Client.OPENCODE:
            return _opencode(
                {
                    "type": "remote",
                    "url": url,
                    "headers": _headers(f"{{env:{KEY_VARIABLE}}}"),
                    "oauth": False,
                    "enabled": True,
                }
            )
        case Client.GEMINI | Client.QWEN:
            add = (client.value, "mcp", "add", "--transport", "http", "--scope", "project", "--trust")
            return _gemini_like(
                client,
                {"httpUrl": url, "headers": _headers(f"${KEY_VARIABLE}"), "trust": True},
                command=(*add, SERVER_NAME, url, "--header", bearer),
            )
        case Client.MCP_JSON:
            return _mcp_json(
                {"type": "http", "url": url, "headers": _headers(f"${{{KEY_VARIABLE}}}")},
                note=f"Whether ${{{KEY_VARIABLE}}} is replaced depends on the client; else use --stdio.",
            )


def over_stdio(client: Client, bridge: tuple[str, ...]) -> ClientConfig:
    """Configure a client to start the bridge, an argv that reads the key from its file."""
    program, *arguments = bridge
    plain = {"command": program, "args": arguments}
    match client:
        case Client.CLAUDE:
            return ClientConfig(
                client=client,
                file=".mcp.json",
                section="mcpServers",
                entry={"type": "stdio", **plain, "alwaysLoad": True},
                command=("claude", "mcp", "add", "--scope", "project", SERVER_NAME, "--", *bridge),
                program="claude",
            )
        case Client.CODEX:
            return _codex(
                {**plain, "default_tools_approval_mode": "approve"},
                command=("codex", "mcp", "add", SERVER_NAME, "--", *bridge),
            )
        case Client.OPENCODE:
            return _opencode({"type": "local", "command": list(bridge), "enabled": True})
        case Client.GEMINI | Client.QWEN:
            return _gemini_like(client, {**plain, "trust": True})
        case Client.MCP_JSON:
            return _mcp_json(
                {"type": "stdio", **plain}, note="Give the file, or its entry, to the client as it wants it."
            )


def _codex(entry: dict[str, Any], command: tuple[str, ...]) -> ClientConfig:
    return ClientConfig(
        client=Client.CODEX,
        file=".codex/config.toml",
        section="mcp_servers",
        entry=entry,
        command=command,
        program="codex",
        notes=(
            "Codex reads the file of a project only if the project is trusted, else ~/.codex/config.toml.",
        ),
    )


def _opencode(entry: dict[str, Any]) -> ClientConfig:
    return ClientConfig(
        client=Client.OPENCODE, file="opencode.json", section="mcp", entry=entry, program="opencode"
    )


def _gemini_like(client: Client, entry: dict[str, Any], command: tuple[str, ...] = ()) -> ClientConfig:
    return ClientConfig(
        client=client,
        file=f".{client.value}/settings.json",
        section="mcpServers",
        entry=entry,
        command=command,
        program=client.value,
        notes=("`trust` lets it call the team's tools without asking; take it out to be asked each time.",),
    )


def _mcp_json(entry: dict[str, Any], note: str) -> ClientConfig:
    return ClientConfig(
        client=Client.MCP_JSON, file="mcp.json", section="mcpServers", entry=entry, notes=(note,)
    )


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _json_text(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _toml_table(name: str, entry: dict[str, Any]) -> str:
    lines = [f"[{name}]", *(f"{key} = {_toml_value(value)}" for key, value in entry.items())]
    return "\n".join(lines) + "\n"


def _toml_value(value: Any) -> str:
    """Spell a text or a list of texts; TOML's basic strings are JSON's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml_merged(present: str, config: ClientConfig) -> str:
    try:
        settings = tomllib.loads(present)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"it is no TOML ({error}); mend it first") from error
    section = settings.get(config.section, {})
    known = section.get(SERVER_NAME) if isinstance(section, dict) else None
    if known == config.entry:
        return present
    if known is not None or not isinstance(section, dict):
        raise InvalidArgument(f"it has another `{config.section}.{SERVER_NAME}`; take that out first")
    gap = "" if not present.strip() else "\n" if present.endswith("\n") else "\n\n"
    merged = present + gap + config.text
    try:
        tomllib.loads(merged)
    except ValueError as error:  # an inline table cannot be added to
        raise InvalidArgument(
            f"`{config.section}` in it cannot be added to; add the entry by hand"
        ) from error
    return merged
